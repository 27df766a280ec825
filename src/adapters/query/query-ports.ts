/** What queries need of others: a planner that pins files, and an engine that reads them. */
import type * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { RowValues } from './record-text.ts'
import type { ReachedByTail, ReadPoint } from './read-point.ts'

/** Conditions on records; absent means any. */
interface RecordFilter {
  readonly symbol?: string
  /** Upper-case exchange code. */
  readonly exchange?: string
  /** Microseconds, inclusive. */
  readonly fromUs?: number
  /** Microseconds, exclusive. */
  readonly toUs?: number
}

/** A data file with the bounds that its table knows; a bound may be wider than the data. */
export interface ScanFile {
  /** Local path; whether something is there is certain only inside `ScanLease.read`. */
  readonly path: string
  readonly recordCount: number
  /** Oldest exchange time, microseconds; -Infinity where unknown. */
  readonly timestampLowerUs: number
  /** Newest exchange time; Infinity where unknown. */
  readonly timestampUpperUs: number
  /** Of the snapshot that brought the newest of its rows; absent where unknown. */
  readonly sequenceNumber?: number
}

/** Files of one snapshot that stay readable until the release (R28). */
export interface ScanLease<E> {
  /** Decimal text; null for a table without snapshots. */
  readonly snapshotId: string | null
  /** Every file that may hold a matching row, newest upper bound first. */
  readonly files: readonly ScanFile[]
  /**
   * SQL table function over the files whose paths the parameter `files` gives: with the columns of
   * the table, whichever of them a file has.
   */
  readonly source: string
  /** Runs `use` while the files, which are of this lease, can be read at their paths. */
  readonly read: <A, E2>(
    files: readonly ScanFile[],
    use: Effect.Effect<A, E2>
  ) => Effect.Effect<A, E | E2>
  readonly beyond: BeyondFiles
  readonly release: () => void
}

/** What of a read over "now" is not in the files of its snapshot (R6, R15). */
export interface BeyondFiles {
  /** Undefined where nothing of it can match. */
  readonly tail: TailPart | undefined
  /** By `k2_partition`: the first offset that is neither in the files nor in the tail. */
  readonly watermarks: ReadonlyMap<string, number>
  /** By `k2_partition`: the first offset that is not in the files. */
  readonly floors: ReadonlyMap<string, number>
  /** Rows that are all in files and tail, by their offsets alone; there may be others. */
  readonly view: RecordsView
  /** Whether the log is read on here, so that a later view has what comes. */
  readonly isFollowed: boolean
  /** What cannot be answered now, in words; empty where the answer is whole. */
  readonly missing: readonly string[]
}

/** Which records of the log are meant: those that were decided below the watermarks (R7). */
export interface RecordsView {
  /** By `k2_partition`, exclusive; of a partition that is not named, none is meant. */
  readonly watermarks: ReadonlyMap<string, number>
  /** By `k2_partition`: offsets below the watermark that were not decided there. */
  readonly undecided: ReadonlyMap<string, readonly number[]>
}

/** Rows that the log has beyond the files of a lease, in memory of the engine. */
export interface TailPart {
  /** A SELECT of all columns of the table, in their order, without an end. */
  readonly sql: string
  /** Of `sql`; their names begin with `tail_`. */
  readonly parameters: Readonly<Record<string, Parameter>>
  /** As many rows at most. */
  readonly rowsMax: number
  /** No row is older; exchange time, microseconds. */
  readonly timestampLowerUs: number
  /** No row is newer. */
  readonly timestampUpperUs: number
  /** What of it may have rows that are not older; undefined where there can be none. */
  readonly since: (fromUs: number) => TailPart | undefined
  /** Where a lease was taken for its rows: they are read there, not by `sql`. */
  readonly rows?: readonly RowsInMemory[]
}

/** Rows in memory of this thread, in the order in which they came. */
export interface RowsInMemory {
  readonly columns: RowColumns
  readonly length: number
  /** Whether a row is one of those that are to be seen. */
  readonly isIn: (row: number) => boolean
  /** Rows of a block. */
  readonly blockRows: number
  readonly blocks: readonly RowBlock[]
}

/** Bounds of some rows, which may be wider than the rows. */
interface RowBlock {
  /** Microseconds, both inclusive. */
  readonly fromUs: number
  readonly toUs: number
  /** Bit `code & 31` is set for each group that there may be a row of. */
  readonly groups: number
}

interface RowColumns extends RowValues {
  /** By code. */
  readonly groups: ReadonlyArray<{ readonly exchange: string; readonly symbol: string }>
  groupAt(row: number): number
  /** Microseconds. */
  timestampAt(row: number): number
  /** NaN where there is none. */
  sequenceAt(row: number): number
  /** In the log. */
  offsetAt(row: number): number
}

export const nothingBeyond: BeyondFiles = {
  tail: undefined,
  watermarks: new Map(),
  floors: new Map(),
  view: { watermarks: new Map(), undecided: new Map() },
  isFollowed: false,
  missing: []
}

export interface ScanPlanner<E> {
  readonly acquire: (filter: RecordFilter) => Effect.Effect<ScanLease<E>, E>
}

/** What is read when files are planned: any of the symbols, any of the exchanges. */
export interface ScanConditions {
  readonly symbols?: readonly string[]
  readonly exchanges?: readonly string[]
  readonly fromUs?: number
  readonly toUs?: number
}

/** What planning looked at, before anything was read. */
export interface PlanFacts {
  readonly manifestsConsidered: number
  readonly manifestsPruned: number
  readonly filesConsidered: number
  readonly filesPruned: number
}

/** A lease that tells what planning looked at, and what of it is to be read. */
export interface RecordsLease<E> extends ScanLease<E> {
  readonly facts: PlanFacts
  /**
   * With the tail that is read beside its files. Undefined where the table does not say how far it
   * is, by others' hand.
   */
  readonly point: (tail?: ReachedByTail) => Effect.Effect<ReadPoint | undefined, E>
  /** Rows of the lease beyond this point are not to be answered. */
  readonly within?: ReadPoint | undefined
}

/** Where a table is read; absent: as it is now. */
export type ReadAt =
  | { readonly kind: 'snapshot'; readonly snapshotId: string }
  /** The snapshot that was current then; milliseconds. */
  | { readonly kind: 'time'; readonly atMs: number }
  | { readonly kind: 'tag'; readonly name: string }
  | { readonly kind: 'point'; readonly point: ReadPoint }

export interface RecordsPlanner<E> {
  readonly acquire: (
    conditions: ScanConditions,
    at?: ReadAt,
    /** How the tail is to be read: by statements, unless told. */
    tailAs?: 'sql' | 'rows'
  ) => Effect.Effect<RecordsLease<E>, E>
}

/** The table of candles of minutes (R21). */
export interface MinutesLease<E> extends ScanLease<E> {
  /**
   * Sequence number up to which files of a snapshot of the trades are in it: what those hold is all
   * that has changed since. -Infinity where it is not of the history of that snapshot.
   */
  readonly coveredIn: (tradesSnapshotId: string | null) => number
}

export interface MinutesPlanner<E> {
  readonly acquire: (filter: RecordFilter) => Effect.Effect<MinutesLease<E>, E>
}

export type Parameter =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'long'; readonly value: number }
  | { readonly type: 'longs'; readonly value: readonly number[] }
  | { readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly type: 'timestamp'; readonly value: number }

export type Cell = null | string | number | bigint | boolean

/** An engine that gives texts as bytes, where a column is a BLOB. */
export interface BytesEngine<E> {
  readonly runBytes: (query: {
    readonly sql: string
    readonly parameters: Readonly<Record<string, Parameter>>
  }) => Effect.Effect<ReadonlyArray<readonly (Cell | Uint8Array<ArrayBuffer>)[]>, E>
}

/** An engine that gives the texts of a statement's rows joined, part by part. */
export interface TextsEngine<E> {
  /** All rows are found when it is there: of files that it reads, none is read after that. */
  readonly texts: (query: {
    readonly sql: string
    readonly parameters: Readonly<Record<string, Parameter>>
  }) => Effect.Effect<OpenTexts<E>, E, Scope.Scope>
}

interface OpenTexts<E> {
  /** Undefined behind the last part. One asks at a time, and nothing is made before. */
  readonly next: Effect.Effect<
    { readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number } | undefined,
    E
  >
}

export interface QueryEngine<E> {
  /** Rows of one SELECT with named parameters `$name`, in its order. */
  readonly run: (query: {
    readonly sql: string
    readonly parameters: Readonly<Record<string, Parameter>>
  }) => Effect.Effect<ReadonlyArray<readonly Cell[]>, E>
}
