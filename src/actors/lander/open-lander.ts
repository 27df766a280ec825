/**
 * Opens what a lander works with: table, Parquet writer, dead letters. The log is given, since it
 * is read from another thread in production and from the same one in tests and simulations.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { openDeadLetterLog } from '../../adapters/dead-letters/dead-letter-log.ts'
import { makeFolder, removeFile, syncToDisk } from '../../adapters/disk/folders.ts'
import { fieldIdsOf } from '../../adapters/duckdb/columns.ts'
import { openParquetWriter } from '../../adapters/duckdb/parquet-writer.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import type { EventLogReader } from '../../adapters/log/event-log.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import type { DataTypeSpec } from '../data-types.ts'
import { openTableIn, type TableContext } from '../storage/data-folder.ts'
import { openStores } from '../storage/stores.ts'
import { openDataFileStore } from './data-file-store.ts'
import { deadLetterBytesMax, deadLetterFileBytesMax } from './dead-letter-limits.ts'
import { makeIcebergLandingTable } from './iceberg-landing-table.ts'
import { type Lander, makeLander } from './lander.ts'
import type { LanderEvent, LanderOptions } from './lander-ports.ts'

export interface LanderSetup extends Omit<TableContext, 'observe'> {
  readonly log: EventLogReader
  readonly lander: LanderOptions
  readonly duckdbBytesMax: number
  /** Names its own folders and files: `lander` where nothing else is said. */
  readonly writer?: string
  /** Whether queries are answered on this machine, which then like the newest rows at hand. */
  readonly keepsCopies?: boolean
  readonly observe: (event: LanderEvent) => void
  /** Files that no snapshot names any more; to be deleted, but not at once (R28). */
  readonly onRemoved: (locations: readonly string[]) => void
}

/** Leaves the second core to the main thread. */
const duckdbThreads = 1

/** A maker of landers, of which one may run at a time, until the scope closes. */
export const openLander = <A extends SequencedRecord>(spec: DataTypeSpec<A>, setup: LanderSetup) =>
  Effect.gen(function* () {
    const { folder, log, nowMs, uuid, writer: own = 'lander' } = setup
    const { topic } = setup.lander
    yield* makeFolder(folder.temporary)
    const stores = yield* openStores(setup.storage, folder, nowMs)
    const table = yield* openTableIn(stores, spec, { ...setup, observe: () => undefined })
    const rows = [spec.makeRows(), spec.makeRows()] as const
    const writer = yield* openParquetWriter({
      columns: rows[0].columns,
      fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
      files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
      threads: duckdbThreads,
      memoryBytesMax: setup.duckdbBytesMax,
      // Two DuckDBs must not spill into one folder.
      tempDirectory: join(folder.temporary, `${own}-${spec.name}`)
    })
    const dataFiles = yield* openDataFileStore({
      table,
      stores,
      folder,
      writer: own,
      keepsCopies: setup.keepsCopies ?? false,
      sync: writer.sync
    })
    const deadLetters = yield* openDeadLetterLog({
      folder: folder.deadLetters,
      name: `${own}-${spec.name}`,
      fileBytesMax: deadLetterFileBytesMax,
      bytesMax: deadLetterBytesMax
    })
    const ports = {
      log,
      table: makeIcebergLandingTable<A>({
        table,
        writer,
        dataFiles,
        logIdentity: log.identityOf(topic),
        topic,
        partitionCount: log.topics.get(topic) ?? 0,
        onRemoved: (files) => setup.onRemoved(files.map(({ location }) => location))
      }),
      rows,
      codec: spec.makeCodec(),
      rules: spec.rules,
      learnCompact: spec.makeLearnCompact?.(),
      deadLetters,
      partitionOf,
      nowMs,
      uuid,
      observe: setup.observe
    }
    return (): Lander => makeLander(setup.lander, ports)
  })
