/**
 * Reads of two K2 that only answer, over Kafka, a REST catalog and S3 (`K2_REQUIRE_SERVICES=1`):
 * what one has answered the other answers again, also once the first is killed, and while the
 * brokers are away both say what they lack (R15, R35). A live replay goes on behind the outage.
 */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { areServicesRequired, icebergServices } from '../support/iceberg-services.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'
import { until } from '../support/until.ts'

const k2s = k2Fixture()
const waitMsMax = 90_000
const testMsMax = 400_000
const pageRows = 200

const services = icebergServices('kafka')

interface Page {
  readonly data: readonly { readonly message_id: string }[]
  readonly pagination: { readonly next_cursor: string | null }
  readonly meta: {
    readonly partial: boolean
    readonly missing?: readonly string[]
    readonly read_token: string
    /** null before the first commit. */
    readonly snapshot_id: string | null
  }
}

/** Bytes of `data`, and all of it read. */
interface Answered {
  readonly data: string
  readonly page: Page
}

/** 503 passes: the tail of who was not asked for a while is opened yet. */
const ask = (k2: K2Process, query: string): Promise<Answered> =>
  until(
    async () => {
      const { status, text } = await k2.get(`/v1/trades?limit=${pageRows}${query}`)
      if (status === 503) return undefined
      expect(status, text).toBe(200)
      const data = text.slice(text.indexOf('"data":'), text.lastIndexOf('"pagination":'))
      return { data, page: JSON.parse(text) as Page }
    },
    { what: `an answer to ${query}`, msMax: waitMsMax }
  )

const askUntil = (k2: K2Process, what: string, meets: (page: Page) => boolean) => {
  let seen: unknown
  return until(
    async () => {
      const answered = await ask(k2, '')
      seen = answered.page.meta
      return meets(answered.page) ? answered : undefined
    },
    { what, msMax: waitMsMax, seen: () => JSON.stringify(seen) }
  )
}

/** As another program does it, through the catalog; 63 bits are no number of JavaScript. */
const tag = async (name: string, snapshotId: string | null) => {
  const { catalogUri } = services().stack.addresses
  const { ok, status } = await fetch(`${catalogUri}/v1/namespaces/market/tables/trades`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body:
      '{"requirements":[],"updates":[{"action":"set-snapshot-ref","type":"tag",' +
      `"ref-name":"${name}","snapshot-id":${snapshotId}}]}`
  })
  expect(ok, `${status}`).toBe(true)
}

const idsOf = ({ data }: Page): readonly string[] => data.map((it) => it.message_id)
const isWhole = ({ data, meta }: Page) =>
  data.length === pageRows && !meta.partial && meta.snapshot_id !== null

/** A live replay, from the first record on: ids, and how many came before it was live. */
const followed = (url: string) => {
  const ids: string[] = []
  let seam: number | undefined
  const left = new AbortController()
  const ended = (async () => {
    const path = '/v1/replay/stream?live=true&fields=message_id'
    const { body } = await fetch(`${url}${path}`, { signal: left.signal })
    let rest = ''
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const { message_id: id, type } = JSON.parse(line) as Record<string, string>
        if (id !== undefined) ids.push(id)
        else if (type === 'replay.completed') seam = ids.length
        else throw new Error(line)
      }
    }
  })().catch((error: unknown) => {
    if (!left.signal.aborted) throw error
  })
  return {
    ids,
    seam: () => seam,
    end: async () => {
      left.abort()
      await ended
    }
  }
}

describe.skipIf(!areServicesRequired)('two K2 that answer', () => {
  test(
    'give the same by one token, go on by one cursor, and say what an outage hides',
    async () => {
      const folder = k2s.dataFolder()
      const start = (name: string, K2_ROLES: string) =>
        k2s.start({
          ...services().settings('tables'),
          K2_KAFKA_BOOTSTRAP_SERVERS: services().stack.addresses.kafkaBootstrap,
          K2_DATA_DIR: join(folder, name),
          K2_DATA_TYPES: 'trades',
          K2_SIMULATOR_RATE: '200',
          K2_COMMIT_AGE: '5s',
          K2_ROLES
        })
      const [, , one, two] = [
        start('ingest', 'ingest'),
        start('land', 'land'),
        start('one', 'serve'),
        start('two', 'serve')
      ] as const
      await Promise.all([one.ready(), two.ready()])

      const first = await askUntil(one, 'a whole page', isWhole)
      const { read_token: token } = first.page.meta
      expect((await ask(two, `&read_token=${token}`)).data).toBe(first.data)
      const { snapshot_id: snapshot } = first.page.meta
      await tag('nightly', snapshot)
      const tagged = await until(
        async () => {
          const { status, text } = await two.get(`/v1/trades?limit=${pageRows}&tag=nightly`)
          return status === 200 ? (JSON.parse(text) as Page) : undefined
        },
        { what: 'an answer of the tag', msMax: waitMsMax }
      )
      expect(tagged.meta).toMatchObject({ snapshot_id: snapshot, partial: false })
      expect(idsOf(tagged)).toEqual(idsOf((await ask(one, `&snapshot_id=${snapshot}`)).page))

      const second = await ask(one, `&cursor=${first.page.pagination.next_cursor}`)
      const { next_cursor: cursor } = second.page.pagination
      const third = await ask(one, `&cursor=${cursor}`)
      one.kill('SIGKILL')
      await one.exit()
      expect((await ask(two, `&cursor=${cursor}`)).data).toBe(third.data)
      const pages = [first, second, third].flatMap(({ page }) => idsOf(page))
      expect(new Set(pages).size).toBe(pages.length)

      const live = followed(await two.url())
      await expect.poll(live.seam, { timeout: waitMsMax }).toBeGreaterThan(0)
      const kafka = services().stack.service('kafka')
      await kafka.kill()
      const isTold = ({ meta: { missing = [] } }: Page) =>
        missing.some((it) => it.includes('the log is unreachable'))
      const away = await askUntil(two, 'an answer that says that the log is away', isTold)
      expect(away.page.meta.partial).toBe(true)
      expect(JSON.stringify(away.page.meta)).not.toContain('127.0.0.1')
      expect(idsOf(away.page)).toHaveLength(pageRows)
      const before = live.ids.length
      await kafka.start()
      await askUntil(two, 'a whole page after the outage', isWhole)
      await expect.poll(() => live.ids.length, { timeout: waitMsMax }).toBeGreaterThan(before + 100)
      await live.end()

      // What it sent is what there is: from the first on, each once, in no other order.
      const { text } = await two.get('/v1/replay/stream?fields=message_id')
      const all = text.split('\n').flatMap((line) => {
        const { message_id: id } = (line === '' ? {} : JSON.parse(line)) as Record<string, string>
        return id === undefined ? [] : [id]
      })
      expect(new Set(live.ids).size).toBe(live.ids.length)
      const symbolOf = (id: string) => id.slice(0, id.lastIndexOf(':'))
      for (const symbol of new Set(all.map(symbolOf))) {
        const mine = (ids: readonly string[]) => ids.filter((id) => symbolOf(id) === symbol)
        const given = mine(live.ids)
        expect(given, symbol).toEqual(mine(all).slice(0, given.length))
      }
    },
    testMsMax
  )
})
