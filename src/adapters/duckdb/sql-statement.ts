/**
 * One statement of a user, in a DuckDB that runs nothing else meanwhile.
 *
 * 1. It can open the files of its views, or of those that statements before it had, and nothing
 *    else: no other file, no network, no extension; no statement can change that. What is not in
 *    its memory is nowhere: nothing goes to the disk.
 * 2. The text that was checked is the text that is run.
 * 3. Rows are read in chunks, and reading ends at the caps.
 * 4. A DuckDB is kept for the next statement over the same files, which it need not look at again:
 *    each has a connection of its own, and its views go with that.
 * 5. What DuckDB says reaches the user only where it speaks of the statement, and names no file.
 */
import { dirname } from 'node:path'
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
  /** For files that come and go; others are named by the statements that read them. */
  readonly directories: readonly string[]
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
let parser: Promise<Session> | undefined

export const runStatement = async (
  request: SqlRunRequest,
  limits: SqlLimits,
  reply: SendRows
): Promise<SqlOutcome> => {
  const paths = request.sources.flatMap(({ rows }) => (rows.kind === 'files' ? rows.paths : []))
  const named = paths.filter((path) => !limits.directories.includes(dirname(path)))
  const { instance } = await openFor(named, limits)
  const connection = await instance.connect()
  try {
    for (const source of request.sources) await makeView(connection, source)
    return await answered(connection, request, reply)
  } finally {
    connection.closeSync()
  }
}

/** What a failure is to the user; undefined where it is for the log. */
export const refusalOfError = (error: unknown): SqlRefusal | undefined => {
  const message = error instanceof Error ? error.message : String(error)
  if (/^Out of Memory Error|bad_alloc/.test(message)) return memoryExceeded
  const kind = kinds.exec(message)
  if (kind === null || naming.test(message)) return undefined // (5)
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

interface Session {
  readonly instance: DuckDBInstance
  readonly connection: DuckDBConnection
}

/** (4) */
let kept: (Session & { readonly paths: ReadonlySet<string> }) | undefined

const openFor = async (paths: readonly string[], limits: SqlLimits): Promise<Session> => {
  if (kept !== undefined && paths.every((path) => kept?.paths.has(path))) return kept
  closeKept()
  kept = { ...(await open(limits, paths)), paths: new Set(paths) }
  return kept
}

/** What it has in memory goes; the next statement opens another. */
export const closeKept = (): void => {
  kept?.connection.closeSync()
  kept?.instance.closeSync()
  kept = undefined
}

/** (1) */
const open = async (
  { duckdbBytesMax, threads, directories }: SqlLimits,
  paths: readonly string[]
): Promise<Session> => {
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
    `SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true;
     SET GLOBAL enable_external_file_cache = false;
     SET GLOBAL allowed_directories = [${directories.map(textLiteral).join()}];
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
      `CREATE TEMP TABLE ${identifier(view)} AS SELECT row.* FROM (
         SELECT unnest(from_json($1::VARCHAR, ${textLiteral(shape)})) AS row)`,
      [rows.text]
    )
    return
  }
  const files = `[${rows.paths.map(textLiteral).join()}]`
  const nulls = columns.map(({ name, type }) => `NULL::${type} AS ${identifier(name)}`).join(', ')
  await connection.run(
    `CREATE TEMP VIEW ${identifier(view)} AS ` +
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
