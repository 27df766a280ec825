/** The events of the gap ledger, read from the rows of its table. */
import * as Effect from 'effect/Effect'
import { withParquetAudit } from '../../adapters/duckdb/parquet-audit.ts'
import {
  gapEventOfRow,
  gapRowColumns,
  gapTimeColumns
} from '../../market/gap-event-record.ts'
import type { GapEvent } from '../../market/gap-events.ts'
import { temporaryFolder, withLocalCopy } from './local-copy.ts'
import { liveFiles, type TableView } from './table-view.ts'

const memoryBytesMax = 512 * 1_024 ** 2

const columns = gapRowColumns.map((name) =>
  gapTimeColumns.has(name) ? `epoch_us("${name}")` : `"${name}"`
)

/** Of the current snapshot, in the order of their numbers. */
export const gapEventsIn = (view: TableView) =>
  withParquetAudit({ temporary: temporaryFolder, memoryBytesMax }, (audit) =>
    Effect.gen(function* () {
      const { current } = view
      const files = current === null ? [] : liveFiles(view, current['snapshot-id'])
      const events: GapEvent[] = []
      for (const { data_file: file } of files) {
        const rows = yield* withLocalCopy(view.table, file.file_path, (path) =>
          audit.select(path, columns)
        )
        for (const row of rows) events.push(gapEventOfRow(row))
      }
      return events.toSorted((left, right) => left.number - right.number)
    })
  )
