/**
 * How near the oldest record that has not landed is to being deleted by the brokers (R31): the
 * share of its topic's retention that is over.
 *
 * 1. The brokers' own setting counts, not what was declared.
 * 2. The brokers are asked where the records of some ages begin, youngest first, until nothing that
 *    old is missing from the table: of a table that keeps up, one question.
 * 3. Before it is known, or once the brokers do not say, there is no answer.
 */
import * as Effect from 'effect/Effect'
import type { LogUnavailable } from '../event-log.ts'
import type { PartitionBounds } from './kafka-admin.ts'

export interface RetentionUse {
  /** Of the retention; a lower bound, in tenths. */
  readonly share: number
  /** Null where records are kept for ever. */
  readonly retentionMs: number | null
  /** By the probe's monotonic clock. */
  readonly atMs: number
}

export interface RetentionPorts {
  readonly admin: {
    readonly settings: (
      topic: string
    ) => Effect.Effect<ReadonlyMap<string, string>, LogUnavailable>
    readonly bounds: (
      topic: string
    ) => Effect.Effect<readonly PartitionBounds[], LogUnavailable>
    readonly offsetsAt: (
      topic: string,
      timestampMs: number
    ) => Effect.Effect<ReadonlyMap<number, number>, LogUnavailable>
  }
  /** Next offset to land; undefined where nothing has landed. */
  readonly landedOffset: (topic: string, partition: number) => number | undefined
  /** Unix ms. */
  readonly nowMs: () => number
  readonly monotonicMs: () => number
}

const shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]

export const probeRetention = Effect.fnUntraced(function* (ports: RetentionPorts, topic: string) {
  const { admin, landedOffset, nowMs, monotonicMs } = ports
  const retentionMs = Number((yield* admin.settings(topic)).get('retention.ms') ?? -1) // (1)
  if (!(retentionMs > 0)) {
    return { share: 0, retentionMs: null, atMs: monotonicMs() } satisfies RetentionUse
  }
  const from = new Map(
    (yield* admin.bounds(topic)).map(({ partition, startOffset }) => [
      partition,
      landedOffset(topic, partition) ?? startOffset
    ])
  )
  const isMissing = (begin: number, partition: number): boolean =>
    begin > (from.get(partition) ?? begin)
  let reached = 0
  for (const share of shares) {
    const begins = yield* admin.offsetsAt(topic, nowMs() - share * retentionMs)
    // What begins behind the table's offset is younger: the record at that offset is older.
    if (![...begins].some(([partition, begin]) => isMissing(begin, partition))) break
    reached = share
  }
  return { share: reached, retentionMs, atMs: monotonicMs() } satisfies RetentionUse
})
