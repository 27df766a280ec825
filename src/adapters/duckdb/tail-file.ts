/** What a hold of the tail has, as a Parquet file: for processes that cannot see our memory. */
import { rm } from 'node:fs'
import type * as Effect from 'effect/Effect'
import { type Column, type FieldIds, fieldIdsSql, textLiteral } from './columns.ts'
import type { QueryFailed, QueryPool } from './query-pool.ts'
import { bindAll, type Query } from './query-session.ts'

/** Writes the rows to `path`, which lies in a directory of the pool, as the table's files are. */
export const writeTailFile = (
  { write }: Pick<QueryPool, 'write'>,
  { sql, parameters }: Query,
  target: { readonly path: string; readonly columns: readonly Column[]; readonly ids: FieldIds }
): Effect.Effect<void, QueryFailed> =>
  write(async (connection) => {
    const statement = await connection.prepare(
      `COPY (${sql}) TO ${textLiteral(target.path)} (FORMAT parquet, COMPRESSION snappy,
         FIELD_IDS ${fieldIdsSql(target.columns, target.ids)}, USE_TMP_FILE false)`
    )
    try {
      bindAll(statement, parameters)
      await statement.run()
    } finally {
      statement.destroySync()
    }
  })

/** A file that cannot be removed goes with the folder of temporary files. */
export const dropTailFile = (path: string): void => rm(path, { force: true }, () => undefined)
