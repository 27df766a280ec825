/** What the lander needs; adapters fill it in the worker, fakes and simulations in tests (R32). */
import type * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { DeadLetterLog } from '../../adapters/dead-letters/dead-letter-log.ts'
import type { EventLogReader } from '../../adapters/log/event-log.ts'
import type { RecordCodec } from '../../adapters/schema/record-codec.ts'
import type {
  PartitionCounters,
  RecordRules,
  SequencedRecord
} from '../../machines/partition-fold.ts'
import type { SequenceLimits } from '../../market/sequence.ts'
import type { RejectedId } from '../gaps/rejected-claims.ts'
import type { LearnCompact } from './compact-records.ts'

/** Landed rows of one commit, in the order in which they came. */
export interface LandedRows<A> {
  readonly length: number
  push(record: A, partition: string, offset: number): void
  clear(): void
}

/** Where a partition stands in the table. */
export interface RecordedPosition {
  readonly offset: number
  /** Where its sequence state is stored. */
  readonly statePath: string
}

export interface RecordedPositions {
  /** Of the log asked for, by partition. */
  readonly byPartition: ReadonlyMap<number, RecordedPosition>
  /** Other logs from which the topic was landed before (R8). */
  readonly otherLogs: readonly string[]
  /** Why nothing may be landed until an operator has seen to it (R10). */
  readonly fault: string | null
}

export interface PartitionAdvance {
  readonly partition: number
  /** What the batch starts at; null where the partition has never landed. */
  readonly fromOffset: number | null
  readonly nextOffset: number
  readonly statePath: string
}

export interface LandingAttempt<Files> {
  readonly commitId: string
  readonly files: Files
  readonly advances: readonly PartitionAdvance[]
  /** Further entries of the summary, and those that the table must have before. */
  readonly summary?: Readonly<Record<string, string>>
  readonly requires?: Readonly<Record<string, string | null>>
}

export type LandingOutcome =
  | { readonly kind: 'landed'; readonly snapshotId: string }
  /** The table is elsewhere: discard, re-read, start anew (R19). */
  | { readonly kind: 'fenced'; readonly detail: string }

/** One table, seen from one topic of one log. */
export interface LandingTable<A, Files> {
  readonly positions: Effect.Effect<RecordedPositions, LandingFailed>
  readonly readState: (path: string) => Effect.Effect<Uint8Array, LandingFailed>
  /** Stores a state under a new name, durably. */
  readonly writeState: (
    partition: number,
    bytes: Uint8Array
  ) => Effect.Effect<string, LandingFailed>
  /** Writes the rows as data files; they need not be durable before `commit` makes them so. */
  readonly writeRows: (
    rows: LandedRows<A>,
    commitId: string
  ) => Effect.Effect<Files, LandingFailed>
  /**
   * One atomic, durable step for rows, offsets and state; an unknown outcome is resolved inside
   * (R19).
   */
  readonly commit: (attempt: LandingAttempt<Files>) => Effect.Effect<LandingOutcome, LandingFailed>
}

/** Landing cannot go on; what was not committed is read again from the log. */
export class LandingFailed extends Schema.TaggedError<LandingFailed>()('LandingFailed', {
  step: Schema.String,
  detail: Schema.String,
  /** Whether a store or the catalog was unavailable, which passes by itself (R14). */
  isDependency: Schema.Boolean
}) {
  override get message() {
    return `landing failed at ${this.step}: ${this.detail}`
  }
}

export interface LanderOptions {
  readonly topic: string
  /** A commit is due at this many rows, */
  readonly commitRowsMax: number
  /** at this many bytes of log records, */
  readonly commitBytesMax: number
  /** or when the oldest record has been read this long ago. */
  readonly commitAgeMs: number
  readonly limits: SequenceLimits
  /** Partitions that the log itself reports as damaged, with the reason (R8). */
  readonly logFaults: ReadonlyMap<number, string>
  /** One record of so many is traced (see `followed-records.ts`); absent: none. */
  readonly traceRecords?: number | undefined
  /** Which of the batches that are read vanishes, from 1: absent but in tests (see `Faults`). */
  readonly losesBatch?: number
}

export interface LanderPorts<A extends SequencedRecord, Files> {
  readonly log: EventLogReader
  readonly table: LandingTable<A, Files>
  /** One is filled while the other is written. */
  readonly rows: readonly [LandedRows<A>, LandedRows<A>]
  readonly codec: RecordCodec<A>
  readonly rules: RecordRules<A>
  /** Absent where the data type has no compact form. */
  readonly learnCompact?: LearnCompact<A> | undefined
  readonly deadLetters: DeadLetterLog
  /** Whether a key belongs to a partition (R41). */
  readonly partitionOf: (key: string, partitionCount: number) => number
  readonly nowMs: () => number
  readonly uuid: () => string
  readonly observe: (event: LanderEvent) => void
}

export type LanderEvent =
  /** A session has read the table; what it may not land follows as `partition.stopped`. */
  | {
      readonly type: 'lander.started'
      readonly positions: readonly PartitionPosition[]
    }
  | {
      readonly type: 'commit.landed'
      readonly snapshotId: string
      readonly rows: number
      readonly tookMs: number
      readonly positions: readonly PartitionPosition[]
    }
  /** Of the records that a commit has landed, those that are traced. */
  | ({ readonly type: 'records.followed' } & FollowedLanding)
  | { readonly type: 'commit.fenced'; readonly detail: string }
  /** Whether it has landed is not known (R19); the failure is the lander's, which ends by it. */
  | { readonly type: 'commit.failed'; readonly detail: string }
  | { readonly type: 'record.dead_lettered'; readonly reason: string; readonly count: number }
  /** Of the dead letters of a commit, those that had a readable id. */
  | { readonly type: 'ids.rejected'; readonly rejected: readonly RejectedId[] }
  /** A partition is not landed any more until an operator has seen to it (R8, R10). */
  | { readonly type: 'partition.stopped'; readonly partition: number; readonly detail: string }

/** The way of followed records from the log into the table; times in Unix ms. */
export interface FollowedLanding {
  readonly commitId: string
  readonly snapshotId: string
  /** When the commit was cut off from what is read on, its files were there, and it had landed. */
  readonly cutMs: number
  readonly writtenMs: number
  readonly landedMs: number
  readonly records: readonly FollowedRead[]
}

/** A followed record that was read from the log. */
export interface FollowedRead {
  readonly partition: number
  readonly offset: number
  readonly readMs: number
}

/** Where a partition stands, with its counters since the table was made. */
export interface PartitionPosition {
  readonly partition: number
  /** Next offset to land. */
  readonly offset: number
  /** Where counting began, and offsets since that held no record; absent where nothing counts. */
  readonly origin?: number | undefined
  readonly compactedAway?: number
  readonly counters: PartitionCounters
}
