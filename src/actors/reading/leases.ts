/** Leases over the files of one snapshot of a table: the current one, or that which is chosen. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { type Column, fieldIdsOf, filesByIdSql } from '../../adapters/duckdb/columns.ts'
import {
  allOffsets,
  type RecordedState,
  removalsOf,
  type StateError
} from '../../adapters/iceberg/k2-summary.ts'
import {
  currentSchema,
  type Snapshot,
  type TableMetadata
} from '../../adapters/iceberg/metadata.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import { attempt, readState, refresh, type Table } from '../../adapters/iceberg/table.ts'
import type { FilesExceedCache } from '../../adapters/object-store/file-cache.ts'
import {
  nothingBeyond,
  type ReadAt,
  type RecordsLease,
  type RecordsPlanner,
  type ScanLease
} from '../../adapters/query/query-ports.ts'
import { aheadOf, isExactly, joined } from '../../adapters/query/read-point.ts'
import { heldOffsetsOf, parsePartitionState } from '../lander/landing-partition.ts'
import { byLabel, type ChoiceFault, chosenSnapshot } from './chosen-snapshot.ts'
import type { LocalCopies, ReadCopies } from './local-copies.ts'

/** The table cannot be planned now; the cause is for the log. */
export class TableUnavailable extends Schema.TaggedError<TableUnavailable>()('TableUnavailable', {
  detail: Schema.String
}) {
  override get message() {
    return `the table cannot be read: ${this.detail}`
  }
}

type ReadFault = TableUnavailable | FilesExceedCache | ChoiceFault

/** To a client a copy that cannot be had is a table whose storage does not answer. */
const readOf =
  (read: ReadCopies): ScanLease<ReadFault>['read'] =>
  (some, use) =>
    read(
      some,
      Effect.mapError(use, (fault) => ({ fault }))
    ).pipe(
      Effect.mapError((error) => {
        if ('fault' in error) return error.fault
        return error._tag === 'FilesExceedCache' ? error : unavailable(error)
      })
    )

const unavailable = ({ message }: { readonly message: string }): TableUnavailable =>
  new TableUnavailable({ detail: message })

/**
 * A lease needs no release: files of an expired snapshot stay
 * for longer than a query may take (R28).
 */
export const leasesOf = (
  table: Table,
  columns: readonly Column[],
  copies: LocalCopies
): RecordsPlanner<ReadFault> => {
  const { pathOf } = copies
  const planner = makeScanPlanner(table, { pathOf })
  const heldIn = heldOffsetsIn(table)
  return {
    acquire: Effect.fnUntraced(function* (filter, at) {
      const { snapshotId, files, recorded, ...facts } = yield* planner
        .plan(filter, yield* chosen(table, at))
        .pipe(Effect.mapError(unavailable))
      const id = snapshotId === null ? null : snapshotId.toString()
      const watermarks = byLabel(recorded === null ? {} : allOffsets(recorded))
      const pointOf: RecordsLease<never>['point'] = (tail) =>
        recorded === null
          ? Effect.succeed(undefined)
          : Effect.map(heldIn(recorded, aheadOf(watermarks, tail)), (undecided) => {
              const removals = removalsOf(recorded)
              return undecided && joined({ snapshotId: id, removals, watermarks, undecided }, tail)
            })
      const point = at?.kind === 'point' ? at.point : undefined
      return {
        snapshotId: id,
        files,
        facts,
        source: sourceOf(table.loaded.metadata, columns),
        read: readOf(copies.readerOf(files)),
        beyond: {
          ...nothingBeyond,
          watermarks,
          floors: watermarks,
          view: { watermarks, undecided: new Map() },
          missing: point?.missing ?? []
        },
        point: point === undefined ? pointOf : () => Effect.succeed(point),
        within: point === undefined || isExactly(watermarks, point) ? undefined : point,
        release: () => {}
      }
    })
  }
}

/** Undefined: the current one, whichever that is when it is planned. */
const chosen = (
  table: Table,
  at: ReadAt | undefined
): Effect.Effect<bigint | undefined, ReadFault> =>
  at === undefined
    ? Effect.succeed(undefined)
    : refresh(table).pipe(
        Effect.mapError(unavailable),
        Effect.flatMap(({ metadata }) =>
          attempt<Snapshot | null, ChoiceFault | StateError>(() =>
            chosenSnapshot(table.name, metadata, at)
          )
        ),
        Effect.mapError((fault) =>
          fault._tag === 'OffsetsMissing' || fault._tag === 'SummaryAltered'
            ? unavailable(fault)
            : fault
        ),
        Effect.map((snapshot) => snapshot?.['snapshot-id'])
      )

const statesKeptMax = 256

/** What a snapshot's sequence states hold back; undefined where one cannot be read. */
const heldOffsetsIn = (table: Table) => {
  const known = new Map<string, readonly number[]>()
  const heldAt = Effect.fnUntraced(function* (path: string) {
    const kept = known.get(path)
    if (kept !== undefined) return kept
    const bytes = yield* readState(table, path)
    const held = yield* attempt(() => heldOffsetsOf(parsePartitionState(bytes)))
    if (known.size >= statesKeptMax) known.clear()
    known.set(path, held)
    return held
  })
  return ({ states }: RecordedState, partitions: readonly string[]) => {
    const paths = [...byLabel(states)].filter(([partition]) => partitions.includes(partition))
    return Effect.forEach(paths, ([partition, path]) =>
      Effect.map(heldAt(path), (held) => [partition, held] as const)
    ).pipe(
      Effect.map((all) => new Map(all.filter(([, held]) => held.length > 0))),
      // Without them there is no point to come back to; the rows are there all the same.
      Effect.catch(() => Effect.succeed(undefined))
    )
  }
}

/** By names where all files have the same columns: that is the faster way. */
export const sourceOf = (metadata: TableMetadata, columns: readonly Column[]): string =>
  metadata.schemas.length === 1 && metadata['current-schema-id'] === 0
    ? 'read_parquet($files)'
    : filesByIdSql(columns, fieldIdsOf(currentSchema(metadata)))
