/**
 * The gap ledger as its table keeps it: events, and what they come to (R21). Pure.
 *
 * 1. `opened` says which ids are missing, and why. Said again of open ids, the later reason holds,
 *    and they stay open since the first.
 * 2. `narrowed` and `closed` take ids out of the open ones: `closed` where nothing remains of the
 *    run of ids that they were in. Each is a closed part of its own, with its own time.
 * 3. Events of one table are ordered by their number. The fold of any beginning of them is what the
 *    ledger was then.
 * 4. Records without consecutive ids (quotes, R12) are lost by time and count: such an event is
 *    `closed` from the start and has no ids, since nothing can bring them back.
 */
import type { ClaimReason } from './gap-claim.ts'
import { cutPieces, type IdSpan } from './id-ranges.ts'

type GapEventKind = 'opened' | 'narrowed' | 'closed'

/** Why ids are missing, `unknown` until somebody claims them; what says more comes later. */
export const openReasons = [
  'unknown',
  'restart',
  'disconnect',
  'paused',
  'spool_full',
  'shed',
  'rejected'
] as const satisfies readonly (ClaimReason | 'unknown')[]

export type OpenReason = (typeof openReasons)[number]

/** `written_off`: there were too many holes to keep them, and they can not land any more (R7). */
export type CloseReason = 'landed' | 'rejected' | 'never_issued' | 'written_off'

/** Who knows it: the sequence state of the table, or only a claim. */
type GapSource = 'state' | 'claim'

type GapDataType = 'trades' | 'quotes'

export interface GapEvent {
  /** Position among the events of the ledger. */
  readonly number: number
  readonly event: GapEventKind
  readonly dataType: GapDataType
  readonly exchange: string
  readonly symbol: string
  readonly epoch: number
  /** Both inclusive; null for records without consecutive ids (4). */
  readonly fromId: number | null
  readonly toId: number | null
  readonly reason: OpenReason | CloseReason
  /** Records that are missing, or no longer are. */
  readonly count: number
  /** Exchange times of the neighbouring records, microseconds; null where unknown. */
  readonly afterUs: number | null
  readonly beforeUs: number | null
  /** When the table was as the event says, microseconds. */
  readonly atUs: number
  readonly source: GapSource
}

/** A run of ids that is missing, or was. */
export interface Gap {
  readonly state: 'open' | 'closed'
  readonly dataType: GapDataType
  readonly exchange: string
  readonly symbol: string
  readonly epoch: number
  readonly fromId: number | null
  readonly toId: number | null
  /** Why it was missing. */
  readonly reason: OpenReason
  readonly count: number
  readonly afterUs: number | null
  readonly beforeUs: number | null
  readonly openedUs: number
  readonly closedUs: number | null
  /** How it ended; null while it is open, and where nothing can end it (4). */
  readonly closedReason: CloseReason | null
}

/** What events come to, given one after the other; closed gaps are told and not kept. */
export class GapFold {
  readonly #open = new Map<string, OpenPiece[]>()
  readonly #intervals = new Set<string>()
  readonly #onClosed: (gap: Gap) => void

  constructor(onClosed: (gap: Gap) => void) {
    this.#onClosed = onClosed
  }

  add(event: GapEvent): void {
    const { exchange, symbol, epoch, fromId, toId } = event
    if (fromId === null || toId === null) {
      // Said twice, it is the same interval.
      const key = JSON.stringify([exchange, symbol, event.reason, event.afterUs, event.beforeUs])
      if (!this.#intervals.has(key)) this.#onClosed(lostInterval(event))
      this.#intervals.add(key)
      return
    }
    const key = `${exchange}:${symbol}:${epoch}`
    const pieces = this.#open.get(key) ?? []
    this.#open.set(key, pieces)
    const taken = takenOut(pieces, fromId, toId)
    if (event.event !== 'opened') for (const gap of closedGaps(event, taken)) this.#onClosed(gap)
    else pieces.splice(indexBehind(pieces, fromId), 0, openedPiece(event, taken))
  }

  /** Oldest first. */
  get open(): readonly Gap[] {
    const open = [...this.#open.values()].flat().map(gapOf)
    return open.toSorted((left, right) => left.openedUs - right.openedUs)
  }
}

/** What the events come to: closed gaps by when they ended, then the open ones, oldest first. */
export const foldGapEvents = (events: Iterable<GapEvent>): readonly Gap[] => {
  const closed: Gap[] = []
  const fold = new GapFold((gap) => closed.push(gap))
  for (const event of events) fold.add(event)
  return [...closed, ...fold.open]
}

interface OpenPiece extends IdSpan {
  readonly opened: GapEvent
  /** When its ids were first said to be missing. */
  readonly sinceUs: number
}

const openedPiece = (opened: GapEvent, replaced: readonly OpenPiece[]): OpenPiece => ({
  from: opened.fromId!,
  to: opened.toId!,
  opened,
  sinceUs: replaced.reduce((oldest, { sinceUs }) => Math.min(oldest, sinceUs), opened.atUs) // (1)
})

/** Takes ids out of the pieces, which are many; the parts that had them. */
const takenOut = (pieces: OpenPiece[], from: number, to: number): readonly OpenPiece[] => {
  const start = indexBehind(pieces, from)
  let end = start
  while (end < pieces.length && pieces[end]!.from <= to) end++
  const { kept, taken } = cutPieces(pieces.slice(start, end), [[from, to]])
  pieces.splice(start, end - start, ...kept)
  return taken
}

/** Index of the first piece that ends at or behind an id. */
const indexBehind = (pieces: readonly OpenPiece[], id: number): number => {
  let [low, high] = [0, pieces.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (pieces[middle]!.to < id) low = middle + 1
    else high = middle
  }
  return low
}

const gapOf = ({ from, to, opened, sinceUs }: OpenPiece): Gap => ({
  state: 'open',
  dataType: opened.dataType,
  exchange: opened.exchange,
  symbol: opened.symbol,
  epoch: opened.epoch,
  fromId: from,
  toId: to,
  reason: opened.reason as OpenReason,
  // Where spans of ids became one, fewer were missing than it has.
  count: Math.min(opened.count, to - from + 1),
  afterUs: opened.afterUs,
  beforeUs: opened.beforeUs,
  openedUs: sinceUs,
  closedUs: null,
  closedReason: null
})

/** (2) Ids that nothing has opened, in a table that has lost its beginning, end all the same. */
const closedGaps = (event: GapEvent, taken: readonly OpenPiece[]): readonly Gap[] => {
  const ends = {
    state: 'closed',
    closedUs: event.atUs,
    closedReason: event.reason as CloseReason
  } as const
  if (taken.length > 0) return taken.map((piece) => ({ ...gapOf(piece), ...ends }))
  const { fromId: from, toId: to } = event
  const opened: GapEvent = { ...event, reason: 'unknown' }
  return [{ ...gapOf({ from: from!, to: to!, opened, sinceUs: event.atUs }), ...ends }]
}

/** (4) */
const lostInterval = (event: GapEvent): Gap => ({
  state: 'closed',
  dataType: event.dataType,
  exchange: event.exchange,
  symbol: event.symbol,
  epoch: event.epoch,
  fromId: null,
  toId: null,
  reason: event.reason as OpenReason,
  count: event.count,
  afterUs: event.afterUs,
  beforeUs: event.beforeUs,
  openedUs: event.atUs,
  closedUs: event.atUs,
  closedReason: null
})
