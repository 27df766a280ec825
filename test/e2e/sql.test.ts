/** K2 as its users run it answers SQL over the trades that it captures itself. */
import { expect, test } from 'vitest'
import { wholeK2 } from '../support/k2-command.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { until } from '../support/until.ts'

const k2s = k2Fixture()

test('trades of this very process, their snapshot, and the other tables', async () => {
  const k2 = k2s.start({
    K2_DATA_DIR: k2s.dataFolder(),
    K2_HTTP_PORT: '0',
    K2_COMMIT_AGE: '200ms'
  })
  const url = await k2.ready()
  const sql = async (text: string) => {
    const { code, printed, complaints } = await wholeK2(
      'sql',
      text,
      '--url',
      url,
      '--format',
      'json'
    )
    expect(complaints).toBe('')
    expect(code).toBe(0)
    return JSON.parse(printed)
  }
  const counted = 'SELECT count(*) AS n, count(DISTINCT symbol) > 0 AS some FROM trades'
  const hasTrades = async () => ((await sql(counted)).data[0].n > 0 ? true : undefined)
  await until(hasTrades, { what: 'a trade in SQL', msMax: 60_000 })
  const { data, meta } = await sql(counted)
  expect(data[0].some).toBe(true)
  expect(meta.columns).toEqual([
    { name: 'n', type: 'BIGINT' },
    { name: 'some', type: 'BOOLEAN' }
  ])
  const snapshots = await sql(
    "SELECT snapshot_id::VARCHAR AS id FROM snapshots WHERE table_name = 'market.trades'"
  )
  expect(snapshots.data.map(({ id }: { id: string }) => id)).toContain(meta.snapshots.trades)
  for (const view of ['quotes', 'candles', 'gaps', 'reference_data'])
    expect((await sql(`SELECT count(*) AS n FROM ${view}`)).data).toHaveLength(1)
}, 120_000)
