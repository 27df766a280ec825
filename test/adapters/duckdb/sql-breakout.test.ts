/** Attempts to get out of SQL, each with a real file outside that none may read. */
import { Effect, Exit, Scope } from 'effect'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSqlPool, type SqlPool } from '../../../src/adapters/duckdb/sql-pool.ts'
import { checkStatement, runStatement } from '../../../src/adapters/duckdb/sql-statement.ts'
import type { SqlReply, SqlSource } from '../../../src/adapters/duckdb/sql-protocol.ts'
import { columnsOfTrades, openFixture, type WriterFixture } from './support.ts'
import { trade } from './trades.ts'

const secret = 'c0ffee-of-the-other-room'
const MiB = 2 ** 20
let warehouse: WriterFixture
let outside: string
let pool: SqlPool
let source: SqlSource
const scope = Effect.runSync(Scope.make())

beforeAll(async () => {
  warehouse = await openFixture()
  outside = await mkdtemp(join(tmpdir(), 'k2-outside-'))
  await writeFile(join(outside, 'secret.csv'), `word\n${secret}\n`)
  await writeFile(join(warehouse.directory, 'secret.csv'), `word\n${secret}\n`)
  source = await sourceOf('a.parquet', 1)
  pool = await Effect.runPromise(
    openSqlPool({
      processes: 1,
      queueMax: 1,
      deadlineMsMax: 60_000,
      memoryBytesMax: 512 * MiB,
      threads: 1
    }).pipe(Scope.provide(scope))
  )
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await warehouse.close()
  await rm(outside, { recursive: true })
})

/** A view of a file with so many trades. */
const sourceOf = async (name: string, trades: number): Promise<SqlSource> => {
  const all = Array.from({ length: trades }, (_, index) => trade({ source_sequence: index + 1 }))
  const { directory } = warehouse
  await Effect.runPromise(
    warehouse.writer.write({ rows: columnsOfTrades(all), directory, fileName: () => name })
  )
  return {
    view: 'trades',
    columns: [
      { name: 'symbol', type: 'VARCHAR' },
      { name: 'price', type: 'DECIMAL(18,8)' }
    ],
    rows: { kind: 'files', source: 'read_parquet($files)', paths: [join(directory, name)] }
  }
}

const limits = { duckdbBytesMax: 256 * MiB, threads: 1, directories: [] }

/** `$F`: the file outside; `$W`: one of the warehouse that is no data file; `$P`: a data file. */
const attempts: readonly string[] = [
  "SELECT * FROM '$F'",
  'SELECT * FROM "$F"',
  "SELECT * FROM '$W'",
  'SELECT * FROM "$P"',
  "FROM '$F'",
  "TABLE '$F'",
  "SELECT * FROM read_csv('$F')",
  "SELECT * FROM read_csv_auto('$F')",
  "SELECT * FROM READ_TEXT('$F')",
  "SELECT * FROM read_text('$W')",
  "SELECT * FROM read_blob('$F')",
  "SELECT * FROM read_json('$F')",
  "SELECT * FROM read_parquet('$P')",
  "SELECT * FROM parquet_metadata('$P')",
  "SELECT * FROM parquet_schema('$P')",
  "SELECT * FROM glob('/**')",
  "SELECT * FROM sniff_csv('$F')",
  "SELECT * FROM main.read_text('$F')",
  "SELECT * FROM system.main.read_text('$F')",
  "SELECT * FROM trades, LATERAL read_text('$F')",
  "SELECT (SELECT content FROM read_text('$F'))",
  "WITH x AS (SELECT * FROM read_text('$F')) SELECT * FROM x",
  'WITH "$F" AS (SELECT 1) SELECT * FROM "$F"',
  'SELECT * FROM "$F", (WITH "$F" AS (SELECT 1) SELECT * FROM "$F")',
  "SELECT * FROM query('SELECT 1')",
  "SELECT * FROM query_table('trades')",
  "SELECT * FROM query('SELECT * FROM read_text(''$F'')')",
  "COPY (SELECT * FROM trades) TO '$F'",
  "COPY trades FROM '$F'",
  "ATTACH '$F' AS other",
  "ATTACH ':memory:' AS other",
  'DETACH memory',
  'INSTALL httpfs',
  'LOAD httpfs',
  "SELECT * FROM 'https://example.com/x.parquet'",
  "SELECT * FROM read_csv('https://example.com/x.csv')",
  "SELECT * FROM 's3://bucket/x.parquet'",
  "EXPORT DATABASE '$F'",
  "IMPORT DATABASE '$F'",
  'PRAGMA database_list',
  'PRAGMA version',
  'CALL pragma_version()',
  'SET enable_external_access = true',
  'SET lock_configuration = false',
  "SET allowed_directories = ['/']",
  'RESET ALL',
  "SET VARIABLE a = '1'",
  "SELECT current_setting('allowed_paths')",
  "SELECT getenv('HOME')",
  "SELECT getvariable('a')",
  "SELECT nextval('s')",
  'SELECT current_database()',
  'SELECT current_user',
  'SELECT current_query()',
  'SELECT version()',
  "SELECT write_log('x')",
  'SELECT sleep_ms(100000)',
  'SELECT pg_sleep(100000)',
  "SELECT json_serialize_sql('SELECT 1')",
  "SELECT * FROM json_execute_serialized_sql('{}')",
  'SELECT * FROM duckdb_settings()',
  'SELECT * FROM duckdb_settings',
  'SELECT * FROM duckdb_views()',
  'SELECT * FROM duckdb_views',
  'SELECT sql FROM sqlite_master',
  'SELECT * FROM information_schema.tables',
  'SELECT * FROM pg_catalog.pg_class',
  'SELECT * FROM pg_class',
  'SELECT * FROM duckdb_secrets()',
  "SELECT * FROM which_secret('x', 's3')",
  "SELECT * FROM sql_auto_complete('SEL')",
  'SELECT * FROM duckdb_external_file_cache()',
  "SELECT pg_get_viewdef(1)",
  'SELECT * FROM duckdb_views, (WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views)',
  'WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a',
  'SELECT * FROM memory.main.trades',
  'SELECT * FROM main.trades',
  'SHOW TABLES',
  'SHOW ALL TABLES',
  'SELECT * FROM (SHOW TABLES)',
  'EXPLAIN SELECT * FROM trades',
  'EXPLAIN ANALYZE SELECT * FROM trades',
  'SELECT filename FROM trades',
  'SELECT file_row_number FROM trades',
  'SELECT file_index FROM trades',
  'SELECT 1; SELECT 2',
  "SELECT 1; COPY (SELECT 1) TO '$F'",
  'SELECT 1 /* ; */; DROP VIEW trades',
  'DROP VIEW trades',
  'CREATE TABLE x AS SELECT 1',
  'CREATE MACRO f() AS 1',
  'INSERT INTO trades VALUES (1)',
  'DELETE FROM trades',
  'UPDATE trades SET price = 1',
  'WITH x AS (INSERT INTO trades VALUES (1) RETURNING *) SELECT * FROM x',
  'PREPARE x AS SELECT 1',
  'EXECUTE x',
  'BEGIN',
  'CHECKPOINT',
  'VACUUM',
  'SELECT * FROM checkpoint()',
  'USE memory',
  'SELECT $1',
  'SELECT ?',
  "SELECT ｒead_text('$F')",
  "SELECT * FROM read\u200b_text('$F')",
  "SELECT * FROM \u00a0read_text('$F')",
  "SELECT * FROM rEaD_tExT/**/('$F')",
  "SELECT * FROM test_all_types()",
  "SELECT * FROM histogram_values('trades', price)",
  "SELECT 'x'::\"$F\"",
  "SELECT * FROM trades WHERE price IN (SELECT 1 FROM '$F')",
  "SELECT * FROM trades WHERE EXISTS (FROM read_blob('$F'))",
  "FROM trades SELECT list_transform(['$F'], f -> read_text(f))",
  "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r, read_csv('$F')) SELECT * FROM r",
  "SELECT * FROM trades ORDER BY (SELECT content FROM read_text('$F'))",
  "SELECT * FROM trades LIMIT (SELECT count(*) FROM read_text('$F'))",
  "SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM read_text('$F'))) FROM trades",
  "SELECT row_number() OVER (ORDER BY (SELECT 1 FROM read_text('$F'))) FROM trades",
  "SELECT * FROM trades QUALIFY (SELECT true FROM read_text('$F'))",
  "SELECT CASE WHEN true THEN (TABLE '$F') END",
  "PIVOT (SELECT * FROM read_text('$F')) ON size USING count(*)",
  "UNPIVOT (SELECT * FROM read_text('$F')) ON size",
  "SELECT * FROM trades SEMI JOIN '$F' USING (symbol)",
  "SELECT * FROM trades ASOF JOIN read_csv('$F') f ON trades.price >= f.price",
  "SELECT * FROM trades POSITIONAL JOIN read_text('$F')",
  'SELECT * FROM trades AT (VERSION => 1)',
  "SELECT COLUMNS('.*') FROM duckdb_columns()",
  "PIVOT trades ON symbol USING count(*)",
  `SELECT ${'abs('.repeat(3_000)}1${')'.repeat(3_000)}`,
  '-- nothing',
  ';',
  ''
]

const ask = (sql: string) =>
  Effect.runPromise(
    pool.use((session) =>
      Effect.gen(function* () {
        const checked = yield* session.check(sql, ['trades', 'quotes'])
        if ('refusal' in checked) return checked
        return yield* session.run({ sql, sources: [source], rowsMax: 10, bytesMax: MiB })
      })
    )
  )

test('at least sixty attempts', () => {
  expect(new Set(attempts).size).toBeGreaterThanOrEqual(60)
})

test.each(attempts)('%s', async (attempt) => {
  const sql = attempt
    .replaceAll('$F', join(outside, 'secret.csv'))
    .replaceAll('$W', join(warehouse.directory, 'secret.csv'))
    .replaceAll('$P', join(warehouse.directory, 'a.parquet'))
  const answer = await ask(sql)
  const own = sql.length > 500 ? sql : sql.slice(0, 500)
  expect(answer).toHaveProperty('refusal.code', expect.stringMatching(/^sql_/))
  const told = JSON.stringify(answer).replaceAll(JSON.stringify(own).slice(1, -1), '')
  expect(told).not.toContain(secret)
  for (const name of [outside, warehouse.directory]) {
    if (!sql.includes(name)) expect(told).not.toContain(name)
  }
})

test('after all of them nothing was written, and SQL still answers', async () => {
  expect(await readdir(outside)).toEqual(['secret.csv'])
  expect(await ask('SELECT symbol FROM trades')).toMatchObject({
    rows: '{"symbol":"BTCUSDT"}',
    rowCount: 1,
    cutBy: null
  })
})

/** The second line: what the check would let pass does not get out of the engine either. */
test.each([
  "SELECT * FROM read_text('$F')",
  "SELECT * FROM '$F'",
  "SELECT * FROM read_text('$W')",
  "SELECT * FROM glob('/*')"
])('without the check, the engine refuses: %s', async (attempt) => {
  const replies: SqlReply[] = []
  const sql = attempt
    .replaceAll('$F', join(outside, 'secret.csv'))
    .replaceAll('$W', join(warehouse.directory, 'secret.csv'))
  const run = runStatement(
    { type: 'run', sql, sources: [source], rowsMax: 10, bytesMax: MiB },
    limits,
    (reply) => replies.push(reply)
  )
  await expect(run).rejects.toThrow(/disabled by configuration|Permission/)
  expect(JSON.stringify(replies)).not.toContain(secret)
})

test('what a statement could read, the next one cannot, though DuckDB is kept for it', async () => {
  const countIn = async (sources: readonly SqlSource[]) => {
    const replies: SqlReply[] = []
    const sql = 'SELECT count(*)::INT AS n FROM trades'
    const request = { type: 'run', sql, sources, rowsMax: 10, bytesMax: MiB } as const
    await runStatement(request, limits, (reply) => replies.push(reply))
    return replies.map((reply) => reply.type === 'rows' && reply.text)
  }
  expect(await countIn([source])).toEqual(['{"n":1}'])
  await expect(countIn([])).rejects.toThrow(/trades does not exist/)
  expect(await countIn([source])).toEqual(['{"n":1}'])
  // It may not read this file, so that another is opened.
  expect(await countIn([await sourceOf('b.parquet', 3)])).toEqual(['{"n":3}'])
})

test('a statement that no view is in reads none', async () => {
  expect(await checkStatement('WITH t AS (SELECT 1) FROM t', ['trades'], limits)).toEqual({
    tables: []
  })
})
