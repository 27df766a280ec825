/**
 * Carries records of one data type into the event log: encodes them, packs them into batches by
 * lane, appends.
 *
 * 1. A lane is a partition: it has one append outstanding, so
 *    records of a key keep their order (R36).
 * 2. What is in memory is bounded: `offer` waits while more than `bytesMax` are pending. Who drops
 *    records while the log refuses them does not wait meanwhile, and offers none.
 * 3. A batch that the log refuses is offered again, unchanged, before anything newer of its lane.
 * 4. `run` ends only by failure, or after `finish` once everything offered before it is durable.
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import type { EventLogWriter, LogUnavailable } from '../../adapters/log/event-log.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import type { PackedRecords } from '../../adapters/log/record-batch.ts'
import { PublisherLane } from './publisher-lane.ts'
import type { RecordPacker } from './record-packer.ts'

export interface RecordPublisherOptions<In> {
  readonly log: Pick<EventLogWriter, 'append' | 'topics'>
  readonly topic: string
  readonly packer: RecordPacker<In>
  /** Pending bytes beyond which `offer` waits. */
  readonly bytesMax: number
  /** A batch leaves at this size at the latest. */
  readonly batchBytesMax: number
  /** A batch that is not whole waits this long for more records. */
  readonly lingerMs: number
  /** Pause before a refused batch is offered again. */
  readonly refusedPauseMs: number
  /** Whether records are dropped, by who would offer them, while `refused`. */
  readonly isSheddable: boolean
  /** Why nothing may be appended at the moment; undefined while it may. */
  readonly refusal: () => string | undefined
  readonly nowMs: () => number
  readonly observe: (event: PublisherEvent) => void
}

export type PublisherEvent =
  | {
      readonly type: 'batch.published'
      readonly records: number
      readonly bytes: number
      /** From its first record to its durability. */
      readonly tookMs: number
    }
  | { readonly type: 'batch.refused'; readonly detail: string }

/** Waiting offers go on when pending bytes have fallen to this share of the bound. */
const resumeShare = 0.5

export class RecordPublisher<In> {
  readonly #options: RecordPublisherOptions<In>
  readonly #lanes: ReadonlyArray<PublisherLane<In>>
  readonly #laneBySymbol = new Map<string, PublisherLane<In>>()
  readonly #room = Latch.makeUnsafe(true)
  readonly #empty = Latch.makeUnsafe(true)
  #pendingBytes = 0
  #refusedLanes = 0

  constructor(options: RecordPublisherOptions<In>) {
    this.#options = options
    this.#lanes = Array.from(
      { length: options.log.topics.get(options.topic)! },
      (_, partition) =>
        new PublisherLane({
          partition,
          packer: options.packer,
          batchBytesMax: options.batchBytesMax,
          nowMs: options.nowMs
        })
    )
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Whether the log refuses batches at the moment. */
  get refused(): boolean {
    return this.#refusedLanes > 0
  }

  /** Takes the records over; ends when there is room for more (2). */
  offer(records: readonly In[]): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (records.length > 0) this.#empty.closeUnsafe()
      const { symbolOf } = this.#options.packer
      let bytes = 0
      for (const record of records) bytes += this.#laneOf(symbolOf(record)).add(record)
      this.#pendingBytes += bytes
      if (this.#pendingBytes <= this.#options.bytesMax) return Effect.void
      this.#room.closeUnsafe()
      return this.#room.await
    })
  }

  /** Ends when everything offered so far is durable. */
  get flushed(): Effect.Effect<void> {
    return this.#empty.await
  }

  /** Sends what is pending at once and lets `run` end (4). Nothing may be offered afterwards. */
  readonly finish: Effect.Effect<void> = Effect.sync(() => {
    for (const lane of this.#lanes) lane.close()
  })

  /** Lets everybody go on who waits: what is pending will not become durable here any more. */
  readonly abandon: Effect.Effect<void> = Effect.sync(() => {
    this.#room.openUnsafe()
    this.#empty.openUnsafe()
  })

  readonly run: Effect.Effect<void, LogUnavailable> = Effect.suspend(() =>
    Effect.forEach(this.#lanes, (lane) => this.#runLane(lane), {
      concurrency: 'unbounded',
      discard: true
    })
  )

  #runLane(lane: PublisherLane<In>): Effect.Effect<void, LogUnavailable> {
    const { lingerMs, nowMs, observe } = this.#options
    const awaitBatch = lane.filled.await.pipe(
      Effect.andThen(Effect.race(Effect.sleep(lingerMs), lane.full.await))
    )
    const append = (packed: PackedRecords) => this.#append(lane.partition, packed)
    const settle = (bytes: number) => this.#settle(bytes)
    return Effect.gen(function* () {
      for (;;) {
        yield* awaitBatch
        const batch = lane.take()
        if (batch === undefined) return
        const { packed, sinceMs } = batch
        yield* append(packed)
        settle(packed.bytes.length)
        const tookMs = nowMs() - sinceMs
        observe({
          type: 'batch.published',
          records: packed.recordCount,
          bytes: packed.bytes.length,
          tookMs
        })
        lane.recycle(packed)
      }
    })
  }

  /** (3): a full log or disk is a state that passes, not a failure of the lane (R14, R31). */
  #append(partition: number, packed: PackedRecords): Effect.Effect<void, LogUnavailable> {
    const { log, topic, refusal } = this.#options
    return Effect.suspend(() => {
      const reason = refusal()
      if (reason !== undefined) return this.#offerAgain(partition, packed, reason)
      return log.append(topic, partition, packed).pipe(
        Effect.asVoid,
        Effect.catchTag('LogFull', ({ message }) => this.#offerAgain(partition, packed, message))
      )
    })
  }

  #offerAgain(
    partition: number,
    packed: PackedRecords,
    detail: string
  ): Effect.Effect<void, LogUnavailable> {
    const { refusedPauseMs, isSheddable, observe } = this.#options
    observe({ type: 'batch.refused', detail })
    this.#refusedLanes++
    if (isSheddable) this.#room.openUnsafe()
    return Effect.sleep(refusedPauseMs).pipe(
      Effect.ensuring(Effect.sync(() => this.#refusedLanes--)),
      Effect.andThen(Effect.suspend(() => this.#append(partition, packed)))
    )
  }

  #settle(bytes: number): void {
    this.#pendingBytes -= bytes
    if (this.#pendingBytes <= this.#options.bytesMax * resumeShare) this.#room.openUnsafe()
    if (this.#pendingBytes === 0) this.#empty.openUnsafe()
  }

  #laneOf(symbol: string): PublisherLane<In> {
    let lane = this.#laneBySymbol.get(symbol)
    if (lane === undefined) {
      lane = this.#lanes[partitionOf(symbol, this.#lanes.length)]!
      this.#laneBySymbol.set(symbol, lane)
    }
    return lane
  }
}
