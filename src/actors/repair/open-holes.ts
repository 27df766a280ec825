/**
 * What trades are missing, as the table and the claims of this process have it, and how far what
 * was accepted has landed.
 *
 * 1. The fact is the open holes of the sequence states that the table's snapshot names; behind the
 *    newest trade of a symbol, and before its first, what is claimed, by this process or, as the
 *    gap ledger tells, by an earlier one.
 * 2. It is not told while it cannot be known: there is no log, no table, or none that says what has
 *    landed; or records wait in the spool, or in a publisher that has no room.
 * 3. `landedMs` never runs ahead: everything that was accepted before it is in the table.
 * 4. Beyond `jumpMax` ids of what has landed nothing is missing: it would not land (R7).
 */
import * as Effect from 'effect/Effect'
import { TableUnreadable } from '../../adapters/iceberg/errors.ts'
import { type RecordedState, valueAt } from '../../adapters/iceberg/k2-summary.ts'
import { readRecordedState, readState, type Table } from '../../adapters/iceberg/table.ts'
import type { EventLog } from '../../adapters/log/event-log.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import type { GapClaim } from '../../market/gap-claim.ts'
import type { OpenHole } from '../../market/open-hole.ts'
import type { Epoch, SymbolSequence } from '../../market/sequence.ts'
import type { KnownGaps } from '../gaps/known-gaps.ts'
import { parsePartitionState } from '../lander/landing-partition.ts'
import type { PublishCounts } from '../publisher/publish-ledger.ts'
import { TailClaims } from './tail-claims.ts'

export interface OpenHolesOptions<E> {
  readonly exchange: string
  readonly topic: string
  /** (4) */
  readonly jumpMax: number
  /** Null while there is none. */
  readonly table: Effect.Effect<Table | null, E>
  readonly gaps: Effect.Effect<KnownGaps>
  readonly log: () => Pick<EventLog, 'topics' | 'identityOf' | 'bounds'> | undefined
  readonly publisher: () => PublisherView | undefined
  readonly nowMs: () => number
}

interface PublisherView {
  readonly counts: Pick<PublishCounts, 'spooled'>
  readonly refused: boolean
  readonly pendingAgeMs: number
}

/** What is missing at a moment. */
export interface HolesSeen {
  readonly holes: readonly OpenHole[]
  /** By symbol: everything that had been accepted before then has landed. */
  readonly landedMs: Readonly<Record<string, number>>
}

interface KnownState {
  readonly path: string
  readonly sequences: Readonly<Record<string, SymbolSequence>>
}

/** Where the log ended when everything accepted before `atMs` was in it. */
interface LogSample {
  readonly atMs: number
  readonly endOffset: number
}

type Log = Pick<EventLog, 'topics' | 'identityOf' | 'bounds'>

export class OpenHoles<E> {
  readonly #options: OpenHolesOptions<E>
  readonly #tails: TailClaims
  readonly #states = new Map<number, KnownState>()
  readonly #samples = new Map<number, LogSample>()
  readonly #landedMs = new Map<number, number>()
  #told: KnownGaps = new Map()
  #identity: string | undefined

  constructor(options: OpenHolesOptions<E>) {
    this.#options = options
    this.#tails = new TailClaims(options.exchange)
  }

  note(claim: GapClaim): void {
    this.#tails.note(claim)
  }

  /** Null: it cannot be told now (2). */
  get look() {
    return Effect.gen({ self: this }, function* () {
      const { topic } = this.#options
      const log = this.#options.log()
      const table = yield* this.#options.table
      const partitions = log?.topics.get(topic)
      if (log === undefined || table === null || partitions === undefined) return null
      const identity = log.identityOf(topic)
      if (identity !== this.#identity) this.#forget(identity)
      const recorded = yield* readRecordedState(table).pipe(
        // Lander and queries report such a table.
        Effect.catchTag(['OffsetsMissing', 'SummaryAltered'], () => Effect.succeed(null))
      )
      if (recorded === null) return null
      this.#told = yield* this.#options.gaps
      const seen: { readonly partition: number; readonly holes: readonly OpenHole[] }[] = []
      for (let partition = 0; partition < partitions; partition++) {
        const sequences = yield* this.#sequencesOf(table, recorded, partition)
        seen.push({ partition, holes: this.#holesIn(sequences, { partition, partitions }) })
      }
      const landedMs: Record<string, number> = {}
      for (const { partition, holes } of seen) {
        if (holes.length === 0) continue
        const offset = valueAt(recorded.offsets, { logIdentity: identity, topic, partition }) ?? 0
        if (!(yield* this.#sample(log, partition, offset))) return null
        const atMs = this.#landedMs.get(partition)
        if (atMs !== undefined) for (const { symbol } of holes) landedMs[symbol] = atMs
      }
      const found: HolesSeen = { holes: seen.flatMap(({ holes }) => holes), landedMs }
      return found
    })
  }

  /** Offsets and states of another log mean nothing for this one. */
  #forget(identity: string): void {
    this.#identity = identity
    this.#states.clear()
    this.#samples.clear()
    this.#landedMs.clear()
  }

  #sequencesOf(table: Table, { states }: RecordedState, partition: number) {
    const at = { logIdentity: this.#identity!, topic: this.#options.topic, partition }
    const path = valueAt(states, at)
    const known = this.#states.get(partition)
    if (path === null) return Effect.succeed<KnownState['sequences']>({})
    if (known?.path === path) return Effect.succeed(known.sequences)
    return Effect.flatMap(readState(table, path), (bytes) =>
      Effect.try({
        try: () => {
          const { sequences } = parsePartitionState(bytes)
          this.#states.set(partition, { path, sequences })
          return sequences
        },
        catch: (error) => new TableUnreadable({ location: path, reason: String(error) })
      })
    )
  }

  #holesIn(
    sequences: KnownState['sequences'],
    at: { readonly partition: number; readonly partitions: number }
  ): readonly OpenHole[] {
    const { exchange } = this.#options
    const holes: OpenHole[] = []
    for (const [key, { epochs }] of Object.entries(sequences)) {
      const [ofExchange, symbol, load] = key.split(':')
      // Rows of a load are numbered by who loads them, and no venue has them (R26).
      if (ofExchange !== exchange || symbol === undefined || load !== undefined) continue
      const newest = epochs.at(-1)
      const tails = newest === undefined ? [] : this.#tailOf(symbol, newest)
      // Ascending in each epoch, as the plan wants them.
      const isBefore = ({ toId }: OpenHole) => newest !== undefined && toId < newest.low
      holes.push(...tails.filter(isBefore), ...stateHoles({ exchange, symbol }, epochs))
      holes.push(...tails.filter((hole) => !isBefore(hole)))
    }
    for (const symbol of this.#claimedSymbols) {
      if (sequences[`${exchange}:${symbol}`] !== undefined) continue
      if (partitionOf(symbol, at.partitions) !== at.partition) continue
      holes.push(...this.#tailOf(symbol, null))
    }
    return holes
  }

  #tailOf(symbol: string, newest: Epoch | null): readonly OpenHole[] {
    const { exchange, jumpMax } = this.#options
    this.#noteTold(symbol, newest)
    const claims = this.#tails.outside(symbol, newest)
    const low = newest?.low ?? claims[0]?.fromId ?? 0
    const high = newest?.high ?? low
    return claims
      .filter(({ fromId, toId }) => fromId <= high + jumpMax && toId >= low - jumpMax) // (4)
      .map(({ fromId, toId, reason, sinceUs }) => ({
        exchange,
        symbol,
        epoch: newest?.number ?? 0,
        fromId: Math.max(fromId, low - jumpMax),
        toId: Math.min(toId, high + jumpMax),
        sinceUs,
        reason,
        afterUs: newest !== null && fromId > high ? newest.newestUs : null,
        beforeUs: newest !== null && fromId < low ? (newest.lowUs ?? null) : null,
        endedUs: null,
        isDetached: newest === null || fromId !== high + 1
      }))
  }

  get #claimedSymbols(): ReadonlySet<string> {
    const prefix = `${this.#options.exchange}:`
    const told = [...this.#told.keys()].filter((key) => key.startsWith(prefix))
    return new Set([...this.#tails.symbols, ...told.map((key) => key.slice(prefix.length))])
  }

  #noteTold(symbol: string, newest: Epoch | null): void {
    const { exchange } = this.#options
    for (const piece of this.#told.get(`${exchange}:${symbol}`) ?? []) {
      const { from: fromId, to: toId, reason, epoch, openedUs: sinceUs } = piece
      if (reason === 'unknown' || (newest !== null && epoch !== newest.number)) continue
      this.#tails.note({ exchange, symbol, reason, fromId, toId, sinceUs })
    }
  }

  /** (3). False: it cannot be told now (2). */
  #sample(log: Log, partition: number, offset: number) {
    const { topic, nowMs } = this.#options
    return Effect.gen({ self: this }, function* () {
      const publisher = this.#options.publisher()
      if (publisher === undefined || publisher.refused || publisher.counts.spooled > 0) return false
      const sample = this.#samples.get(partition)
      if (sample !== undefined && offset < sample.endOffset) return true
      if (sample !== undefined) this.#landedMs.set(partition, sample.atMs)
      // Read before the log's end is: what is accepted from here on is not meant.
      const atMs = nowMs() - publisher.pendingAgeMs
      const { durableEnd: endOffset } = yield* log.bounds(topic, partition)
      this.#samples.set(partition, { atMs, endOffset })
      return true
    })
  }
}

const stateHoles = (
  of: { readonly exchange: string; readonly symbol: string },
  epochs: SymbolSequence['epochs']
): readonly OpenHole[] =>
  epochs.flatMap(({ number: epoch, holes, newestUs }, index) => {
    const endedUs = index === epochs.length - 1 ? null : newestUs
    return holes.map(
      ([fromId, toId, afterUs = null, beforeUs = null]): OpenHole => ({
        ...of, epoch, fromId, toId, sinceUs: afterUs, reason: null, afterUs, beforeUs, endedUs
      })
    )
  })
