/**
 * A batch of records in a temporary table of a connection: how rows that were pushed reach DuckDB,
 * be it on their way into a file or into another table.
 */
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api'
import type { Staging, StagedRows } from './column-buffer.ts'
import { identifier } from './columns.ts'
import type { RecordColumns } from './record-columns.ts'
import { chunkRowsMax, StagingChunk } from './staged-column.ts'

/** How the columns of a batch are staged; the dictionaries are those of the whole batch. */
export interface BatchStaging {
  readonly chunk: StagingChunk
  readonly createSql: string
  readonly selectSql: string
  readonly parameters: Staging['parameters']
  readonly boundsOf: ReadonlyMap<string, NonNullable<Staging['boundsOf']>>
}

/** A connection's own; replaced by its next slice, for a drop would only delay the commit. */
const staged = 'staged'

export const stagingOf = (rows: Pick<RecordColumns, 'buffers'> & StagedRows): BatchStaging => {
  const stagings: ReadonlyArray<Staging & { readonly name: string }> = rows.buffers.map(
    (buffer) => ({ name: buffer.name, ...buffer.staging(rows) })
  )
  const columns = stagings.flatMap((staging) => staging.columns)
  const columnsSql = columns.map(({ name, sqlType }) => `${identifier(name)} ${sqlType}`)
  const selectSql = stagings.map(({ name, readSql }) => `${readSql} AS ${identifier(name)}`)
  return {
    chunk: new StagingChunk(columns),
    createSql: `CREATE OR REPLACE TEMP TABLE ${staged} (${columnsSql.join(', ')})`,
    selectSql: `SELECT ${selectSql.join(', ')} FROM ${staged}`,
    parameters: stagings.flatMap(({ parameters }) => parameters),
    boundsOf: new Map(
      stagings.flatMap(({ name, boundsOf }) =>
        boundsOf === undefined ? [] : [[name, boundsOf] as const]
      )
    )
  }
}

/** Values of `selectSql`, in a statement that has it. */
export const bindStaged = (
  statement: DuckDBPreparedStatement,
  { parameters }: Pick<BatchStaging, 'parameters'>
): void => {
  for (const { name, value, type } of parameters)
    statement.bindValue(statement.parameterIndex(name), value, type)
}

/** Replaces what the connection has staged with the rows `order` of the batch. */
export const stage = async (
  connection: DuckDBConnection,
  { chunk, createSql }: BatchStaging,
  order: Int32Array
): Promise<void> => {
  await connection.run(createSql)
  const appender = await connection.createAppender(staged)
  try {
    for (let from = 0; from < order.length; from += chunkRowsMax) {
      const count = Math.min(chunkRowsMax, order.length - from)
      appender.appendDataChunk(chunk.rowsAt({ order, from, count }))
    }
    appender.flushSync()
  } finally {
    appender.closeSync()
  }
}

