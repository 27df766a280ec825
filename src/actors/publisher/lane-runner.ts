/**
 * Carries the batches of one lane to the event log, past the spool or through it.
 *
 * 1. A lane has one append to the event log outstanding, and its records leave in the order in
 *    which they came: while its spool holds anything, whatever is newer goes behind it (R36).
 * 2. A batch is in the spool before it is sent again, so that one whose send ended without word
 *    survives a kill (R4). Only where the spool takes none is it sent again from memory.
 * 3. What may still be written by an append that was given up is never touched again: it is copied.
 * 4. The spool is told that records are drained after the event log has acknowledged them.
 * 5. While the level of degradation asks for it, everything goes through the spool, and leaves it
 *    only as fast as the pace allows (R20), but for a spool that is full.
 * 6. What neither takes stays in memory, and is offered again until one does (R14, R31).
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import type { ReadFailure } from '../../adapters/log/event-log.ts'
import type { JoinedBatches } from '../../adapters/log/joined-batches.ts'
import type { PackedRecords } from '../../adapters/log/record-batch.ts'
import type { SpoolLane } from '../../adapters/log/spool.ts'
import { makeSendBatch } from './batch-sender.ts'
import type { Leave, SendOutcome } from './circuit.ts'
import type { LaneContext } from './lane-context.ts'
import type { PendingBatch, PublisherLane } from './publisher-lane.ts'
import { sharesOf } from './symbol-shares.ts'

export class LaneRunner<In> {
  readonly lane: PublisherLane<In>
  readonly #context: LaneContext
  #spool: SpoolLane | undefined
  readonly #spooled = Latch.makeUnsafe(false)
  readonly #finishing = Deferred.makeUnsafe<void>()
  #stepped = Deferred.makeUnsafe<void>()
  #isHeld = false
  /** The spool has failed, and takes nothing until it is opened anew. */
  #isSpoolBroken = false
  /** The batch that was taken from the lane and is not settled. */
  #inHand: PendingBatch | undefined

  constructor(lane: PublisherLane<In>, context: LaneContext) {
    this.lane = lane
    this.#context = context
  }

  /** When the oldest record came that is in memory here; undefined where there is none. */
  get pendingSinceMs(): number | undefined {
    return this.#inHand?.sinceMs ?? this.lane.pendingSinceMs
  }

  /** Whether what comes now goes through the spool, or waits for room in it. */
  get isDiverted(): boolean {
    const { circuit, isSpilling } = this.#context
    return !circuit.isClosed || this.#isHeld || !this.#isSpoolEmpty || isSpilling()
  }

  /** Records that the spool says to have. */
  get inSpool(): number {
    return this.#spool?.records ?? 0
  }

  /** Whether the spool takes what it has room for. */
  get hasSpool(): boolean {
    return !this.#isSpoolBroken
  }

  /** The spool was opened, at first or anew. */
  useSpool(spool: SpoolLane): void {
    this.#spool = spool
    this.#isSpoolBroken = false
    if (!spool.isEmpty) this.#spooled.openUnsafe()
  }

  /** Nothing is added any more; what waits leaves at once, into the log or the spool. */
  finish(): void {
    this.lane.close()
    this.#spooled.openUnsafe()
    Deferred.doneUnsafe(this.#finishing, Effect.void)
  }

  /** Ends after `finish`, once everything of the lane is durable. */
  get run(): Effect.Effect<void, ReadFailure> {
    return Effect.asVoid(
      Effect.all([this.#place, Effect.raceFirst(this.#drain, this.#finished)], {
        concurrency: 'unbounded'
      })
    )
  }

  /**
   * Of a runner that runs no more: puts what memory has into the spool. Ends with the bytes for
   * which there was no room.
   */
  readonly rescue: Effect.Effect<number> = Effect.suspend(() => {
    let lostBytes = 0
    // (3)
    if (this.#inHand !== undefined) {
      this.#inHand = { ...this.#inHand, packed: copyOf(this.#inHand.packed) }
    }
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const batch = (this.#inHand ??= this.lane.take())
        if (batch === undefined) return lostBytes
        const detail = yield* this.#spoolBatch(batch)
        if (detail === undefined) continue
        lostBytes += batch.packed.bytes.length
        this.#abandonInHand()
      }
    })
  })

  /** Of a runner that runs no more: what memory still has goes with it. */
  abandon(): void {
    for (this.#inHand ??= this.lane.take(); this.#inHand !== undefined; ) {
      this.#abandonInHand()
      this.#inHand = this.lane.take()
    }
  }

  /** Batches that are in memory here. */
  get held(): readonly PendingBatch[] {
    return this.#inHand === undefined ? this.lane.whole : [this.#inHand, ...this.lane.whole]
  }

  #abandonInHand(): void {
    this.#context.ledger.noteAbandoned(this.#inHand!)
    this.#inHand = undefined
  }

  get #isSpoolEmpty(): boolean {
    return this.#spool?.isEmpty ?? true
  }

  get #place(): Effect.Effect<void> {
    const { times, isGrown, losesBatch } = this.#context
    const { lane } = this
    const linger = Effect.suspend(() =>
      Effect.sleep(isGrown() ? times.grownLingerMs : times.lingerMs)
    )
    const awaitBatch = lane.filled.await.pipe(
      Effect.andThen(Effect.race(linger, lane.full.await))
    )
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        yield* awaitBatch
        this.#inHand = lane.take()
        if (this.#inHand === undefined) return
        if (losesBatch()) {
          this.#leave(this.#inHand.packed)
          continue
        }
        yield* this.#placeInHand()
        this.#inHand = undefined
      }
    })
  }

  /** Ends once the batch is durable in the event log or in the spool. */
  #placeInHand(): Effect.Effect<void> {
    const { refusal, circuit, times, isSpilling } = this.#context
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const batch = this.#inHand!
        let detail = refusal()
        if (detail === undefined) {
          if (this.#isHandover) {
            yield* Effect.raceAllFirst([
              Deferred.await(this.#stepped),
              circuit.changed,
              Effect.sleep(times.handoverMsMax)
            ])
            if (this.#isSpoolEmpty) continue
          }
          // (1)
          const isDirect = this.#isSpoolEmpty && !isSpilling()
          const leave = isDirect ? circuit.take() : undefined
          if (leave !== undefined && (yield* this.#sendInHand(batch, leave))) return
          detail = yield* this.#spoolBatch(this.#inHand!)
          if (detail === undefined) return
        }
        yield* this.#hold(detail)
      }
    })
  }

  /** What is left in the spool leaves soon: better to wait for it than to go behind it for ever. */
  get #isHandover(): boolean {
    const { circuit, batchBytesMax, isSpilling, pace } = this.#context
    if (this.#isSpoolEmpty || !circuit.isClosed || isSpilling() || pace.isHeld) return false
    return this.#spool!.undrainedBytes <= batchBytesMax
  }

  #sendInHand(batch: PendingBatch, leave: Leave): Effect.Effect<boolean> {
    const { ledger, observe, nowMs } = this.#context
    const { packed, sinceMs } = batch
    return Effect.map(this.#send(packed, leave), (outcome) => {
      if (outcome.type === 'failed') {
        // (3)
        if (outcome.isIndeterminate) this.#inHand = { ...batch, packed: copyOf(packed) }
        return false
      }
      const { bytes } = packed
      const records = packed.recordCount - outcome.setAside.length
      ledger.noteAcknowledged(batch, outcome.setAside)
      this.#leave(packed)
      const tookMs = nowMs() - sinceMs
      observe({ type: 'batch.published', records, bytes: bytes.length, tookMs })
      this.lane.recycle(packed)
      return true
    })
  }

  /** Why the batch is not in the spool; undefined once it is. */
  #spoolBatch(batch: PendingBatch): Effect.Effect<string | undefined> {
    const { packed, sinceMs } = batch
    const { ledger, observe, nowMs } = this.#context
    const spool = this.#spool
    if (spool === undefined) return Effect.succeed('the spool is not open')
    return Effect.match(spool.append(packed), {
      onSuccess: () => {
        const { recordCount: records, bytes } = packed
        ledger.noteSpooled(batch)
        this.#leave(packed)
        this.#spooled.openUnsafe()
        observe({ type: 'batch.spooled', records, bytes: bytes.length, tookMs: nowMs() - sinceMs })
        return undefined
      },
      onFailure: ({ _tag, message }) => {
        if (_tag === 'LogUnavailable' && spool === this.#spool) this.#isSpoolBroken = true
        return message
      }
    })
  }

  #leave(packed: PackedRecords): void {
    this.#inHand = undefined
    this.#context.settled(packed.bytes.length)
  }

  /** (6) */
  #hold(detail: string): Effect.Effect<void> {
    const { circuit, times, held, observe } = this.#context
    return Effect.suspend(() => {
      this.#isHeld = true
      held(1)
      observe({ type: 'batch.refused', detail })
      return Effect.raceFirst(Effect.sleep(times.refusedPauseMs), circuit.changed)
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.#isHeld = false
          held(-1)
        })
      )
    )
  }

  get #finished(): Effect.Effect<void> {
    const { circuit, times } = this.#context
    const until = Effect.suspend(() => (this.#isSpoolEmpty ? Effect.void : Effect.never))
    const goesOn = Effect.suspend(() => (circuit.isClosed ? circuit.changed : Effect.void))
    return Effect.andThen(
      Deferred.await(this.#finishing),
      Effect.raceAllFirst([until, goesOn, Effect.sleep(times.finishMsMax)])
    )
  }

  get #drain(): Effect.Effect<void, ReadFailure> {
    const { refusal, circuit, times } = this.#context
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        yield* this.#spooled.await
        yield* this.#paced
        const spool = this.#spool
        const oldest = spool === undefined ? undefined : yield* this.#oldestOf(spool)
        if (spool === undefined || oldest === undefined) {
          if (yield* Deferred.isDone(this.#finishing)) return
          // What is on its way in opens it again once it can be read.
          if (spool === undefined || spool.records === 0) this.#spooled.closeUnsafe()
          continue
        }
        const leave = refusal() === undefined ? circuit.take() : undefined
        if (leave === undefined) {
          yield* Effect.raceFirst(circuit.changed, Effect.sleep(times.refusedPauseMs))
          continue
        }
        if (yield* this.#drainStep(spool, oldest, leave)) continue
        // Open, the circuit says when to try again; until it is, failures follow each other slowly.
        yield* Effect.raceFirst(circuit.changed, Effect.sleep(times.refusedPauseMs))
      }
    })
  }

  /** (5) */
  get #paced(): Effect.Effect<void> {
    const { pace, times } = this.#context
    // Held here, the lane has found no room in the spool: see `#hold`.
    const untilFull: Effect.Effect<void> = Effect.suspend(() =>
      this.#isHeld
        ? Effect.void
        : Effect.andThen(Effect.sleep(times.refusedPauseMs), untilFull)
    )
    return Effect.raceAllFirst([pace.leave, Deferred.await(this.#finishing), untilFull])
  }

  /** A spool that is being opened anew, or whose disk does not answer, is read later. */
  #oldestOf(spool: SpoolLane): Effect.Effect<JoinedBatches | undefined, ReadFailure> {
    const { batchBytesMax, times } = this.#context
    return Effect.catchIf(
      spool.oldest(batchBytesMax),
      (error) => error._tag === 'LogUnavailable' || spool !== this.#spool,
      () => Effect.as(Effect.sleep(times.refusedPauseMs), undefined)
    )
  }

  #drainStep(spool: SpoolLane, oldest: JoinedBatches, leave: Leave): Effect.Effect<boolean> {
    const { ledger, observe, pace } = this.#context
    const { packed } = oldest
    const bytes = packed.bytes.length
    return Effect.gen({ self: this }, function* () {
      const outcome = yield* this.#send(packed, leave)
      if (outcome.type === 'acknowledged') {
        const { setAside } = outcome
        const records = packed.recordCount - setAside.length
        pace.spend(packed.recordCount)
        const shares = sharesOf(packed, ledger)
        ledger.noteDrained({ packed, shares }, setAside, spool !== this.#spool)
        yield* spool.acknowledge(oldest) // (4)
        observe({ type: 'batch.published', records, bytes, tookMs: null })
      }
      const stepped = this.#stepped
      this.#stepped = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(stepped, Effect.void)
      return outcome.type === 'acknowledged'
    })
  }

  #send(packed: PackedRecords, leave: Leave): Effect.Effect<SendOutcome> {
    const { circuit, observe, ledger, traced, nowMs } = this.#context
    const { partition } = this.lane
    const startedMs = nowMs()
    const sendBatch = makeSendBatch({
      ...this.#context,
      onAppended: (appended, baseOffset) => {
        ledger.noteAppended(appended.recordCount)
        traced({ partition, baseOffset, packed: appended, tookMs: nowMs() - startedMs })
      },
      partition,
      deadline: this.#deadline,
      onRefused: (detail) => observe({ type: 'batch.refused', detail })
    })
    return Effect.tap(sendBatch(packed), (outcome) =>
      Effect.sync(() => circuit.settle(leave, outcome))
    )
  }

  get #deadline(): Effect.Effect<void> {
    const { appendMsMax, finishMsMax } = this.#context.times
    return Effect.raceFirst(
      Effect.sleep(appendMsMax),
      Effect.andThen(Deferred.await(this.#finishing), Effect.sleep(finishMsMax))
    )
  }
}

/** In memory of its own: what the log may still write is shared with nobody. */
const copyOf = (packed: PackedRecords): PackedRecords => {
  const bytes = Buffer.allocUnsafeSlow(packed.bytes.length)
  packed.bytes.copy(bytes)
  return { ...packed, bytes }
}
