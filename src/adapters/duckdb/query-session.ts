/**
 * A connection of a query pool: prepares statements, binds their values and runs them.
 *
 * 1. It runs one statement at a time, which the pool sees to.
 * 2. Rows become values of JavaScript chunk by chunk, and others have the thread in between: ten
 *    thousand records at once would hold up every request, and the feeds.
 */
import {
  BIGINT,
  DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  DuckDBTimestampTZValue,
  LIST,
  TIMESTAMPTZ,
  VARCHAR,
  listValue
} from '@duckdb/node-api'
import { TextParts } from './text-parts.ts'

/** A bound value; microseconds for timestamps. */
export type QueryParameter =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'long'; readonly value: number }
  | { readonly type: 'longs'; readonly value: readonly number[] }
  | { readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly type: 'timestamp'; readonly value: number }

export interface Query {
  /** One SELECT; named parameters as `$name`. Few distinct texts: each is prepared and kept. */
  readonly sql: string
  readonly parameters: Readonly<Record<string, QueryParameter>>
}

export type QueryCell = null | string | number | bigint | boolean

export interface Session {
  readonly connection: DuckDBConnection
  /** By SQL text, least recently used first. */
  readonly prepared: Map<string, DuckDBPreparedStatement>
  /** What is read part by part. */
  texts?: TextParts | undefined
}

const preparedMax = 32

export const execute = async (
  session: Session,
  query: Query
): Promise<ReadonlyArray<readonly QueryCell[]>> => {
  const statement = await bound(session, query)
  const result = await statement.run()
  const rows: (readonly QueryCell[])[] = []
  // Each is fetched by another thread. (2)
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk())
    rows.push(...(chunk.getRows() as readonly QueryCell[][]))
  return rows
}

export const openTexts = async (session: Session, query: Query): Promise<TextParts> => {
  const statement = await bound(session, query)
  session.texts = await TextParts.of(await statement.stream())
  return session.texts
}

/** What a statement holds that was not read to its end is let go by the next one. (1) */
export const endTexts = async (session: Session): Promise<void> => {
  const { texts, connection } = session
  session.texts = undefined
  if (texts?.isEnded === false) await connection.run('SELECT 1')
}

const bound = async (session: Session, { sql, parameters }: Query) => {
  const statement = await prepare(session, sql)
  bindAll(statement, parameters)
  return statement
}

export const withBytes = (
  cells: readonly QueryCell[]
): readonly (QueryCell | Uint8Array<ArrayBuffer>)[] =>
  cells.map((cell: unknown) =>
    cell instanceof DuckDBBlobValue ? (cell.bytes as Uint8Array<ArrayBuffer>) : (cell as QueryCell)
  )

const prepare = async (
  { connection, prepared }: Session,
  sql: string
): Promise<DuckDBPreparedStatement> => {
  const known = prepared.get(sql)
  const statement = known ?? (await connection.prepare(sql))
  prepared.delete(sql)
  prepared.set(sql, statement)
  if (prepared.size > preparedMax) {
    const [[oldestSql, oldest] = []] = prepared
    if (oldestSql !== undefined) prepared.delete(oldestSql)
    oldest?.destroySync()
  }
  return statement
}

export const bindAll = (
  statement: DuckDBPreparedStatement,
  parameters: Query['parameters']
): void => {
  for (const [name, parameter] of Object.entries(parameters))
    bindParameter(statement, statement.parameterIndex(name), parameter)
}

const bindParameter = (
  statement: DuckDBPreparedStatement,
  index: number,
  parameter: QueryParameter
): void => {
  switch (parameter.type) {
    case 'text':
      return statement.bindValue(index, parameter.value, VARCHAR)
    case 'long':
      return statement.bindValue(index, BigInt(parameter.value), BIGINT)
    case 'longs':
      return statement.bindValue(index, listValue(parameter.value.map(BigInt)), LIST(BIGINT))
    case 'texts':
      return statement.bindValue(index, listValue(parameter.value), LIST(VARCHAR))
    case 'timestamp':
      return statement.bindValue(
        index,
        new DuckDBTimestampTZValue(BigInt(parameter.value)),
        TIMESTAMPTZ
      )
    default:
      return parameter satisfies never
  }
}
