/** The rows of `market.gaps` in a data folder, read by DuckDB. */
import {
  gapEventOfRow,
  gapRowColumns,
  gapTimeColumns
} from '../../src/market/gap-event-record.ts'
import type { GapEvent } from '../../src/market/gap-events.ts'
import { dataFiles, openTable, runSql } from './warehouse.ts'

/** In the order of the events. */
export const gapEventsOf = async (dataFolder: string): Promise<readonly GapEvent[]> => {
  const table = openTable(dataFolder, 'gaps')
  const files = table === undefined ? [] : await dataFiles(table)
  if (files.length === 0) return []
  const columns = gapRowColumns.map((name) =>
    gapTimeColumns.has(name) ? `epoch_us("${name}")` : `"${name}"`
  )
  const rows = await runSql(
    `SELECT ${columns.join()} FROM read_parquet([${files.map(({ path }) => `'${path}'`).join()}])
     ORDER BY k2_offset`
  )
  return rows.map(gapEventOfRow)
}
