/**
 * Which records are followed from frame to commit: those at every n-th offset of a partition.
 *
 * 1. Offsets say it alone: who publishes and who lands follow the same records, in whatever threads
 *    and processes, however Kafka or a spool has cut their batches, and nothing of it is carried in
 *    a record. Likewise the ids of a trace are those of its record's place in the log.
 */
import { idsOf, type SpanIds } from '../../adapters/telemetry/span.ts'

/** A place in the log. */
export interface RecordPlace {
  /** As `k2.offsets` names the log (R8). */
  readonly log: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Offsets from `fromOffset` on, before `endOffset`, whose records are followed. */
export const followedOffsets = (
  every: number,
  fromOffset: number,
  endOffset: number
): readonly number[] => {
  const followed: number[] = []
  const first = Math.ceil(fromOffset / every) * every
  for (let offset = first; offset < endOffset; offset += every) followed.push(offset)
  return followed
}

/** Of the trace of a record, and of its first span. */
export const recordIds = ({ log, topic, partition, offset }: RecordPlace): SpanIds =>
  idsOf('record', log, topic, partition, offset)
