/**
 * One statement of a user, in a DuckDB of its own.
 *
 * 1. It can open the files of its views and nothing else: no other file, no network, no extension;
 *    no statement can change that. What is not in its memory is nowhere: nothing goes to the disk.
 * 2. The text that was checked is the text that is run.
 * 3. Rows are read in chunks, and reading ends at the caps.
 * 4. What DuckDB says reaches the user only where it speaks of the statement, and names no file.
 */
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  StatementType
} from '@duckdb/node-api'
import { identifier, textLiteral } from './columns.ts'
import { checkSql, type SqlVerdict } from './sql-check.ts'
import { jsonOf } from './sql-json.ts'
import type {
  SqlOutcome,
  SqlRefusal,
  SqlReply,
  SqlRunRequest,
  SqlSource
} from './sql-protocol.ts'

export interface SqlLimits {
  readonly duckdbBytesMax: number
  readonly threads: number
}

export type SendRows = (rows: Extract<SqlReply, { readonly type: 'rows' }>) => void

/** Which views a statement reads, or why it is refused. Nothing of it is run. */
export const checkStatement = async (
  sql: string,
  views: readonly string[],
  limits: SqlLimits
): Promise<SqlVerdict> => {
  parser ??= open(limits, [])
  const { connection } = await parser
  const answer = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql])
  return checkSql(JSON.parse(String(answer.getRows()[0]![0])), views)
}

/** It only parses: one for all statements of this process. */
let parser: ReturnType<typeof open> | undefined

export const runStatement = async (
  request: SqlRunRequest,
  limits: SqlLimits,
  reply: SendRows
): Promise<SqlOutcome> => {
  const paths = request.sources.flatMap(({ rows }) => (rows.kind === 'files' ? rows.paths : []))
  return withConnection(limits, paths, async (connection) => {
    for (const source of request.sources) await makeView(connection, source)
    return answered(connection, request, reply)
  })
}

/** What a failure is to the user; undefined where it is for the log. */
export const refusalOfError = (error: unknown): SqlRefusal | undefined => {
  const message = error instanceof Error ? error.message : String(error)
  if (/^Out of Memory Error|bad_alloc/.test(message)) return memoryExceeded
  const kind = kinds.exec(message)
  if (kind === null || naming.test(message)) return undefined // (4)
  const isOfText = ['Parser', 'Binder', 'Catalog'].includes(kind[1]!)
  return { code: isOfText ? 'sql_invalid' : 'sql_failed', detail: message.slice(0, detailMax) }
}

export const memoryExceeded: SqlRefusal = {
  code: 'sql_memory_exceeded',
  detail:
    'the statement needs more memory than K2_SQL_MEMORY_LIMIT: aggregate earlier, read fewer ' +
    'columns or a shorter time range, or sort less'
}

const kinds = /^(Parser|Binder|Catalog|Conversion|Out of Range|Invalid Input) Error: /

/** Words of our own views, settings and files. */
const naming = /parquet|json_serialize|allowed_|\/[\w.-]+\//i

const detailMax = 1_000

const withConnection = async <A>(
  limits: SqlLimits,
  paths: readonly string[],
  use: (connection: DuckDBConnection) => Promise<A>
): Promise<A> => {
  const { instance, connection } = await open(limits, paths)
  try {
    return await use(connection)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** (1) */
const open = async ({ duckdbBytesMax, threads }: SqlLimits, paths: readonly string[]) => {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${Math.floor(duckdbBytesMax / 2 ** 20)}MiB`,
    temp_directory: '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false'
  })
  const connection = await instance.connect()
  await connection.run(
    `SET TimeZone = 'UTC'; SET parquet_metadata_cache = true;
     SET GLOBAL allowed_paths = [${paths.map(textLiteral).join()}];
     SET GLOBAL enable_external_access = false;
     SET GLOBAL lock_configuration = true`
  )
  return { instance, connection }
}

const makeView = async (
  connection: DuckDBConnection,
  { view, columns, rows }: SqlSource
): Promise<void> => {
  const names = columns.map(({ name }) => identifier(name)).join(', ')
  if (rows.kind === 'json') {
    const shape = JSON.stringify([
      Object.fromEntries(columns.map(({ name, type }) => [name, type]))
    ])
    await connection.run(
      `CREATE TABLE ${identifier(view)} AS SELECT row.* FROM (
         SELECT unnest(from_json($1::VARCHAR, ${textLiteral(shape)})) AS row)`,
      [rows.text]
    )
    return
  }
  const files = `[${rows.paths.map(textLiteral).join()}]`
  const nulls = columns.map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`).join(', ')
  await connection.run(
    `CREATE VIEW ${identifier(view)} AS ` +
      (rows.paths.length === 0
        ? `SELECT ${nulls} WHERE false`
        : `SELECT ${names} FROM ${rows.source.replace('$files', () => files)}`)
  )
}

const answered = async (
  connection: DuckDBConnection,
  { sql, rowsMax, bytesMax }: SqlRunRequest,
  reply: SendRows
): Promise<SqlOutcome> => {
  const statement = await prepared(connection, sql)
  if (statement === undefined) {
    const detail = 'send one SELECT: nothing else is run here'
    return { type: 'refused', refusal: { code: 'sql_not_allowed', detail } }
  }
  const result = await statement.stream()
  const names = result.deduplicatedColumnNames()
  const keys = names.map((name) => `${JSON.stringify(name)}:`)
  const columns = names.map((name, index) => ({ name, type: String(result.columnType(index)) }))
  const nameless = columns.find(({ type }) => namelessField.test(type))
  if (nameless !== undefined) return { type: 'refused', refusal: namelessRefusal(nameless) }
  const left = { rows: rowsMax, bytes: bytesMax }
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    const { texts, cutBy } = rowsOf(chunk, keys, left)
    if (texts.length > 0) reply({ type: 'rows', text: texts.join(','), count: texts.length })
    if (cutBy === 'bytes' && left.rows === rowsMax) return { type: 'refused', refusal: rowTooLarge }
    if (cutBy !== null) return { type: 'ended', columns, cutBy } // (3)
  }
  return { type: 'ended', columns, cutBy: null }
}

/** Rows of a chunk up to what is left, which they take. */
const rowsOf = (
  chunk: DuckDBDataChunk,
  keys: readonly string[],
  left: { rows: number; bytes: number }
): { readonly texts: readonly string[]; readonly cutBy: 'rows' | 'bytes' | null } => {
  const texts: string[] = []
  const vectors = keys.map((_, index) => chunk.getColumnVector(index))
  for (let row = 0; row < chunk.rowCount; row++) {
    if (left.rows === 0) return { texts, cutBy: 'rows' }
    const cells = vectors.map((vector, index) => keys[index]! + jsonOf(vector.getItem(row)))
    const text = `{${cells.join(',')}}`
    const bytes = Buffer.byteLength(text) + 1
    if (bytes > left.bytes) return { texts, cutBy: 'bytes' }
    left.bytes -= bytes
    left.rows -= 1
    texts.push(text)
  }
  return { texts, cutBy: null }
}

const rowTooLarge: SqlRefusal = {
  code: 'sql_result_too_large',
  detail: 'the first row alone is larger than K2_SQL_BYTES_MAX: select fewer or shorter columns'
}

/** Of such fields the reader keeps the last one only. */
const namelessField = /(?:STRUCT\(|, )"" /

const namelessRefusal = ({ name }: { readonly name: string }): SqlRefusal => ({
  code: 'sql_invalid',
  detail: `${name.slice(0, 64)} has fields without names: select {'a': …, 'b': …} instead`
})

/** (2) Undefined where it is not one SELECT. */
const prepared = async (
  connection: DuckDBConnection,
  sql: string
): Promise<DuckDBPreparedStatement | undefined> => {
  const statements = await connection.extractStatements(sql)
  if (statements.count !== 1) return undefined
  const statement = await statements.prepare(0)
  return statement.statementType === StatementType.SELECT ? statement : undefined
}
