/**
 * Rows of a commit, and data files of them: what stands in the place of DuckDB, which is native and
 * keeps its own time. A file holds its rows as JSON lines, so that what landed can be read back.
 */
import { dirname, join } from 'node:path'
import * as Effect from 'effect/Effect'
import {
  ParquetWriteFailed,
  type ParquetWriter,
  type WrittenFile
} from '../../src/adapters/duckdb/parquet-writer.ts'
import type { RecordColumns } from '../../src/adapters/duckdb/record-columns.ts'
import { type CompactRow, TradeColumns } from '../../src/adapters/duckdb/trade-columns.ts'
import { sliceRows } from '../../src/adapters/duckdb/file-slices.ts'
import type { LogFiles } from '../../src/adapters/log/log-files.ts'
import { type CompactTrade, tradeOf } from '../../src/market/compact-trade.ts'
import type { Instrument } from '../../src/market/instrument.ts'
import type { TradeV2 } from '../../src/market/records/trade-v2.ts'
import { readWhole } from './stores.ts'

/** A row as a data file holds it. */
export interface StoredRow {
  readonly partition: string
  readonly offset: number
  readonly trade: TradeV2
}

/** The lander's own columns, and beside them the rows as they can be read back. */
export class TradeRows extends TradeColumns {
  readonly rows: StoredRow[] = []

  override push(trade: TradeV2, partition: string, offset: number): void {
    super.push(trade, partition, offset)
    this.rows.push({ partition, offset, trade })
  }

  override pushCompact(
    instrument: Instrument,
    row: CompactRow,
    partition: string,
    offset: number
  ): void {
    super.pushCompact(instrument, row, partition, offset)
    const compact: CompactTrade = {
      ...row,
      instrument,
      price: row.priceHigh * 2 ** 32 + (row.priceLow >>> 0),
      quantity: row.quantityHigh * 2 ** 32 + (row.quantityLow >>> 0),
      nativeId: row.nativeId,
      timestampUs: row.timestampUs,
      receivedUs: row.receivedUs,
      eventTime: row.eventTime,
      isBuyerMaker: row.isBuyerMaker,
      isBestMatch: row.isBestMatch
    }
    this.rows.push({ partition, offset, trade: tradeOf(compact) })
  }

  override clear(): void {
    super.clear()
    this.rows.length = 0
  }
}

const fileRowsMax = 64

/** Writes rows as the Parquet writer does: whole files, durable once they are synced. */
export const rowWriter = (files: LogFiles): ParquetWriter => ({
  write: ({ rows, directory, fileName }) => {
    const { rows: stored } = rows as RecordColumns & { readonly rows: readonly object[] }
    const slices = sliceRows(rows, fileRowsMax).map((slice) => ({
      path: join(directory, fileName(slice)),
      partition: { exchange: slice.exchange, day: slice.day },
      recordCount: slice.rows.length,
      bytes: encodeRows([...slice.rows].map((row) => stored[row]!))
    }))
    const write = (path: string, bytes: Buffer) =>
      Effect.tryPromise({
        try: () => writeFile(files, path, bytes),
        catch: (cause) => new ParquetWriteFailed({ step: 'copy', path, cause })
      })
    return Effect.forEach(slices, ({ bytes, ...slice }) =>
      Effect.as(write(slice.path, bytes), {
        ...slice,
        fileSizeBytes: bytes.length,
        splitOffsets: [4],
        columns: []
      } satisfies WrittenFile)
    )
  },
  sync: (paths) =>
    Effect.tryPromise({
      try: () => syncFiles(files, paths),
      catch: (cause) => new ParquetWriteFailed({ step: 'sync', path: paths.join(), cause })
    })
})

const writeFile = async (files: LogFiles, path: string, bytes: Buffer): Promise<void> => {
  const file = await files.open(path, 'create')
  try {
    await file.write([bytes], 0)
  } catch (error) {
    await files.remove(path)
    throw error
  } finally {
    await file.close()
  }
}

const syncFiles = async (files: LogFiles, paths: readonly string[]): Promise<void> => {
  for (const path of paths) {
    const file = await files.open(path, 'read')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }
  for (const directory of new Set(paths.map((path) => dirname(path)))) {
    await files.syncDirectory(directory)
  }
}

const encodeRows = (rows: readonly object[]): Buffer =>
  Buffer.from(
    rows
      .map((row) =>
        JSON.stringify(row, (_name, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value
        )
      )
      .join('\n')
  )

/** JSON has no bigints. */
interface WrittenRow extends Omit<StoredRow, 'trade'> {
  readonly trade: Omit<TradeV2, 'price' | 'quantity'> & Record<'price' | 'quantity', string>
}

export const readLines = async <A>(files: LogFiles, path: string): Promise<readonly A[]> => {
  const text = Buffer.from(await readWhole(files, path)).toString('utf8')
  return text.split('\n').map((line) => JSON.parse(line) as A)
}

export const readRows = async (files: LogFiles, path: string): Promise<readonly StoredRow[]> => {
  const rows = await readLines<WrittenRow>(files, path)
  return rows.map(({ trade, ...place }) => {
    const { price, quantity } = trade
    return { ...place, trade: { ...trade, price: BigInt(price), quantity: BigInt(quantity) } }
  })
}
