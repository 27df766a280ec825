/**
 * The newest rows of a lease as a Parquet file, typed as the table's.
 *
 * Which rows they are is found first, as for any other form (`record-rows.ts`): then only what is
 * as new as the last of them is read.
 */
import * as Effect from 'effect/Effect'
import { leaseRows } from './lease-rows.ts'
import { mayBeBehind, type RowsWanted } from './record-rows.ts'
import type { QueryEngine, RecordsLease } from './query-ports.ts'
import { pointCondition } from './read-point.ts'
import { recordsFileStatement } from './records-sql.ts'

/** Time of a row, µs: what is to be known of rows before they are written. */
export const timeTextSql = 'epoch_us("timestamp")::VARCHAR'

interface FileWanted extends Omit<RowsWanted, 'select'> {
  /** Names of fields. */
  readonly names: readonly string[]
  /** Of each row that was found, in order: `timeTextSql`. */
  readonly times: readonly string[]
  /** For FROM: the table without rows. */
  readonly noRows: string
  /** Where the file goes; in a folder that the engine may write to. */
  readonly path: string
}

export const writeRecords = <PlanError, EngineError>(
  engine: QueryEngine<EngineError>,
  lease: Pick<RecordsLease<PlanError>, 'files' | 'source' | 'read' | 'beyond' | 'within'>,
  { names, times, noRows, path, filter, after }: FileWanted
): Effect.Effect<void, PlanError | EngineError> => {
  const oldestUs = times.length === 0 ? Infinity : Number(times.at(-1))
  const files = lease.files
    .filter(mayBeBehind(after))
    .filter(({ timestampUpperUs }) => timestampUpperUs >= oldestUs)
  const rows = times.length === 0 ? undefined : leaseRows({ ...lease, files })
  const { sql, parameters } = recordsFileStatement(
    {
      source: rows?.sql ?? noRows,
      select: names.map((name) => `"${name}"`).join(', '),
      filter: rows === undefined ? {} : { ...filter, fromUs: oldestUs },
      after: rows && after,
      within: rows && lease.within && pointCondition(lease.within),
      rowsMax: times.length
    },
    path
  )
  const written = engine.run({ sql, parameters: { ...parameters, ...rows?.parameters } })
  return Effect.asVoid(lease.read(files, written))
}
