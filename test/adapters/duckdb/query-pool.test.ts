import { DuckDBDataChunk } from '@duckdb/node-api'
import { Effect, Exit, Fiber, Scope } from 'effect'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  openQueryPool,
  type QueryPool,
  type QueryPoolOptions
} from '../../../src/adapters/duckdb/query-pool.ts'
import { columnsOfTrades, openFixture, type WriterFixture } from './support.ts'
import { midnightUs, trade } from './trades.ts'

let warehouse: WriterFixture
let outside: string
const scopes: Scope.Closeable[] = []

beforeAll(async () => {
  warehouse = await openFixture()
  outside = await mkdtemp(join(tmpdir(), 'k2-outside-'))
  await writeFile(join(outside, 'secret.csv'), 'a,b\n1,2\n')
  for (const name of ['a', 'b']) {
    await Effect.runPromise(
      warehouse.writer.write({
        rows: columnsOfTrades([trade({ source_sequence: name === 'a' ? 1 : 2 })]),
        directory: warehouse.directory,
        fileName: () => `${name}.parquet`
      })
    )
  }
})
afterEach(async () => {
  for (const scope of scopes.splice(0)) await Effect.runPromise(Scope.close(scope, Exit.void))
})
afterAll(async () => {
  await warehouse.close()
  await rm(outside, { recursive: true })
})

const open = async (overrides: Partial<QueryPoolOptions> = {}): Promise<QueryPool> => {
  const scope = Effect.runSync(Scope.make())
  scopes.push(scope)
  return Effect.runPromise(
    openQueryPool({
      connections: 2,
      queueMax: 2,
      deadlineMsMax: 10_000,
      threads: 1,
      memoryBytesMax: 256 * 2 ** 20,
      directories: [warehouse.directory],
      tempDirectory: join(warehouse.directory, 'spill'),
      ...overrides
    }).pipe(Scope.provide(scope))
  )
}

const endless = {
  sql: 'SELECT sum(hash(a.range + b.range)) FROM range(100000000) a, range(100000000) b',
  parameters: {}
}
const quick = { sql: 'SELECT 42', parameters: {} }
const fileQuery = (...names: string[]) => ({
  sql:
    'SELECT source_sequence FROM read_parquet($files) ' +
    'WHERE timestamp >= $from AND symbol = $symbol ORDER BY 1',
  parameters: {
    files: { type: 'texts', value: names.map((name) => join(warehouse.directory, name)) },
    from: { type: 'timestamp', value: midnightUs },
    symbol: { type: 'text', value: 'BTCUSDT' }
  } as const
})

const failure = (pool: QueryPool, sql: string) =>
  Effect.runPromise(Effect.flip(pool.run({ sql, parameters: {} })))

describe('query pool', () => {
  test('one prepared statement serves changing file lists', async () => {
    const pool = await open({ connections: 1 })
    expect(await Effect.runPromise(pool.run(fileQuery('a.parquet')))).toEqual([[1n]])
    expect(await Effect.runPromise(pool.run(fileQuery('a.parquet', 'b.parquet')))).toEqual([
      [1n],
      [2n]
    ])
    expect(await Effect.runPromise(pool.run(fileQuery('b.parquet')))).toEqual([[2n]])
  })

  test('many rows leave the thread to others between their chunks', async () => {
    const pool = await open({ connections: 1 })
    const convert = vi.spyOn(DuckDBDataChunk.prototype, 'getRows')
    onTestFinished(() => convert.mockRestore())
    const turns: number[] = []
    let turn: NodeJS.Immediate | undefined
    const next = () => {
      turns.push(convert.mock.calls.length)
      turn = setImmediate(next)
    }
    next()
    const sql = 'SELECT range FROM range(20000)'
    const rows = await Effect.runPromise(pool.run({ sql, parameters: {} }))
    clearImmediate(turn)
    expect(rows.map(([cell]) => cell)).toEqual(Array.from({ length: 20_000 }, (_, n) => BigInt(n)))
    // One a turn of the event loop, or a second one that was there meanwhile.
    const steps = turns.map((count, index) => count - (turns[index - 1] ?? 0))
    expect(convert.mock.calls.length).toBeGreaterThan(5)
    expect(Math.max(...steps)).toBeLessThanOrEqual(2)
  })

  test('more distinct statements than are kept', async () => {
    const pool = await open({ connections: 1 })
    for (let n = 0; n < 80; n++) {
      expect(
        await Effect.runPromise(pool.run({ sql: `SELECT ${n % 40}`, parameters: {} }))
      ).toEqual([[n % 40]])
    }
  })

  test.each([
    [
      'a file outside the warehouse',
      () => `SELECT * FROM read_csv('${join(outside, 'secret.csv')}')`
    ],
    [
      'a way out by ..',
      () => {
        const folder = outside.split('/').at(-1)!
        return `SELECT * FROM read_csv('${warehouse.directory}/../${folder}/secret.csv')`
      }
    ],
    ['the network', () => "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')"],
    ['writing outside', () => `COPY (SELECT 1) TO '${join(outside, 'x.csv')}'`],
    ['attaching a database', () => `ATTACH '${join(outside, 'x.db')}'`],
    ['an extension', () => 'INSTALL httpfs'],
    ['loading an extension', () => 'LOAD httpfs'],
    ['the configuration', () => 'SET enable_external_access = true'],
    ['the allowed directories', () => `SET allowed_directories = ['/']`]
  ])('refuses %s, and says nothing of it to clients', async (_, sql) => {
    const pool = await open()
    const error = await failure(pool, sql())
    expect(error._tag).toBe('QueryFailed')
    expect(error.message).toBe('the query engine could not answer this query')
    expect(await Effect.runPromise(pool.run(quick))).toEqual([[42]])
  })

  test('a query beyond its deadline ends, and its connection works on', async () => {
    const pool = await open({ connections: 1, deadlineMsMax: 50 })
    const error = await Effect.runPromise(Effect.flip(pool.run(endless)))
    expect(error).toMatchObject({ _tag: 'QueryTimedOut', deadlineMs: 50 })
    expect(pool.pending()).toBe(0)
    // On a machine that is busy it may take more than one try to be answered in time.
    const isLate = ({ _tag: tag }: { readonly _tag: string }) => tag === 'QueryTimedOut'
    const answer = Effect.retry(pool.run(quick), { while: isLate })
    expect(await Effect.runPromise(answer)).toEqual([[42]])
  })

  test('waiting counts against the deadline', async () => {
    const pool = await open({ connections: 1, deadlineMsMax: 100 })
    const [first, second] = await Promise.all(
      [endless, quick].map((query) => Effect.runPromiseExit(pool.run(query)))
    )
    expect(Exit.isFailure(first!)).toBe(true)
    expect(pool.pending()).toBe(0)
    // The second was let in when the first had ended, or ran out of its own time: never lost.
    expect(second!._tag === 'Success' || JSON.stringify(second).includes('QueryTimedOut')).toBe(
      true
    )
  })

  test('a full queue refuses at once', async () => {
    const pool = await open({ connections: 1, queueMax: 1 })
    const running = [Effect.runFork(pool.run(endless)), Effect.runFork(pool.run(quick))]
    expect(pool.pending()).toBe(2)
    const error = await Effect.runPromise(Effect.flip(pool.run(quick)))
    expect(error).toMatchObject({ _tag: 'QueryQueueFull', queueMax: 1 })
    await Effect.runPromise(Fiber.interruptAll(running))
    expect(pool.pending()).toBe(0)
  })

  test('an interrupted query ends its statement at any moment of its life', async () => {
    const pool = await open({ connections: 1 })
    for (let turn = 0; turn < 12; turn++) {
      const fiber = Effect.runFork(pool.run(endless))
      for (let tick = 0; tick < turn; tick++) await new Promise((resolve) => setImmediate(resolve))
      await Effect.runPromise(Fiber.interrupt(fiber))
      expect(await Effect.runPromise(pool.run(quick))).toEqual([[42]])
    }
  })

  test('the event loop turns while statements run and while their rows are read', async () => {
    const pool = await open()
    const fiber = Effect.runFork(pool.run(endless))
    for (let turn = 0; turn < 1_000; turn++) await new Promise((next) => setImmediate(next))
    expect(pool.pending()).toBe(1)
    const rows = Effect.runFork(
      pool.run({ sql: 'SELECT range FROM range(100000)', parameters: {} })
    )
    let turns = 0
    while (pool.pending() > 1) turns += await new Promise<number>((next) => setImmediate(next, 1))
    expect(await Effect.runPromise(Fiber.join(rows))).toHaveLength(100_000)
    // Rows come by 2,048, each time from another thread.
    expect(turns).toBeGreaterThan(100_000 / 2_048 / 2)
    await Effect.runPromise(Fiber.interrupt(fiber))
  })

  test('closing the scope of a pool with a running query ends both', async () => {
    const program = Effect.gen(function* () {
      const pool = yield* openQueryPool({
        connections: 1,
        queueMax: 0,
        deadlineMsMax: 10_000,
        threads: 1,
        memoryBytesMax: 64 * 2 ** 20,
        directories: [warehouse.directory],
        tempDirectory: join(warehouse.directory, 'spill')
      })
      yield* Effect.forkScoped(pool.run(endless))
      yield* Effect.yieldNow
    })
    await Effect.runPromise(Effect.scoped(program))
  })
})
