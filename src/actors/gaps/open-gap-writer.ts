/**
 * Opens what the gap writer works with, over tables that are open: a DuckDB for its rows, and where
 * its files go. The log is given, as a lander's is.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { makeFolder, removeFile, syncToDisk } from '../../adapters/disk/folders.ts'
import { fieldIdsOf } from '../../adapters/duckdb/columns.ts'
import { GapColumns } from '../../adapters/duckdb/gap-columns.ts'
import {
  openParquetWriter,
  ParquetWriteFailed,
  type ParquetWriter
} from '../../adapters/duckdb/parquet-writer.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { EventLogReader } from '../../adapters/log/event-log.ts'
import { makeClaimCodec } from '../data-types.ts'
import { type DataFileStore, openDataFileStore } from '../lander/data-file-store.ts'
import { makeIcebergLandingTable } from '../lander/iceberg-landing-table.ts'
import type { DataFolder } from '../storage/data-folder.ts'
import type { Stores } from '../storage/stores.ts'
import { ClaimReader } from './claim-reader.ts'
import {
  type GapWriter,
  type GapWriterOptions,
  type GapWriterPorts,
  makeGapWriter
} from './gap-writer.ts'
import { makeLedgerTable } from './ledger-table.ts'
import { makeTradeStates } from './trade-states.ts'

export interface GapWriterSetup
  extends Pick<GapWriterPorts, 'writeLetters' | 'nowMs' | 'observe'> {
  readonly options: GapWriterOptions
  /** Of the claims. */
  readonly log: EventLogReader
  readonly trades: Table
  readonly gaps: Table
  readonly files: LedgerFiles
  /** See `TradeStatesOptions`. */
  readonly landedHint: () => string | undefined
  readonly pollMs: number
  readonly uuid: () => string
  /** Files that no snapshot names any more; to be deleted, but not at once (R28). */
  readonly onRemoved: (locations: readonly string[]) => void
}

/** Where the rows of the ledger go. */
export interface LedgerFiles {
  readonly rows: GapColumns
  readonly writer: ParquetWriter
  readonly dataFiles: DataFileStore
}

export interface LedgerFilesOptions {
  readonly gaps: Table
  readonly stores: Stores
  readonly folder: DataFolder
  readonly keepsCopies: boolean
}

/** Events are few. */
const duckdbBytesMax = 64 * 1_024 ** 2

export const gapWriterOver = (setup: GapWriterSetup): GapWriter => {
  const { options, log, gaps, nowMs, uuid } = setup
  const { rows, ...files } = setup.files
  const { topic } = options
  const logIdentity = log.identityOf(topic)
  const landing = makeIcebergLandingTable<never>({
    ...files,
    table: gaps,
    logIdentity,
    topic,
    partitionCount: log.topics.get(topic) ?? 0,
    onRemoved: (removed) => setup.onRemoved(removed.map(({ location }) => location))
  })
  return makeGapWriter(options, {
    ...setup,
    claims: new ClaimReader(log, topic, { codec: makeClaimCodec(), nowMs }),
    trades: makeTradeStates({ ...setup, table: setup.trades }),
    ledger: makeLedgerTable({ table: gaps, rows, landing, logIdentity, topic, uuid })
  })
}

export const openLedgerFiles = ({ gaps, stores, folder, keepsCopies }: LedgerFilesOptions) =>
  Effect.gen(function* () {
    const writer = yield* parquetWriter(folder, gaps)
    const dataFiles = yield* openDataFileStore({
      table: gaps,
      stores,
      folder,
      writer: 'gaps',
      keepsCopies,
      sync: writer.sync
    })
    const files: LedgerFiles = { rows: new GapColumns(), writer, dataFiles }
    return files
  })

/** Opened when there is something to write: most of the time nothing is missing. */
const parquetWriter = (folder: DataFolder, table: Table) =>
  Effect.gen(function* () {
    yield* makeFolder(folder.temporary)
    const context = yield* Effect.context<Scope.Scope>()
    const opened = yield* Effect.cached(
      openParquetWriter({
        columns: new GapColumns().columns,
        fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
        files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
        threads: 1,
        memoryBytesMax: duckdbBytesMax,
        tempDirectory: join(folder.temporary, 'gaps')
      }).pipe(
        // It stays open as long as the writer runs, whoever writes first.
        Effect.provideContext(context),
        Effect.mapError((cause) => new ParquetWriteFailed({ step: 'stage', path: 'gaps', cause }))
      )
    )
    const writer: ParquetWriter = {
      write: (request) => Effect.flatMap(opened, ({ write }) => write(request)),
      sync: (paths) => Effect.flatMap(opened, ({ sync }) => sync(paths))
    }
    return writer
  })
