/** Reads events of the gap ledger in their order, so many at a time, and folds them (R21). */
import * as Effect from 'effect/Effect'
import {
  gapEventOfRow,
  gapRowColumns,
  gapTimeColumns
} from '../../market/gap-event-record.ts'
import type { GapFold } from '../../market/gap-events.ts'
import type { Cell, Parameter, QueryEngine, ScanLease } from './query-ports.ts'

export interface LedgerFilter {
  readonly exchange?: string
  readonly symbol?: string
}

/** Events of one statement. */
const eventsMax = 50_000

/** Adds what a lease of the ledger holds to a fold. */
export const foldLedger = <PlanError, EngineError>(
  engine: QueryEngine<EngineError>,
  { files, source, read }: ScanLease<PlanError>,
  filter: LedgerFilter,
  fold: GapFold
): Effect.Effect<void, PlanError | EngineError> =>
  Effect.gen(function* () {
    for (let next = files.length === 0 ? null : 0; next !== null;) {
      const rows: ReadonlyArray<readonly Cell[]> = yield* read(
        files,
        engine.run({
          sql: eventsSql(source, filter, next),
          parameters: parametersOf(files.map(({ path }) => path), filter)
        })
      )
      for (const row of rows) fold.add(gapEventOfRow(row))
      next = rows.length < eventsMax ? null : Number(rows.at(-1)![0]) + 1
    }
  })

const columns = gapRowColumns.map((name) =>
  gapTimeColumns.has(name) ? `epoch_us("${name}")` : `"${name}"`
)

const eventsSql = (source: string, { exchange, symbol }: LedgerFilter, from: number): string => {
  const conditions = [
    `"k2_offset" >= ${from}`,
    ...(exchange === undefined ? [] : ['"exchange" = $exchange']),
    ...(symbol === undefined ? [] : ['"symbol" = $symbol'])
  ]
  return `SELECT ${columns.join(', ')} FROM ${source}
   WHERE ${conditions.join(' AND ')} ORDER BY "k2_offset" LIMIT ${eventsMax}`
}

const parametersOf = (
  paths: readonly string[],
  { exchange, symbol }: LedgerFilter
): Readonly<Record<string, Parameter>> => ({
  files: { type: 'texts', value: paths },
  ...(exchange === undefined ? {} : { exchange: { type: 'text', value: exchange } }),
  ...(symbol === undefined ? {} : { symbol: { type: 'text', value: symbol } })
})
