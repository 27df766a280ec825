/**
 * The landing table on Iceberg: rows by the Parquet writer, one append commit for rows, offsets and
 * state. What to do after a fence or an unknown outcome is decided here, as R19 says.
 */
import * as Effect from 'effect/Effect'
import type { ParquetWriter, WrittenFile } from '../../adapters/duckdb/parquet-writer.ts'
import type { RecordColumns } from '../../adapters/duckdb/record-columns.ts'
import { type AppendRequest, commitAppend, resolveUnknown } from '../../adapters/iceberg/append.ts'
import type { DataFile } from '../../adapters/iceberg/data-file.ts'
import { PartitionCountChanged } from '../../adapters/iceberg/errors.ts'
import type { TableVersion } from '../../adapters/iceberg/ports.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import { timeColumn } from '../../adapters/iceberg/schema.ts'
import type { Committed } from '../../adapters/iceberg/snapshot-commit.ts'
import {
  readRecordedState,
  readState,
  refresh,
  stateLocation,
  type Table,
  writeState
} from '../../adapters/iceberg/table.ts'
import type { RemovedFile } from '../../adapters/iceberg/unreferenced-files.ts'
import type { DataFileStore } from './data-file-store.ts'
import {
  type LandedRows,
  LandingFailed,
  type LandingAttempt,
  type LandingOutcome,
  type LandingTable,
  type RecordedPositions
} from './lander-ports.ts'

interface PositionSource {
  readonly table: Table
  readonly logIdentity: string
  readonly topic: string
  readonly partitionCount: number
}

export interface IcebergLandingOptions extends PositionSource {
  readonly writer: ParquetWriter
  readonly dataFiles: DataFileStore
  /**
   * Files that no snapshot names any more: to be deleted, but not before running reads ended (R28).
   */
  readonly onRemoved: (files: readonly RemovedFile[]) => void
}

/** Written, and durable once `sync` has ended. */
export interface LandedFiles {
  readonly dataFiles: readonly DataFile[]
  readonly sync: Effect.Effect<void, { readonly message: string }>
  /** The table as it was while they were written. */
  readonly start?: TableVersion | undefined
}

export const makeIcebergLandingTable = <A>(
  options: IcebergLandingOptions
): LandingTable<A, LandedFiles> => {
  const { table, topic } = options
  return {
    ...recordedPositionsOf(options),
    writeState: (partition, bytes) =>
      Effect.mapError(writeState(table, `${topic}-${partition}`, bytes), failedAt('state')),
    writeRows: (rows, commitId) =>
      writeRows(options, rows as LandedRows<A> & RecordColumns, commitId),
    commit: (attempt) => commit(options, appendRequest(options, attempt))
  }
}

/** How far a topic is in its table, for whoever reads it on from there. */
export const recordedPositionsOf = (
  options: PositionSource
): Pick<LandingTable<never, never>, 'positions' | 'readState'> => ({
  positions: readPositions(options),
  readState: (path) =>
    Effect.mapError(
      readState(options.table, path),
      ({ message, reason }) =>
        // A store that cannot be read now comes back; a file that is gone does not (R10, R14).
        new LandingFailed({ step: 'state', detail: message, isDependency: reason !== 'missing' })
    )
})

const failedAt =
  (step: string) =>
  (error: { readonly message: string }): LandingFailed =>
    new LandingFailed({ step, detail: error.message, isDependency: true })

const readPositions = ({
  table,
  logIdentity,
  topic,
  partitionCount
}: PositionSource): Effect.Effect<RecordedPositions, LandingFailed> =>
  readRecordedState(table).pipe(
    Effect.map(({ offsets, states, partitionCounts }) => ({
      byPartition: new Map(
        Object.entries(offsets[logIdentity]?.[topic] ?? {}).map(([partition, offset]) => [
          Number(partition),
          { offset, statePath: states[logIdentity]?.[topic]?.[Number(partition)] ?? '' }
        ])
      ),
      otherLogs: Object.keys(offsets).filter(
        (identity) => identity !== logIdentity && offsets[identity]?.[topic] !== undefined
      ),
      fault: countFault(table.name, topic, {
        recorded: partitionCounts[logIdentity]?.[topic],
        given: partitionCount
      })
    })),
    Effect.catchTag(['OffsetsMissing', 'SummaryAltered'], ({ message }) =>
      Effect.succeed({ byPartition: new Map<number, never>(), otherLogs: [], fault: message })
    ),
    Effect.mapError(failedAt('table'))
  )

/** Keys lie elsewhere than their states do, in a topic with another partition count (R41). */
const countFault = (
  table: string,
  topic: string,
  { recorded, given }: { readonly recorded: number | undefined; readonly given: number }
): string | null =>
  recorded === undefined || recorded === given
    ? null
    : new PartitionCountChanged({ table, topic, recorded, given }).message

const writeRows = (
  { table, writer, dataFiles }: IcebergLandingOptions,
  rows: RecordColumns,
  commitId: string
): Effect.Effect<LandedFiles, LandingFailed> =>
  Effect.gen(function* () {
    if (rows.length === 0) return { dataFiles: [], sync: Effect.void }
    const dayField = `${timeColumn(currentSchema(table.loaded.metadata))}_day`
    const writing = writer.write({
      rows,
      directory: dataFiles.folder,
      fileName: ({ index }) => `${commitId}-${index}.parquet`
    })
    // Where the table cannot be read, the commit says so.
    const loading = Effect.orElseSucceed(refresh(table), () => undefined)
    const [written, start] = yield* Effect.all([writing, loading], { concurrency: 'unbounded' })
    return {
      dataFiles: written.map((file) => dataFileOf(dataFiles, file, dayField)),
      sync: dataFiles.persist(written.map(({ path }) => path)),
      start
    }
  }).pipe(Effect.mapError(failedAt('data files')))

const dataFileOf = (
  { locationOf }: DataFileStore,
  file: WrittenFile,
  dayField: string
): DataFile => ({
  location: locationOf(file.path),
  recordCount: file.recordCount,
  fileSizeBytes: file.fileSizeBytes,
  partition: { exchange: file.partition.exchange, [dayField]: file.partition.day },
  columns: file.columns,
  splitOffsets: file.splitOffsets,
  sorted: true
})

const appendRequest = (
  { logIdentity, topic, partitionCount }: IcebergLandingOptions,
  { commitId, files, advances, summary, requires }: LandingAttempt<LandedFiles>
): AppendRequest => ({
  commitId,
  dataFiles: files.dataFiles,
  syncDataFiles: files.sync,
  start: files.start,
  advances: advances.map((advance) => ({ logIdentity, topic, ...advance })),
  partitionCounts: [{ logIdentity, topic, count: partitionCount }],
  ...(summary === undefined ? {} : { summaryExtra: summary }),
  ...(requires === undefined ? {} : { requires })
})

/** Resolutions of an unknown outcome before landing fails and starts anew from the table. */
const unknownMax = 3

const commit = (
  options: IcebergLandingOptions,
  request: AppendRequest,
  unknownCount = 0
): Effect.Effect<LandingOutcome, LandingFailed> => {
  const { table, onRemoved } = options
  return commitAppend(table, request).pipe(
    Effect.map((committed: Committed): LandingOutcome => {
      onRemoved(committed.removed)
      return { kind: 'landed', snapshotId: committed.snapshotId.toString() }
    }),
    Effect.tapError(({ _tag }) =>
      // Where an attempt may have landed, or land late, all is kept (R19).
      unknownCount === 0 && _tag !== 'CommitUnknown' && _tag !== 'SummaryAltered'
        ? removeUncommitted(options, request)
        : Effect.void
    ),
    Effect.catchTag('Fenced', ({ message }) =>
      Effect.succeed<LandingOutcome>({ kind: 'fenced', detail: message })
    ),
    Effect.catchTag('CommitUnknown', (unknown) =>
      Effect.gen(function* () {
        const resolution = yield* resolveUnknown(table, unknown)
        switch (resolution.outcome) {
          case 'landed':
            return { kind: 'landed', snapshotId: resolution.snapshotId.toString() } as const
          case 'notLanded':
            if (unknownCount + 1 >= unknownMax) return yield* unknown
            return yield* commit(options, request, unknownCount + 1)
          case 'parentGone':
            return { kind: 'fenced', detail: unknown.message } as const
          default:
            return resolution satisfies never
        }
      })
    ),
    Effect.mapError((error) => {
      if (error._tag === 'LandingFailed') return error
      // A catalog that alters what it is given does not mend by waiting.
      const isDependency = error._tag !== 'SummaryAltered'
      return new LandingFailed({ step: 'commit', detail: error.message, isDependency })
    })
  )
}

/**
 * Nothing names what an attempt has written that certainly did not land. It would stay for ever,
 * and a catalog that is away for an hour would fill the disk attempt by attempt (R53).
 */
const removeUncommitted = (
  { table, dataFiles }: IcebergLandingOptions,
  request: AppendRequest
): Effect.Effect<void> =>
  Effect.forEach(
    [
      ...request.dataFiles.map(({ location }) => dataFiles.discard(location)),
      ...request.advances.map(({ statePath }) =>
        Effect.ignore(table.ports.files.remove(stateLocation(table, statePath)))
      )
    ],
    (removal) => removal,
    { discard: true }
  )
