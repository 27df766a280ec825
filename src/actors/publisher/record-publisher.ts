/**
 * Carries records of one data type into the event log: encodes them, packs them into batches by
 * lane, appends, and puts on disk what the log cannot take.
 *
 * 1. A lane is a partition; what happens to its batches is the lane's own (R36).
 * 2. What is in memory is bounded: `offer` waits while more than `bytesMax` are pending, or, where
 *    neither log nor spool takes what is there, takes no more than memory has room for.
 * 3. While a lane's records cannot go straight to the log, only those are taken that have a place;
 *    the others are refused, counted and claimed (R5, R34). What was taken is never dropped for
 *    want of room in the spool.
 * 4. The ledger is balanced at every instant (R16), as a whole and symbol by symbol. Whoever offers
 *    is told what was taken in the turn in which it is, and not only when there is room again.
 * 5. `run` ends only by failure, or after `finish` once everything offered before it is durable, in
 *    the log or in the spool.
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import {
  increment,
  noneRefused,
  type RefusedBySymbol,
  takenOf
} from '../../adapters/exchange/feed-account.ts'
import type { EventLogWriter, ReadFailure } from '../../adapters/log/event-log.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import type { Spool, SpoolUsage } from '../../adapters/log/spool.ts'
import { type Tier, tierOf, type TierTable } from '../../market/tier.ts'
import type { Circuit } from './circuit.ts'
import type { LaneContext, LaneEvent, LaneTimes } from './lane-context.ts'
import { LaneRunner } from './lane-runner.ts'
import {
  type PublishCounts,
  PublishLedger,
  type RecordHolder,
  type SymbolLedger
} from './publish-ledger.ts'
import { PublisherLane } from './publisher-lane.ts'
import type { RecordPacker } from './record-packer.ts'
import { RefusalClaims } from './refusal-claims.ts'
import { roomBytes } from './spool-admission.ts'

export interface RecordPublisherOptions<In> {
  /** The event log as it is served now; undefined while it is away. */
  readonly log: () => Pick<EventLogWriter, 'append'> | undefined
  readonly topic: string
  /** Of the topic: as the log has it, or as it was declared while the log is away. */
  readonly partitionCount: number
  readonly spool: Spool
  readonly circuit: Circuit
  readonly packer: RecordPacker<In>
  readonly tiers: TierTable
  /** Of records that do not name their base asset; default 3. */
  readonly tierDefault?: Tier
  /** Pending bytes beyond which `offer` waits. */
  readonly bytesMax: number
  /** A batch leaves at this size at the latest. */
  readonly batchBytesMax: number
  /** Whether batches may grow: all lanes' together to a quarter of `bytesMax` (R20). */
  readonly isGrown: () => boolean
  /** Whether everything goes through the spool, to release memory (R20). */
  readonly isSpilling: () => boolean
  readonly pace: LaneContext['pace']
  readonly times: LaneTimes
  /** Whether records are dropped, by who would offer them, while `refused`. */
  readonly isSheddable: boolean
  /** Ends once a record that the log will never take is durable as a dead letter. */
  readonly deadLetter: LaneContext['deadLetter']
  /** Why nothing may be appended at the moment; undefined while it may. */
  readonly refusal: () => string | undefined
  readonly nowMs: () => number
  /** Where the records are, across publishers of the topic; by default of this one alone. */
  readonly ledger?: PublishLedger
  /** See `Faults`. */
  readonly losesBatch?: LaneContext['losesBatch']
  /** By default nothing is traced. */
  readonly traced?: LaneContext['traced']
  readonly observe: (event: PublisherEvent) => void
}

export type PublisherEvent =
  | LaneEvent
  | { readonly type: 'records.refused'; readonly reason: 'spool_full'; readonly records: number }

/** Waiting offers go on when pending bytes have fallen to this share of the bound. */
const resumeShare = 0.5

const grownShare = 0.25
/** Far from what the log takes as one batch. */
const grownBytesMax = 8 * 1_024 ** 2

const claimsWaitingMax = 1_024

const noTrace = () => undefined

interface SymbolPlace<In> {
  readonly runner: LaneRunner<In>
  readonly tier: Tier
  readonly symbol: SymbolLedger
}

export class RecordPublisher<In> {
  readonly #options: RecordPublisherOptions<In>
  readonly #runners: ReadonlyArray<LaneRunner<In>>
  readonly #placeByKey = new Map<string, SymbolPlace<In>>()
  readonly #room = Latch.makeUnsafe(true)
  readonly #empty = Latch.makeUnsafe(true)
  readonly #ledger: PublishLedger
  readonly #claims = new RefusalClaims(claimsWaitingMax)
  readonly #holder: RecordHolder = {
    batches: () => this.#runners.flatMap(({ held }) => held),
    filling: () => this.#runners.reduce((sum, { lane }) => sum + lane.filling, 0),
    inSpool: () => this.#runners.reduce((sum, { inSpool }) => sum + inSpool, 0)
  }
  #spool: Spool
  #pendingBytes = 0
  #heldLanes = 0
  #isGrown = false

  constructor(options: RecordPublisherOptions<In>) {
    this.#options = options
    const { packer, batchBytesMax, nowMs, losesBatch = () => false, traced = noTrace } = options
    this.#ledger = options.ledger ?? new PublishLedger()
    const context = {
      ...options,
      losesBatch,
      traced,
      ledger: this.#ledger,
      settled: (bytes: number) => this.#settle(bytes),
      held: (change: 1 | -1) => {
        this.#heldLanes += change
        // Nothing makes room by itself now: who waits is told what is not taken instead.
        if (change > 0) this.#room.openUnsafe()
      }
    }
    this.#runners = Array.from({ length: options.partitionCount }, (_, partition) => {
      const lane = new PublisherLane<In>({ partition, packer, batchBytesMax, nowMs })
      return new LaneRunner(lane, context)
    })
    this.#ledger.attach(this.#holder)
    this.#spool = options.spool
    this.useSpool(options.spool)
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Whether batches stay in memory because neither log nor spool takes them. */
  get refused(): boolean {
    return this.#heldLanes > 0
  }

  /** (4) */
  get counts(): PublishCounts {
    return this.#ledger.counts
  }

  /** Since when the oldest record waits in memory: what came before is in log or spool. */
  get pendingAgeMs(): number {
    const nowMs = this.#options.nowMs()
    const sinceMs = this.#runners.reduce(
      (least, { pendingSinceMs }) => Math.min(least, pendingSinceMs ?? least),
      nowMs
    )
    return nowMs - sinceMs
  }

  /** What was refused since it was asked for last, as claims for the gap ledger (R5). */
  readonly takeClaims = () => this.#claims.take()

  /** The spool was opened anew: what it has goes before what is in memory. */
  useSpool(spool: Spool): void {
    this.#spool = spool
    let records = 0
    for (const runner of this.#runners) {
      const lane = spool.lane(this.#options.topic, runner.lane.partition)
      records += lane.records
      runner.useSpool(lane)
    }
    this.#ledger.noteOpened(records)
  }

  /**
   * Takes the records over that have a place (3); ends when there is room for more (2).
   * @param onTaken is told at once what was not taken (4)
   */
  offer(
    records: readonly In[],
    onTaken: (refused: RefusedBySymbol) => void = () => undefined
  ): Effect.Effect<RefusedBySymbol> {
    return Effect.suspend(() => {
      const refused = this.#takeOffered(records)
      onTaken(refused)
      return this.#whenRoom(refused)
    })
  }

  /** As `offer`, of records that no feed has brought: they are counted apart (4). */
  heal(records: readonly In[]): Effect.Effect<RefusedBySymbol> {
    return Effect.suspend(() => {
      const { keyOf } = this.#options.packer
      const refused = this.#takeOffered(records)
      const offered = new Map<string, number>()
      for (const record of records) increment(offered, keyOf(record))
      this.#ledger.noteHealed(takenOf(offered, refused))
      return this.#whenRoom(refused)
    })
  }

  /** Ends when everything offered so far is durable. */
  get flushed(): Effect.Effect<void> {
    return this.#empty.await
  }

  /** Sends what is pending at once and lets `run` end (5). Nothing may be offered afterwards. */
  readonly finish: Effect.Effect<void> = Effect.sync(() => {
    for (const runner of this.#runners) runner.finish()
  })

  /**
   * When `run` has ended otherwise: puts what is pending into the spool, and lets everybody go on
   * who waits. Ends with the bytes that are lost, since the spool had no room for them.
   */
  readonly rescue: Effect.Effect<number> = Effect.suspend(() =>
    Effect.forEach(this.#runners, (runner) => runner.rescue, { concurrency: 'unbounded' })
  ).pipe(
    Effect.map((bytes) => bytes.reduce((sum, lost) => sum + lost, 0)),
    Effect.ensuring(
      Effect.sync(() => {
        this.#room.openUnsafe()
        this.#empty.openUnsafe()
      })
    )
  )

  /** After `rescue`, in whatever time that had: nothing is in memory any more (4). */
  abandon(): void {
    for (const runner of this.#runners) runner.abandon()
    this.#ledger.detach(this.#holder)
  }

  readonly run: Effect.Effect<void, ReadFailure> = Effect.suspend(() =>
    Effect.forEach(this.#runners, (runner) => runner.run, {
      concurrency: 'unbounded',
      discard: true
    })
  )

  #resize(): void {
    const { isGrown, bytesMax, batchBytesMax } = this.#options
    if (this.#isGrown === isGrown()) return
    this.#isGrown = isGrown()
    const share = Math.min((bytesMax * grownShare) / this.#runners.length, grownBytesMax)
    for (const { lane } of this.#runners) {
      lane.batchBytesMax = this.#isGrown ? Math.max(batchBytesMax, share) : batchBytesMax
    }
  }

  #takeOffered(records: readonly In[]): RefusedBySymbol {
    if (records.length > 0) this.#empty.closeUnsafe()
    this.#resize()
    const isDiverted = this.#runners.some((runner) => runner.isDiverted)
    const refused =
      isDiverted || this.#claims.hasOpen ? this.#takeSome(records) : this.#takeAll(records)
    if (this.#pendingBytes === 0) this.#empty.openUnsafe()
    return refused
  }

  #whenRoom(refused: RefusedBySymbol): Effect.Effect<RefusedBySymbol> {
    if (this.#pendingBytes <= this.#options.bytesMax || this.refused) {
      return Effect.succeed(refused)
    }
    this.#room.closeUnsafe()
    return Effect.as(this.#room.await, refused)
  }

  #takeAll(records: readonly In[]): RefusedBySymbol {
    this.#ledger.noteAccepted(records.length)
    for (const record of records) this.#take(record)
    return noneRefused
  }

  #take(record: In): void {
    const { runner, symbol } = this.#placeOf(record)
    symbol.taken += 1
    // Adding may wake the lane, which may settle a batch before this returns.
    const bytes = runner.lane.add(record)
    this.#pendingBytes += bytes
  }

  /** (3) */
  #takeSome(records: readonly In[]): RefusedBySymbol {
    const { packer, nowMs, observe } = this.#options
    const spool = this.#spool.usage()
    const refused = new Map<string, number>()
    for (const record of records) {
      const place = this.#placeOf(record)
      const symbol = packer.keyOf(record)
      if (!this.#hasRoom(place, spool)) {
        increment(refused, symbol)
        const nativeId = packer.nativeIdOf(record)
        this.#claims.noteRefused({ symbol, nativeId, atMs: nowMs() })
        continue
      }
      this.#claims.noteTaken(symbol)
      this.#ledger.noteAccepted(1)
      this.#take(record)
    }
    if (refused.size === 0) return noneRefused
    const count = sumOf(refused)
    this.#ledger.noteRefused(count)
    observe({ type: 'records.refused', reason: 'spool_full', records: count })
    return refused
  }

  #hasRoom({ runner, tier }: SymbolPlace<In>, usage: SpoolUsage): boolean {
    const { bytesMax: pendingBytesMax, isSheddable } = this.#options
    const pendingBytes = this.#pendingBytes
    if (runner.isDiverted) {
      const spool = runner.hasSpool ? usage : undefined
      return roomBytes(tier, { spool, pendingBytes, pendingBytesMax, isSheddable }) > 0
    }
    // (2): nobody waits while a lane is held.
    return !this.refused || pendingBytes <= pendingBytesMax
  }

  #settle(bytes: number): void {
    this.#pendingBytes -= bytes
    if (this.#pendingBytes <= this.#options.bytesMax * resumeShare) this.#room.openUnsafe()
    if (this.#pendingBytes === 0) this.#empty.openUnsafe()
  }

  #placeOf(record: In): SymbolPlace<In> {
    const { packer, tiers, tierDefault = 3 } = this.#options
    const key = packer.keyOf(record)
    let place = this.#placeByKey.get(key)
    if (place === undefined) {
      const runner = this.#runners[partitionOf(key, this.#runners.length)]!
      const baseAsset = packer.baseAssetOf(record)
      const tier = baseAsset === undefined ? tierDefault : tierOf(tiers, { baseAsset })
      const symbol = this.#ledger.symbolOf(key)
      symbol.tier = tier
      runner.lane.admit(symbol)
      place = { runner, tier, symbol }
      this.#placeByKey.set(key, place)
    }
    return place
  }
}

const sumOf = (counts: RefusedBySymbol): number =>
  [...counts.values()].reduce((sum, more) => sum + more, 0)
