/** Opens what a rollup works with, over tables that are open: a DuckDB, and where files go. */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { emptyFolder, makeFolder, removeFile, syncToDisk } from '../../adapters/disk/folders.ts'
import { columnsOf, fieldIdsOf } from '../../adapters/duckdb/columns.ts'
import { openMinutesWriter } from '../../adapters/duckdb/minutes-writer.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import { sumColumns, sumsSql } from '../../adapters/query/candle-sums-sql.ts'
import { minuteUs } from '../../market/candle.ts'
import { candlesTable, tradesSpec } from '../data-types.ts'
import { openDataFileStore } from '../lander/data-file-store.ts'
import { sourceOf } from '../reading/leases.ts'
import { type LocalCopies, openLocalCopies } from '../reading/local-copies.ts'
import type { DataFolder } from '../storage/data-folder.ts'
import type { Stores } from '../storage/stores.ts'
import type { RollupPorts, TableReading } from './rollup.ts'

interface RollupSetup
  extends Pick<RollupPorts, 'uuid' | 'nowMs' | 'observe' | 'onRemoved' | 'limits'> {
  readonly trades: Table
  readonly minutes: Table
  readonly stores: Stores
  readonly folder: DataFolder
  readonly keepsCopies: boolean
  /** Of copies of files that are in the object store. */
  readonly copiesBytesMax: number
}

const duckdbBytesMax = 256 * 1_024 ** 2

export const openRollup = Effect.fnUntraced(function* (setup: RollupSetup) {
  const { trades, minutes, stores, folder, copiesBytesMax, keepsCopies, limits } = setup
  yield* makeFolder(folder.temporary)
  // What is read once is not to push out what queries read again and again.
  const inputs = join(folder.temporary, 'candles-inputs')
  yield* emptyFolder(inputs)
  const copies = yield* openLocalCopies(stores, { ...folder, copies: inputs }, copiesBytesMax)
  const columns = columnsOf(candlesTable.schema)
  const writer = yield* openMinutesWriter({
    columns,
    fieldIds: fieldIdsOf(currentSchema(minutes.loaded.metadata)),
    files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
    memoryBytesMax: duckdbBytesMax,
    tempDirectory: join(folder.temporary, 'candles'),
    candlesSql: (rows) => sumsSql(rows, minuteUs),
    candleColumns: sumColumns,
    ...(limits === undefined ? {} : { fileRowsMax: limits.fileRowsMax })
  })
  const store = yield* openDataFileStore({
    table: minutes,
    stores,
    folder,
    writer: 'candles',
    keepsCopies,
    sync: writer.sync
  })
  const ports: RollupPorts = {
    ...setup,
    trades: readingOf(trades, copies, () =>
      sourceOf(trades.loaded.metadata, columnsOf(tradesSpec.schema))
    ),
    minutes: readingOf(minutes, copies, () => sourceOf(minutes.loaded.metadata, columns)),
    writer,
    store
  }
  return ports
})

const readingOf = (
  table: Table,
  { pathOf, readerOf }: LocalCopies,
  source: () => string
): TableReading => ({
  table,
  planner: makeScanPlanner(table, { pathOf, plansMax: 1 }),
  readerOf,
  source
})
