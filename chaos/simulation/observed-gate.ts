/**
 * Gates that note what passes them: which records the event log, or the spool, has said to have.
 * From then on they must never be lost.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { Gate } from '../../src/actors/gate.ts'
import type { EventLog } from '../../src/adapters/log/event-log.ts'
import type { PackedRecords } from '../../src/adapters/log/record-batch.ts'
import type { Spool, SpoolLane } from '../../src/adapters/log/spool.ts'

/** A batch that log or spool has acknowledged; its bytes as they were when it was handed over. */
export interface Acknowledged {
  readonly topic: string
  readonly partition: number
  readonly packed: PackedRecords
  /** Of the event log; undefined for the spool. */
  readonly baseOffset: number | undefined
}

export type OnAcknowledged = (batch: Acknowledged) => void

const copyOf = (packed: PackedRecords): PackedRecords => ({
  ...packed,
  bytes: Buffer.from(packed.bytes)
})

export class ObservedLogGate extends Gate<EventLog> {
  readonly #noted: OnAcknowledged

  constructor(noted: OnAcknowledged) {
    super()
    this.#noted = noted
  }

  override serve(log: EventLog): Effect.Effect<void, never, Scope.Scope> {
    return super.serve({
      ...log,
      append: (topic, partition, packed) =>
        Effect.suspend(() => {
          const copy = copyOf(packed)
          return Effect.tap(log.append(topic, partition, packed), ({ baseOffset }) =>
            Effect.sync(() => this.#noted({ topic, partition, packed: copy, baseOffset }))
          )
        })
    })
  }
}

export interface SpoolNotes {
  readonly spooled: OnAcknowledged
  /** A lane has been emptied that had something. */
  readonly drained: (lane: SpoolLane) => void
}

export class ObservedSpoolGate extends Gate<Spool> {
  readonly #notes: SpoolNotes

  constructor(notes: SpoolNotes) {
    super()
    this.#notes = notes
  }

  override serve(spool: Spool): Effect.Effect<void, never, Scope.Scope> {
    const lanes = new Map<string, SpoolLane>()
    return super.serve({
      usage: spool.usage,
      lane: (topic, partition) => {
        const key = `${topic}-${partition}`
        const lane =
          lanes.get(key) ?? this.#observed(spool.lane(topic, partition), topic, partition)
        lanes.set(key, lane)
        return lane
      }
    })
  }

  #observed(lane: SpoolLane, topic: string, partition: number): SpoolLane {
    const { spooled, drained } = this.#notes
    return {
      get drainedOffset() {
        return lane.drainedOffset
      },
      get records() {
        return lane.records
      },
      get undrainedBytes() {
        return lane.undrainedBytes
      },
      get isEmpty() {
        return lane.isEmpty
      },
      append: (packed) =>
        Effect.suspend(() => {
          const copy = copyOf(packed)
          return Effect.tap(lane.append(packed), () =>
            Effect.sync(() => spooled({ topic, partition, packed: copy, baseOffset: undefined }))
          )
        }),
      oldest: lane.oldest,
      acknowledge: (batches) =>
        Effect.tap(lane.acknowledge(batches), () =>
          Effect.sync(() => {
            if (lane.isEmpty) drained(lane)
          })
        )
    }
  }
}
