/** The rows of `market.gaps` in a data folder, read by DuckDB. */
import { gapEventOf } from '../../src/market/gap-event-record.ts'
import type { GapEvent } from '../../src/market/gap-events.ts'
import type { GapEventV1 } from '../../src/market/records/gap-event-v1.ts'
import { dataFiles, openTable, runSql } from './warehouse.ts'

/** The rows of the table, in the order of the events. */
export const gapEventsOf = async (dataFolder: string): Promise<readonly GapEvent[]> => {
  const table = openTable(dataFolder, 'gaps')
  const files = table === undefined ? [] : await dataFiles(table)
  if (files.length === 0) return []
  const columns = [
    'event', 'data_type', 'symbol', 'exchange', 'epoch', 'from_id', 'to_id', 'reason', 'count',
    'epoch_us(after_time)', 'epoch_us(before_time)', 'epoch_us("at")', 'source', 'message_id',
    'k2_offset'
  ]
  const rows = await runSql(
    `SELECT ${columns.join()} FROM read_parquet([${files.map(({ path }) => `'${path}'`).join()}])
     ORDER BY k2_offset`
  )
  const id = (text: string | null | undefined) => (text == null ? null : Number(text))
  return rows.map((row) =>
    gapEventOf(
      {
        event: row[0], data_type: row[1], symbol: row[2], exchange: row[3], epoch: Number(row[4]),
        from_id: id(row[5]), to_id: id(row[6]), reason: row[7], count: Number(row[8]),
        after_time: id(row[9]), before_time: id(row[10]), at: Number(row[11]), source: row[12],
        message_id: row[13]
      } as GapEventV1,
      Number(row[14])
    )
  )
}
