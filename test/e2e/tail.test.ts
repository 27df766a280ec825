/**
 * What is durable in the log is answered before it has landed: while the table stands still,
 * answers go on, each trade once.
 */
import { expect, test } from 'vitest'
import { k2Fixture } from '../support/k2-process.ts'
import { until } from '../support/until.ts'

const k2s = k2Fixture()

interface Answer {
  readonly data: readonly { readonly n: number; readonly ids: number }[]
  readonly meta: {
    readonly snapshots: { readonly trades: string | null }
    readonly partial: boolean
    readonly missing?: readonly string[]
  }
}

test('answers go on while the table stands still, each trade once', async () => {
  const k2 = k2s.start({
    K2_DATA_DIR: k2s.dataFolder(),
    K2_HTTP_PORT: '0',
    K2_COMMIT_AGE: '10m'
  })
  const url = await k2.ready()
  const count = async (): Promise<Answer> => {
    const response = await fetch(`${url}/v1/sql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        sql: 'SELECT count(*) AS n, count(DISTINCT message_id) AS ids FROM trades'
      })
    })
    expect(response.status).toBe(200)
    return (await response.json()) as Answer
  }
  const seen: Answer[] = []
  await until(
    async () => {
      const answer = await count()
      const [row] = answer.data
      expect(row!.ids).toBe(row!.n)
      // A start that is slow may say that the tail is not there yet.
      if (!answer.meta.partial) seen.push(answer)
      const now = answer.meta.snapshots.trades
      const still = seen.filter(({ meta }) => meta.snapshots.trades === now)
      return new Set(still.map(({ data }) => data[0]!.n)).size >= 3 ? true : undefined
    },
    { what: 'three answers of the same snapshot, each with more trades', msMax: 60_000 }
  )
  const symbols = (await (await fetch(`${url}/v1/symbols`)).json()) as {
    readonly data: readonly string[]
    readonly meta: { readonly partial: boolean }
  }
  expect(symbols.data.length).toBeGreaterThan(0)
  expect(symbols.meta.partial).toBe(false)
}, 120_000)
