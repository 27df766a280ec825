/**
 * The event log as its users see it; the embedded log and Kafka stand behind it alike.
 *
 * 1. An append completes only when its batch is durable; nothing else is ever visible (R11).
 * 2. `read` gives batches that are contiguous from the offset asked for, or a named error: what is
 *    not there is never skipped (R8).
 * 3. Offsets are safe integers. A batch takes `recordCount` of them from its base offset on.
 * 4. A topic that was not declared when the log was opened is a defect, not a failure.
 * 5. Readers that share a topic's partitions each have an assignment, which changes as they come
 *    and go. It says who should read; who may land is decided by the table's fence alone.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { LogBatch, PackedRecords } from './record-batch.ts'

export interface LogBounds {
  /** Oldest offset that can be read. */
  readonly startOffset: number
  /** Durable watermark: first offset that cannot be read yet. */
  readonly durableEnd: number
}

/** How far a partition is durable. */
export interface Watermark {
  readonly topic: string
  readonly partition: number
  readonly durableEnd: number
}

export interface EventLogWriter {
  /** Partition count by topic. */
  readonly topics: ReadonlyMap<string, number>
  /**
   * Appends a batch. The log owns `packed.bytes` until this ends; when interrupted, whether the
   * batch is in the log is unknown, as it is after `LogUnavailable`.
   */
  readonly append: (
    topic: string,
    partition: number,
    packed: PackedRecords
  ) => Effect.Effect<{ readonly baseOffset: number }, LogFull | LogUnavailable | BatchTooLarge>
}

/** The partitions that a reader has to itself, as far as it knows (5). */
export interface Assignment {
  /** Another one whenever partitions were assigned anew, be they the same. */
  readonly generation: number
  /** In ascending order; empty where other readers have them all. */
  readonly partitions: readonly number[]
}

export interface EventLogReader {
  /**
   * Names the offsets of a topic in `k2.offsets` (R8): the UUID of the embedded log, the same for
   * all its topics, or the topic's id in Kafka, which a topic of the same name that was made anew
   * does not have.
   */
  readonly identityOf: (topic: string) => string
  readonly topics: ReadonlyMap<string, number>
  /** What is assigned now; waits while nothing has been assigned yet, not even nothing. */
  readonly assignment: (topic: string) => Effect.Effect<Assignment, LogUnavailable>
  /** Calls back after an assignment has changed or can no longer be told. Returns how to stop. */
  readonly assignmentChanged: (listener: () => void) => () => void
  readonly bounds: (
    topic: string,
    partition: number
  ) => Effect.Effect<LogBounds, LogUnavailable>
  /** The durable end of `bounds`, where that is told here and needs no asking; absent elsewhere. */
  readonly knownEnd?: (topic: string, partition: number) => number
  /**
   * Batches from the one that holds `range.fromOffset` on (the consumer skips what is before it),
   * up to `range.bytesMax`, but at least one. Empty at the durable watermark, and where nothing
   * has been fetched yet: `changed` calls back when it has. They may lie in memory that the next
   * read of the partition uses: what is to be kept must be copied.
   */
  readonly read: (topic: string, partition: number, range: ReadRange) => Effect.Effect<
    readonly LogBatch[],
    ReadFailure
  >
  /** Calls back after a partition's watermark has moved. Returns how to stop. */
  readonly changed: (listener: (watermark: Watermark) => void) => () => void
  /**
   * Ends once it is certain that all that was read of a topic until now is of the log that
   * `identityOf` names. Before a commit: a topic that was made anew may have the offsets that were
   * read next, with other records (R8).
   */
  readonly confirm: (topic: string) => Effect.Effect<void, LogUnavailable>
  /**
   * Tells the log how far the table is, for those who watch the log. Never read again: where
   * landing starts is the table's to say.
   */
  readonly noteLanded: (topic: string, offsets: ReadonlyMap<number, number>) => void
}

/** Of who shares a log with nobody, which is one log for ever: all partitions. */
export const wholeLog = (
  topics: ReadonlyMap<string, number>
): Pick<EventLogReader, 'assignment' | 'assignmentChanged' | 'confirm' | 'noteLanded'> => ({
  assignment: (topic) =>
    Effect.sync(() => ({
      generation: 0,
      partitions: Array.from({ length: topics.get(topic) ?? 0 }, (_, partition) => partition)
    })),
  assignmentChanged: () => () => undefined,
  confirm: () => Effect.void,
  noteLanded: () => undefined
})

/** The log as a process has it open that appends to it; readers open one of their own. */
export interface EventLog extends EventLogWriter {
  readonly identityOf: EventLogReader['identityOf']
  readonly bounds: EventLogReader['bounds']
  readonly changed: EventLogReader['changed']
  /** Partitions that may not be landed as they are, and why. */
  readonly faults: readonly LogFault[]
  /** Watermarks of all partitions as far as they are known here: lower bounds. */
  readonly watermarks: () => readonly Watermark[]
  /** Smallest committed offset of a partition's consumers: what is below may go. */
  readonly setConsumed: (topic: string, partition: number, offset: number) => void
  /** Bytes on this machine's disk that hold anything of a topic that has not been consumed. */
  readonly unconsumedBytes: (topic: string) => number
  /** Bytes on this machine's disk, and those of appends that are under way. */
  readonly usage: () => { readonly diskBytes: number; readonly pendingBytes: number }
}

export interface LogFault {
  readonly topicPartition: string
  readonly message: string
}

interface ReadRange {
  readonly fromOffset: number
  readonly bytesMax: number
}

export type ReadFailure = OffsetOutOfRange | LogOffsetsLost | LogCorrupt | LogUnavailable

/** The offset is below the log's start (retention) or beyond its end (truncation, another log). */
export class OffsetOutOfRange extends Schema.TaggedError<OffsetOutOfRange>()('OffsetOutOfRange', {
  topicPartition: Schema.String,
  fromOffset: Schema.Number,
  startOffset: Schema.Number,
  durableEnd: Schema.Number
}) {
  override get message() {
    const kept = `[${this.startOffset}, ${this.durableEnd})`
    const remedy = 'restore the log, or go on with it: npm run k2 -- adopt-log'
    return `${this.topicPartition}: offset ${this.fromOffset} is outside of ${kept}; ${remedy}`
  }
}

/** The log has no records at these offsets, though it has older and newer ones. */
export class LogOffsetsLost extends Schema.TaggedError<LogOffsetsLost>()('LogOffsetsLost', {
  topicPartition: Schema.String,
  fromOffset: Schema.Number,
  /** First offset behind the hole. */
  nextOffset: Schema.Number
}) {
  override get message() {
    const hole = `[${this.fromOffset}, ${this.nextOffset})`
    const remedy = 'go on behind them: npm run k2 -- adopt-log'
    return `${this.topicPartition}: offsets ${hole} were lost; ${remedy}`
  }
}

/** Bytes that were durable are damaged. */
export class LogCorrupt extends Schema.TaggedError<LogCorrupt>()('LogCorrupt', {
  topicPartition: Schema.String,
  file: Schema.String,
  position: Schema.Number,
  detail: Schema.String
}) {
  override get message() {
    const where = `${this.topicPartition}, ${this.file} at byte ${this.position}`
    const remedy = 'restore the file, or go on behind the damage: npm run k2 -- adopt-log'
    return `${where}: ${this.detail}; ${remedy}`
  }
}

/**
 * The log refuses the batch: its disk budget is used up by records that may not be deleted (R31).
 */
export class LogFull extends Schema.TaggedError<LogFull>()('LogFull', {
  topicPartition: Schema.String,
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  override get message() {
    const use = `${this.bytes} of ${this.bytesMax} bytes`
    return `${this.topicPartition}: the log is full (${use}) of records that have not landed`
  }
}

/**
 * The log will never take a batch of that size. Records in front of what was too large may be in
 * the log.
 */
export class BatchTooLarge extends Schema.TaggedError<BatchTooLarge>()('BatchTooLarge', {
  topicPartition: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.topicPartition}: the batch is too large for the log: ${this.detail}`
  }
}

/** The log cannot be used now. Whether an append that failed so is in the log is unknown. */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()('LogUnavailable', {
  topicPartition: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.topicPartition}: the log is unavailable: ${this.detail}`
  }
}

/** The log ends below an offset that a consumer has committed (R8, R11). */
export class TruncatedLog extends Schema.TaggedError<TruncatedLog>()('TruncatedLog', {
  topicPartition: Schema.String,
  logEnd: Schema.Number,
  committedOffset: Schema.Number
}) {
  override get message() {
    const offsets = `ends at ${this.logEnd}, its consumer committed ${this.committedOffset}`
    const remedy = 'restore it, or go on with it: npm run k2 -- adopt-log'
    return `${this.topicPartition}: the log ${offsets}: it was truncated; ${remedy}`
  }
}

/** A failure of the disk or the network below the log, as its users see it. */
export const unavailable = (topicPartition: string, error: unknown): LogUnavailable =>
  new LogUnavailable({
    topicPartition,
    detail: error instanceof Error ? error.message : String(error)
  })

/** What a read may fail with; everything else comes from below the log. */
export const readFailure = (topicPartition: string, error: unknown): ReadFailure => {
  const named =
    error instanceof OffsetOutOfRange ||
    error instanceof LogOffsetsLost ||
    error instanceof LogCorrupt ||
    error instanceof LogUnavailable
  return named ? error : unavailable(topicPartition, error)
}
