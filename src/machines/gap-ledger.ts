/**
 * The gap ledger's own fold (R5, R21, R29, R54): what is known to be missing, the sequence states
 * of a snapshot of the table, and claims that have come since → events, and what is known then.
 *
 * 1. The open holes of the sequence states are the fact, claims only say why. What the events have
 *    open, `foldGapEvents` says the same of; it is exactly what the states lack, but for what
 *    follows.
 * 2. A hole is opened when the exchange has gone on for `graceUs` behind it, or has been silent for
 *    `quietUs`: what only comes a little late is none (R54).
 * 3. Ids that are claimed and lie outside of what has landed are opened by the claim, on the same
 *    terms: nothing later may ever reveal them (R3). What is beyond `tailIdsMax` waits for it.
 * 4. What lands ends what was open. An id that was rejected `rejectionsMax` times, or that the
 *    venue says it never issued, is closed and stays missing in the state: it may still land (R29).
 * 5. The outcome depends on what is given alone, and a ledger survives JSON: whoever stops between
 *    two steps goes on as if nothing had been.
 */
import type { GapClaim } from '../market/gap-claim.ts'
import type { GapEvent } from '../market/gap-events.ts'
import type { SymbolSequence } from '../market/sequence.ts'
import { type EpochLedger, stepEpoch } from './gap-epoch.ts'
import type { OpenPiece } from './gap-pieces.ts'
import {
  coversNothing,
  epochOfClaim,
  isSameClaim,
  type KeptClaim,
  keptClaim
} from './gap-reasons.ts'
import { type LostInterval, stepIntervals } from './lost-intervals.ts'

/** JSON-safe. */
export interface GapLedger {
  readonly version: 1
  /** Events so far: the number of the next one. */
  readonly events: number
  /** Claims that were forgotten for want of room. */
  readonly claimsDropped: number
  /** By `{EXCHANGE}:{symbol}`. */
  readonly sequences: Readonly<Record<string, SequenceLedger>>
  /** Of quotes that are being lost, by exchange, symbol and reason. */
  readonly intervals: Readonly<Record<string, LostInterval>>
}

interface SequenceLedger {
  readonly epochs: readonly EpochLedger[]
  /** Claims whose ids are not all decided: oldest first. */
  readonly claims: readonly KeptClaim[]
}

export interface LedgerLook {
  /** Of all partitions of the table's snapshot. */
  readonly sequences: Readonly<Record<string, SymbolSequence>>
  /** In log order; those of earlier looks are known. */
  readonly claims: readonly GapClaim[]
  /** When the snapshot was committed, microseconds. */
  readonly snapshotUs: number
  readonly nowUs: number
  readonly terms: LedgerTerms
}

interface LedgerTerms {
  /** (2), microseconds of exchange time. */
  readonly graceUs: number
  /** (2), microseconds since the snapshot, or since a claim. */
  readonly quietUs: number
  /** (3) */
  readonly tailIdsMax: number
}

export interface LedgerStep {
  readonly ledger: GapLedger
  readonly events: readonly GapEvent[]
}

export const emptyLedger = (): GapLedger => ({
  version: 1,
  events: 0,
  claimsDropped: 0,
  sequences: {},
  intervals: {}
})

const claimsMax = 256

export const stepLedger = (ledger: GapLedger, look: LedgerLook): LedgerStep => {
  const trades = groupedClaims(look.claims)
  const newestUs = newestByExchange(look.sequences)
  const sequences: Record<string, SequenceLedger> = {}
  const drafts: Omit<GapEvent, 'number'>[] = []
  let { claimsDropped } = ledger
  for (const key of keysOf(ledger, look, trades)) {
    const state = look.sequences[key]
    const known = ledger.sequences[key] ?? nothingKnown
    const fresh = newClaims(known.claims, trades.get(key) ?? [])
    if (state !== undefined && isQuiet(state, known, fresh)) continue
    const [exchange, symbol] = key.split(':') as [string, string]
    const exchangeUs = newestUs.get(exchange) ?? Number.MIN_SAFE_INTEGER
    const next = stepSequence(known, { state, fresh, exchangeUs, look })
    drafts.push(...next.events.map((event) => ({ ...event, exchange, symbol })))
    const claims = next.claims.slice(-claimsMax)
    claimsDropped += next.claims.length - claims.length
    if (next.epochs.length > 0 || claims.length > 0) {
      sequences[key] = { epochs: next.epochs, claims }
    }
  }
  const quotes = look.claims.filter(({ dataType }) => dataType === 'quotes')
  const lost = stepIntervals(ledger.intervals, quotes, look.nowUs)
  const events = [...drafts, ...lost.events].map((event, index): GapEvent => ({
    number: ledger.events + index,
    ...event
  }))
  return {
    ledger: {
      version: 1,
      events: ledger.events + events.length,
      claimsDropped,
      sequences,
      intervals: lost.intervals
    },
    events
  }
}

/** What is open, by `{EXCHANGE}:{symbol}`. */
export const openPieces = (
  { sequences }: GapLedger
): ReadonlyMap<string, ReadonlyArray<OpenPiece & { readonly epoch: number }>> =>
  new Map(
    Object.entries(sequences).map(([key, { epochs }]) => [
      key,
      epochs.flatMap(({ number: epoch, open }) => open.map((piece) => ({ ...piece, epoch })))
    ])
  )

/** @throws Error if the bytes are not a ledger that this version wrote. */
export const parseLedger = (text: string): GapLedger => {
  const ledger = JSON.parse(text) as GapLedger
  if (ledger.version !== 1)
    throw new Error(`gap ledger has version ${String(ledger.version)}, not 1`)
  return ledger
}

const nothingKnown: SequenceLedger = { epochs: [], claims: [] }

const groupedClaims = (claims: readonly GapClaim[]): ReadonlyMap<string, readonly KeptClaim[]> => {
  const byKey = new Map<string, KeptClaim[]>()
  for (const claim of claims) {
    if (claim.dataType === 'quotes' || coversNothing(claim)) continue
    const key = `${claim.exchange}:${claim.symbol}`
    byKey.set(key, [...(byKey.get(key) ?? []), keptClaim(claim)])
  }
  return byKey
}

const keysOf = (
  ledger: GapLedger,
  { sequences }: LedgerLook,
  claims: ReadonlyMap<string, unknown>
): ReadonlySet<string> =>
  new Set([
    // Rows of a load are numbered by their loader, which runs again for what is missing (R26).
    ...Object.keys(sequences).filter((key) => key.split(':').length === 2),
    ...Object.keys(ledger.sequences),
    ...claims.keys()
  ])

const newestByExchange = (
  sequences: LedgerLook['sequences']
): ReadonlyMap<string, number> => {
  const newest = new Map<string, number>()
  for (const [key, { epochs }] of Object.entries(sequences)) {
    const exchange = key.slice(0, key.indexOf(':'))
    for (const { newestUs } of epochs)
      newest.set(exchange, Math.max(newest.get(exchange) ?? newestUs, newestUs))
  }
  return newest
}

/** A claim that comes again, as the log may bring it, is the one that is known. */
const newClaims = (
  known: readonly KeptClaim[],
  given: readonly KeptClaim[]
): readonly KeptClaim[] => {
  const fresh: KeptClaim[] = []
  for (const claim of given) {
    const isKnown = [...known, ...fresh].some((other) => isSameClaim(other, claim))
    if (!isKnown) fresh.push(claim)
  }
  return fresh
}

/** Nearly always: nothing is missing, and nothing is said to be. */
const isQuiet = (
  { epochs }: SymbolSequence,
  known: SequenceLedger,
  fresh: readonly KeptClaim[]
): boolean =>
  fresh.length === 0 &&
  known.epochs.length === 0 &&
  known.claims.length === 0 &&
  epochs.every(({ holes, writtenOffIds }) => holes.length === 0 && writtenOffIds === 0)

interface SequenceLook {
  readonly state: SymbolSequence | undefined
  readonly fresh: readonly KeptClaim[]
  /** Newest exchange time of the exchange. */
  readonly exchangeUs: number
  readonly look: LedgerLook
}

const stepSequence = (
  known: SequenceLedger,
  { state, fresh, exchangeUs, look }: SequenceLook
) => {
  const epochs = state?.epochs ?? []
  const byEpoch = (claims: readonly KeptClaim[], number: number) =>
    claims.filter((claim) => epochOfClaim(claim, epochs) === number)
  const numbers = new Set([
    ...known.epochs.map(({ number }) => number),
    ...epochs.map(({ number }) => number),
    ...[...known.claims, ...fresh].map((claim) => epochOfClaim(claim, epochs))
  ])
  const steps = [...numbers].toSorted((left, right) => left - right).map((number) =>
    stepEpoch({
      number,
      known: known.epochs.find((it) => it.number === number),
      epoch: epochs.find((it) => it.number === number),
      isForgotten: epochs.length > 0 && number < epochs[0]!.number,
      claims: byEpoch(known.claims, number),
      fresh: byEpoch(fresh, number),
      exchangeUs,
      look
    })
  )
  return {
    events: steps.flatMap(({ events }) => events),
    epochs: steps.flatMap(({ ledger }) => (ledger === undefined ? [] : [ledger])),
    claims: steps.flatMap(({ claims }) => claims)
  }
}
