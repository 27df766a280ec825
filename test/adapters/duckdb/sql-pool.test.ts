/** What SQL answers, and that its caps hold while K2 goes on. */
import { Effect, Exit, Fiber, Scope } from 'effect'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  openSqlPool,
  type SqlPool,
  type SqlPoolOptions
} from '../../../src/adapters/duckdb/sql-pool.ts'
import type { SqlSource } from '../../../src/adapters/duckdb/sql-protocol.ts'

const MiB = 2 ** 20
const scopes: Scope.Closeable[] = []
let pool: SqlPool

const open = (deadlineMsMax: number, others: Partial<SqlPoolOptions> = {}): Promise<SqlPool> => {
  const scope = Effect.runSync(Scope.make())
  scopes.push(scope)
  const bounds = { processes: 1, queueMax: 1, threads: 1, memoryBytesMax: 512 * MiB }
  const options = { ...bounds, deadlineMsMax, ...others }
  return Effect.runPromise(openSqlPool(options).pipe(Scope.provide(scope)))
}
const closeFrom = async (index: number) => {
  for (const scope of scopes.splice(index)) await Effect.runPromise(Scope.close(scope, Exit.void))
}
beforeAll(async () => {
  pool = await open(120_000, { memoryBytesMax: 256 * MiB })
})
afterEach(() => closeFrom(1))
afterAll(() => closeFrom(0))

const json: SqlSource = {
  view: 'gaps',
  columns: [
    { name: 'id', type: 'BIGINT' },
    { name: 'at', type: 'TIMESTAMPTZ' },
    { name: 'summary', type: 'MAP(VARCHAR, VARCHAR)' }
  ],
  rows: {
    kind: 'json',
    text:
      '[{"id":9223372036854775807,"at":"2024-08-08T00:00:00.123456Z","summary":{"a":"b"}},' +
      '{"id":null,"at":null,"summary":null}]'
  }
}
const empty: SqlSource = {
  view: 'quotes',
  columns: [{ name: 'bid_price', type: 'DECIMAL(18,8)' }],
  rows: { kind: 'files', source: 'read_parquet($files)', paths: [] }
}

const run = (sql: string, { of = pool, rowsMax = 100, bytesMax = MiB } = {}) =>
  of.use((session) =>
    Effect.gen(function* () {
      const checked = yield* session.check(sql, ['gaps', 'quotes'])
      if ('refusal' in checked) return checked
      return yield* session.run({ sql, sources: [json, empty], rowsMax, bytesMax })
    })
  )
const ask = (sql: string, options: Parameters<typeof run>[1] = {}) =>
  Effect.runPromise(run(sql, options))

describe('values', () => {
  test.each([
    ['9007199254740993::BIGINT', '9007199254740993'],
    ['170141183460469231731687303715884105727::HUGEINT', '170141183460469231731687303715884105727'],
    ['9999999999.99999999::DECIMAL(18,8)', '9999999999.99999999'],
    ['-0.00000001::DECIMAL(18,8)', '-0.00000001'],
    ['12345678901234567890.12345678901::DECIMAL(38,11)', '12345678901234567890.12345678901'],
    ['0.1::DOUBLE', '0.1'],
    ["'NaN'::DOUBLE", '"NaN"'],
    ['true', 'true'],
    ['NULL', 'null'],
    [`'a"\u2028é'`, JSON.stringify('a"\u2028é')],
    ["TIMESTAMPTZ '2024-08-08T00:00:00.000001+02:00'", '"2024-08-07T22:00:00.000001Z"'],
    ["TIMESTAMPTZ '1969-12-31T23:59:59.999999Z'", '"1969-12-31T23:59:59.999999Z"'],
    ["TIMESTAMP '2024-08-08 01:02:03'", '"2024-08-08T01:02:03.000000"'],
    ["'infinity'::TIMESTAMPTZ", '"infinity"'],
    ["DATE '2024-08-08'", '"2024-08-08"'],
    ['[1.50::DECIMAL(3,2), NULL]', '[1.50,null]'],
    ["{'a': 1, 'b': [true]}", '{"a":1,"b":[true]}'],
    ["MAP {'k': 2}", '{"k":2}'],
    ['MAP {1: 2}', '[{"key":1,"value":2}]']
  ])('%s', async (expression, expected) => {
    expect(await ask(`SELECT ${expression} AS v`)).toMatchObject({ rows: `{"v":${expected}}` })
  })

  test('columns in their order with their types; equal names stay apart', async () => {
    expect(await ask('SELECT 1 AS b, 2::BIGINT AS a, 3 AS b')).toEqual({
      columns: [
        { name: 'b', type: 'INTEGER' },
        { name: 'a', type: 'BIGINT' },
        { name: 'b:1', type: 'INTEGER' }
      ],
      rows: '{"b":1,"a":2,"b:1":3}',
      rowCount: 1,
      cutBy: null
    })
  })

  test('rows that come along, and a table without files', async () => {
    expect(await ask('SELECT * FROM gaps ORDER BY id')).toMatchObject({
      rows:
        '{"id":9223372036854775807,"at":"2024-08-08T00:00:00.123456Z","summary":{"a":"b"}},' +
        '{"id":null,"at":null,"summary":null}'
    })
    expect(await ask('SELECT bid_price FROM quotes')).toMatchObject({ rows: '', rowCount: 0 })
    expect(await ask('DESCRIBE quotes')).toMatchObject({
      rows: expect.stringContaining('"column_type":"DECIMAL(18,8)"')
    })
  })

  test('WITH, also of the name of a view, recursive, windows, unnest, lambdas', async () => {
    const answers = [
      ['WITH gaps AS (SELECT 5 AS x) SELECT x FROM gaps', '{"x":5}'],
      [
        'WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) ' +
          'SELECT sum(n) AS s FROM t',
        '{"s":6}'
      ],
      ['SELECT row_number() OVER (ORDER BY id) AS r FROM gaps LIMIT 1', '{"r":1}'],
      ['SELECT unnest([7]) AS u', '{"u":7}'],
      ['SELECT list_transform([1], lambda x: x + 1) AS l', '{"l":[2]}'],
      ['SELECT count(*) AS n FROM range(10)', '{"n":10}'],
      ['VALUES (1)', '{"col0":1}']
    ]
    for (const [sql, rows] of answers) expect(await ask(sql!)).toMatchObject({ rows })
  })

  test('faults of the statement are told in words of its author', async () => {
    expect(await ask('SELECT nope FROM gaps')).toMatchObject({
      refusal: { code: 'sql_invalid', detail: expect.stringContaining('"nope" not found') }
    })
    expect(await ask("SELECT 'a'::INT")).toMatchObject({ refusal: { code: 'sql_failed' } })
    expect(await ask('SELECT [ROW(1, 2)] AS pairs')).toMatchObject({
      refusal: { code: 'sql_invalid', detail: expect.stringContaining('pairs has fields without') }
    })
    expect(await ask('SELECT * FROM traids')).toMatchObject({
      refusal: {
        code: 'sql_unknown_table',
        detail: 'there is no table "traids": gaps, quotes'
      }
    })
  })
})

describe('caps', () => {
  test('rows, exactly at the cap and beyond it', async () => {
    const rows = 'SELECT i FROM range(5000) t(i)'
    expect(await ask(rows, { rowsMax: 5_000 })).toMatchObject({ rowCount: 5_000, cutBy: null })
    expect(await ask(rows, { rowsMax: 4_999 })).toMatchObject({ rowCount: 4_999, cutBy: 'rows' })
    expect(await ask('SELECT i FROM range(1000000000000) t(i)', { rowsMax: 3 })).toMatchObject({
      rows: '{"i":0},{"i":1},{"i":2}',
      cutBy: 'rows'
    })
  })

  test('bytes; a first row that is too large is no empty answer', async () => {
    expect(await ask("SELECT 'é' AS t FROM range(9)", { bytesMax: 23 })).toMatchObject({
      rows: '{"t":"é"},{"t":"é"}',
      cutBy: 'bytes'
    })
    expect(await ask("SELECT repeat('x', 100)", { bytesMax: 99 })).toMatchObject({
      refusal: { code: 'sql_result_too_large' }
    })
  })

  test.each([
    ['an aggregate', 'SELECT length(list(i)) FROM range(1000000000) t(i)'],
    [
      'texts, which DuckDB does not count',
      "SELECT max(length(repeat('x', 3000000 + i::INT))) FROM range(2000) t(i)"
    ],
    ['lists', 'SELECT max(length(range(3000000 + i))) FROM range(2000) t(i)'],
    [
      'a recursion that doubles',
      "WITH RECURSIVE t AS (SELECT 'xxxxxxxx' AS s UNION ALL SELECT s || s FROM t) " +
        'SELECT max(length(s)) FROM t'
    ]
  ])('memory: %s', async (_, sql) => {
    expect(await ask(sql)).toMatchObject({ refusal: { code: 'sql_memory_exceeded' } })
    expect(await ask('SELECT 1 AS x')).toMatchObject({ rows: '{"x":1}' })
  })

  test('a process that keeps more than its share answers no further statement', async () => {
    const [lean, fat] = [await open(120_000), await open(120_000, { keptShareMax: 0 })]
    const large = "SELECT repeat('x', 4000000) AS s"
    for (const of of [lean, fat]) {
      expect(await ask(large, { of, bytesMax: 16 * MiB })).toMatchObject({ rowCount: 1 })
      expect(of.started()).toBe(1)
      expect(await ask('SELECT 1 AS x', { of })).toMatchObject({ rows: '{"x":1}' })
    }
    expect([lean.started(), fat.started()]).toEqual([1, 2])
  })

  const endless = 'SELECT sum(hash(a.range + b.range)) FROM range(10000000) a, range(10000000) b'

  test('the deadline ends a statement, and the next one is answered', async () => {
    const short = await open(1_500)
    const error = await Effect.runPromise(Effect.flip(run(endless, { of: short })))
    expect(error).toMatchObject({ _tag: 'QueryTimedOut', deadlineMs: 1_500 })
    expect(short.pending()).toBe(0)
  })

  test('whoever leaves takes the statement along; beyond the queue one is refused', async () => {
    const first = Effect.runFork(run(endless))
    const second = Effect.runFork(run('SELECT 2 AS x'))
    while (pool.pending() < 2) await new Promise((resolve) => setImmediate(resolve))
    const refused = await Effect.runPromise(Effect.flip(run('SELECT 3')))
    expect(refused).toMatchObject({ _tag: 'QueryQueueFull' })
    await Effect.runPromise(Fiber.interrupt(first))
    expect(await Effect.runPromise(Fiber.join(second))).toMatchObject({ rows: '{"x":2}' })
    expect(pool.pending()).toBe(0)
  })
})
