/**
 * One run of compaction over a table: group by group, what the plan says is rewritten, verified
 * and committed, until the table is laid out (R22).
 *
 * 1. Each group is a commit of its own: what is done stays done, and the next group is planned on
 *    the table as it then is.
 * 2. New files that certainly no snapshot names are removed. Where the outcome of a commit is
 *    unknown they stay: orphan removal finds them if it did not take place (R19).
 * 3. A group whose files others have taken out is given up, and the run goes on.
 * 4. Nothing is shared with landing but the table: to an append, a commit of compaction is one
 *    more that came first.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type {
  ParquetRewriter,
  RewriteFailed,
  RewriteRequest,
  RewrittenFile,
  RowsDiffer
} from '../../adapters/duckdb/parquet-rewriter.ts'
import { resolveUnknown } from '../../adapters/iceberg/append.ts'
import { cutByTime } from '../../adapters/iceberg/compaction-cut.ts'
import {
  bucketUs,
  type CompactionGroup,
  type LayoutLimits,
  layoutLimits,
  planCompaction
} from '../../adapters/iceberg/compaction-plan.ts'
import type { DataFile } from '../../adapters/iceberg/data-file.ts'
import type { CommitUnknown } from '../../adapters/iceberg/errors.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import {
  commitReplace,
  type NotReplaced,
  type ReplaceRequest
} from '../../adapters/iceberg/replace-files.ts'
import { timeColumn } from '../../adapters/iceberg/schema.ts'
import type { Committed } from '../../adapters/iceberg/snapshot-commit.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { CopyFault, LocalCopies } from '../reading/local-copies.ts'
import type { DataFileStore } from '../lander/data-file-store.ts'

export interface CompactionPorts {
  readonly table: Table
  /** Of the columns that the rewriter writes; absent: it writes all that the table has. */
  readonly schemaId?: number
  readonly rewriter: ParquetRewriter
  /** Takes the new data files. */
  readonly store: DataFileStore
  /** Where DuckDB finds the files of the table. */
  readonly copies: Pick<LocalCopies, 'pathOf' | 'readerOf'>
  readonly nowMs: () => number
  readonly uuid: () => string
  readonly observe: (event: CompactionEvent) => void
  /** Files that no snapshot names any more; to be deleted, but not at once (R28). */
  readonly onRemoved: (locations: readonly string[]) => void
  readonly limits?: LayoutLimits
}

export type CompactionEvent =
  | {
      readonly type: 'compaction.committed'
      readonly rows: number
      readonly files: number
      readonly newFiles: number
      readonly bytes: number
      readonly newBytes: number
      readonly tookMs: number
      /** null: found after an unclear answer. */
      readonly attempts: number | null
    }
  | { readonly type: 'compaction.abandoned'; readonly rows: number; readonly reason: string }

export interface CompactionRun {
  readonly groups: number
  /** Whether nothing is left to do. */
  readonly isLaidOut: boolean
}

/** Groups are what is bounded in time: a run takes at most so many. */
export const runCompaction = Effect.fnUntraced(function* (
  ports: CompactionPorts,
  groupsMax: number
) {
  const { pathOf } = ports.copies
  const planner = makeScanPlanner(ports.table, { plansMax: 1, pathOf })
  const limits = ports.limits ?? layoutLimits
  for (let groups = 0; groups < groupsMax; groups += 1) {
    const { files } = yield* planner.plan({})
    const group = planCompaction(files, ports.nowMs() * 1_000, limits)
    if (group === null) return { groups, isLaidOut: true } satisfies CompactionRun
    const outcome = yield* compactGroup(ports, group, limits)
    if (outcome === 'has_deletes') return { groups, isLaidOut: true } satisfies CompactionRun
    // The next run knows the new columns.
    if (outcome === 'schema_changed') return { groups, isLaidOut: false } satisfies CompactionRun
  }
  return { groups: groupsMax, isLaidOut: false } satisfies CompactionRun
})

const compactGroup = Effect.fnUntraced(function* (
  ports: CompactionPorts,
  group: CompactionGroup,
  limits: LayoutLimits
) {
  const { table, rewriter, store, copies, uuid, nowMs, observe } = ports
  const startedMs = nowMs()
  const commitId = uuid()
  const written = yield* copies.readerOf(group.files)(
    group.files,
    rewriter.rewrite(rewriteRequest(ports, group, limits, commitId))
  )
  const paths = written.map(({ path }) => path)
  const dataFiles = written.map((file) => dataFileOf(ports, group, file))
  const request: ReplaceRequest = {
    commitId,
    replaced: group.files.map(({ location }) => location),
    dataFiles,
    schemaId: ports.schemaId,
    syncDataFiles: store.persist(paths)
  }
  const result = yield* commit(table, request).pipe(
    Effect.tapError(({ _tag }) => {
      const isUnclear = _tag === 'CommitUnknown' || _tag === 'OutcomeUnclear'
      return isUnclear ? Effect.void : removeAll(store, dataFiles) // (2)
    })
  )
  const rows = sum(group.files, ({ recordCount }) => recordCount)
  if (result.kind !== 'replaced') {
    yield* removeAll(store, dataFiles)
    observe({ type: 'compaction.abandoned', rows, reason: result.kind })
    return result.kind
  }
  if (result.committed !== null) {
    ports.onRemoved(result.committed.removed.map(({ location }) => location))
  }
  observe({
    type: 'compaction.committed',
    rows,
    files: group.files.length,
    newFiles: written.length,
    bytes: sum(group.files, ({ fileSizeBytes }) => fileSizeBytes),
    newBytes: sum(written, ({ fileSizeBytes }) => fileSizeBytes),
    tookMs: nowMs() - startedMs,
    attempts: result.committed?.attempts ?? null
  })
  return result.kind
})

const rewriteRequest = (
  { store }: CompactionPorts,
  group: CompactionGroup,
  limits: LayoutLimits,
  commitId: string
): RewriteRequest => ({
  inputs: group.files,
  rows: sum(group.files, ({ recordCount }) => recordCount),
  bucketUs,
  cut: (buckets) => cutByTime(group, buckets, limits),
  pathOf: (index) => join(store.folder, `${commitId}-${index}.parquet`)
})

const dataFileOf = (
  { store, table }: CompactionPorts,
  { exchange, day }: CompactionGroup,
  file: RewrittenFile
): DataFile => ({
  location: store.locationOf(file.path),
  recordCount: file.recordCount,
  fileSizeBytes: file.fileSizeBytes,
  partition: { exchange, [`${timeColumn(currentSchema(table.loaded.metadata))}_day`]: day },
  columns: file.columns,
  splitOffsets: file.splitOffsets,
  sorted: true
})

/** Whether the commit took place cannot be found out any more; its files stay as they are. */
class OutcomeUnclear extends Schema.TaggedError<OutcomeUnclear>()('OutcomeUnclear', {
  table: Schema.String,
  commitId: Schema.String
}) {
  override get message() {
    const { table, commitId } = this
    return `${table}: the history of commit ${commitId} has expired; its files are left as they are`
  }
}

export type CompactionError =
  | CopyFault
  | RewriteFailed
  | RowsDiffer
  | OutcomeUnclear
  | Effect.Error<ReturnType<typeof commitReplace>>

type Outcome = NotReplaced | { readonly kind: 'replaced'; readonly committed: Committed | null }

/** Tries of a commit whose outcome was unknown. */
const unknownMax = 3
/**
 * Tries of a commit that did not take place: a lander that works off a backlog may be faster many
 * times in a row, and what has been rewritten is worth a few pauses.
 */
const failedMax = 4
const failedPauseMs = 100

type CommitStepError = Exclude<CompactionError, CopyFault | RewriteFailed | RowsDiffer>

const commit = (
  table: Table,
  request: ReplaceRequest,
  failedCount = 0
): Effect.Effect<Outcome, CommitStepError> =>
  attemptCommit(table, request).pipe(
    Effect.catchTag('CommitFailed', (failed) =>
      failedCount + 1 >= failedMax
        ? Effect.fail(failed)
        : Effect.andThen(
            Effect.sleep(failedPauseMs * 2 ** failedCount),
            commit(table, request, failedCount + 1)
          )
    )
  )

const attemptCommit = (
  table: Table,
  request: ReplaceRequest,
  unknownCount = 0
): Effect.Effect<Outcome, CommitStepError> =>
  commitReplace(table, request).pipe(
    Effect.catchTag('CommitUnknown', (unknown) => resolve(table, request, unknown, unknownCount))
  )

const resolve = Effect.fnUntraced(function* (
  table: Table,
  request: ReplaceRequest,
  unknown: CommitUnknown,
  unknownCount: number
): Effect.fn.Return<Outcome, CommitStepError> {
  const { outcome } = yield* resolveUnknown(table, unknown)
  if (outcome === 'landed') return { kind: 'replaced', committed: null }
  if (outcome === 'parentGone') {
    return yield* new OutcomeUnclear({ table: table.name, commitId: request.commitId })
  }
  if (unknownCount + 1 >= unknownMax) return yield* unknown
  return yield* attemptCommit(table, request, unknownCount + 1)
})

const removeAll = (store: DataFileStore, dataFiles: readonly DataFile[]): Effect.Effect<void> =>
  Effect.forEach(dataFiles, ({ location }) => store.discard(location), { discard: true })

const sum = <A>(items: readonly A[], of: (item: A) => number): number =>
  items.reduce((total, item) => total + of(item), 0)
