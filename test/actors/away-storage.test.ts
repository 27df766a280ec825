/**
 * A catalog or an object store that is away when K2 starts is a state (R14): the API answers and
 * says what is missing, feeds capture, and landing begins when the tables can be had.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { startFakeRestCatalog } from '../support/fake-iceberg-rest.ts'
import { runSql } from '../support/warehouse.ts'
import { cleanUp, newFolder, startTree, type Tree } from './support/runtime.ts'

cleanUp()

const testMsMax = 120_000

/** Where nobody listens, until the test does. */
const freePort = async (): Promise<number> => {
  const catalog = await startFakeRestCatalog()
  await catalog.close()
  return Number(new URL(catalog.uri).port)
}

const get = async ({ shared }: Tree, path: string) => {
  const response = await fetch(`${shared.http.current!.url}${path}`)
  await response.text()
  return { status: response.status, retryAfter: response.headers.get('retry-after') }
}

const needTables = [
  'root/storage/trades',
  'root/landing/lander:trades',
  'root/landing/lander:quotes',
  'root/reading/queries',
  'root/repair/compaction:trades',
  'root/repair/orphans:quotes',
  'root/repair/retention:trades'
]

/** Each of them is seen to wait, none has crashed. */
const untilWaiting = async (tree: Tree, paths: readonly string[]): Promise<void> => {
  const seen = new Set<string>()
  await tree.until('that all wait', () => {
    for (const path of paths) {
      const { state, tags } = tree.actor(path)
      if (state === 'waiting' && tags.includes('waiting')) seen.add(path)
    }
    return seen.size === paths.length
  })
  for (const path of paths) {
    const { lastError, counters } = tree.actor(path)
    expect([path, lastError?.isDependency, counters?.['crashesInWindow']]).toEqual([path, true, 0])
  }
}

const untilCaptured = (tree: Tree, metric: string) =>
  tree.until('captured trades', async () => (await tree.metric(metric)) > 0)

describe('a start while the storage is away', () => {
  test(
    'the API answers, a new log captures; it lands once the catalog listens',
    async () => {
      const port = await freePort()
      const tree = startTree(newFolder(), { K2_ICEBERG_CATALOG_URI: `http://127.0.0.1:${port}` })
      await tree.until('the API', () => tree.shared.http.current !== undefined)
      expect(await get(tree, '/health/live')).toMatchObject({ status: 200 })
      const ready = await tree.health()
      expect(ready.status).toBe(503)
      expect(ready.text).toContain('the table market.trades is not open')
      for (const path of ['/v1/trades', '/v1/quotes', '/v1/symbols', '/v1/snapshots']) {
        expect([path, await get(tree, path)]).toEqual([path, { status: 503, retryAfter: '1' }])
      }
      await untilCaptured(tree, 'k2_published_records_total')
      await untilWaiting(tree, needTables)
      expect((await tree.health()).text).not.toContain('the event log is not open')

      const catalog = await startFakeRestCatalog(port)
      onTestFinished(() => catalog.close())
      await tree.until('a process that is ready', async () => (await tree.health()).status === 200)
      await tree.until('rows', async () => (await tree.metric('k2_landed_records')) > 0)
      expect(await get(tree, '/v1/trades')).toMatchObject({ status: 200 })
      await tree.drain()
      expect(tree.shared.drained).toMatchObject({ isLanded: true, unpublishedBytes: 0 })
    },
    testMsMax
  )

  test(
    'a log that was written to waits for the tables, and the spool captures meanwhile (R11)',
    async () => {
      const catalog = await startFakeRestCatalog()
      onTestFinished(() => catalog.close())
      const folder = newFolder()
      const settings = { K2_ICEBERG_CATALOG_URI: catalog.uri }
      const first = startTree(folder, settings)
      await first.until('rows', async () => (await first.metric('k2_landed_records')) > 0)
      await first.drain()

      catalog.misbehave = () => ({ does: 'reset', when: 'before' })
      const second = startTree(folder, settings)
      await second.until('the API', () => second.shared.http.current !== undefined)
      await untilCaptured(second, 'k2_spooled_total')
      await untilWaiting(second, ['root/log/event-log', ...needTables])
      expect((await second.health()).text).toContain('the event log is not open')
      catalog.misbehave = () => 'none'
      await second.until('an empty spool', () => second.shared.spool.current?.usage().records === 0)
      await second.until('that it is ready', async () => (await second.health()).status === 200)
      await second.drain()
      expect(second.shared.drained).toMatchObject({ isLanded: true, unpublishedBytes: 0 })
      const files = `${folder}/warehouse/market/trades/**/*.parquet`
      const [[rows, distinct] = []] = await runSql(
        `SELECT count(*), count(DISTINCT message_id) FROM read_parquet('${files}')`
      )
      expect(Number(rows)).toBeGreaterThan(0)
      expect(rows).toBe(distinct)
    },
    testMsMax
  )

  test('the object store: the API answers', async () => {
    const tree = startTree(newFolder(), {
      K2_ICEBERG_S3_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      K2_ICEBERG_S3_ACCESS_KEY_ID: 'key',
      K2_ICEBERG_S3_SECRET_ACCESS_KEY: 'secret'
    })
    await tree.until('the API', () => tree.shared.http.current !== undefined)
    expect(await get(tree, '/v1/trades')).toEqual({ status: 503, retryAfter: '1' })
    await untilCaptured(tree, 'k2_published_records_total')
    await untilWaiting(tree, ['root/storage/trades', 'root/reading/queries'])
  })
})
