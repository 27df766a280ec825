/**
 * A reply of the venue's history of trades, checked against what was asked (R29), and its trades as
 * the records that a feed makes of the same trades. Pure.
 *
 * 1. A healed trade has every field that a live one has, with the same value, but for when it was
 *    received; of `vendor_data` it has what the history tells, and `source`: `history`.
 * 2. A reply that is not of the symbol, the range, the time or the order asked for is refused as a
 *    whole: it is somebody else's, or nonsense.
 * 3. A record with a value that no trade can have is rejected alone, by its id.
 */
import type { AskedHistory } from '../../market/asked-history.ts'
import type { IdSpan } from '../../market/id-ranges.ts'
import { type Instrument, longMax } from '../../market/instrument.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import { Refusal, scalar } from './binance-fields.ts'
import { tradeOf } from './binance-trade.ts'

/** `form`: it is no list of trades. */
export type HistoryFault = 'form' | 'symbol' | 'range' | 'time' | 'order'

export type HistoryReply =
  | {
      readonly type: 'read'
      /** What was wanted, ascending. */
      readonly trades: readonly TradeV2[]
      readonly published: readonly IdSpan[]
      /** Wanted and missing between two that were given. */
      readonly skipped: readonly IdSpan[]
      /** (3) */
      readonly rejected: readonly IdSpan[]
    }
  | { readonly type: 'refused'; readonly fault: HistoryFault; readonly detail: string }

/** @throws nothing, whatever the body is */
export const readHistory = (
  body: unknown,
  asked: AskedHistory,
  { instrument, receivedUs }: { readonly instrument: Instrument; readonly receivedUs: number }
): HistoryReply => {
  try {
    const given = checked(body, asked, instrument)
    return sorted(given, asked, { instrument, receivedUs })
  } catch (error) {
    if (!(error instanceof ReplyFault)) throw error
    return { type: 'refused', fault: error.fault, detail: error.message }
  }
}

class ReplyFault extends Error {
  readonly fault: HistoryFault
  constructor(fault: HistoryFault, detail: string) {
    super(detail)
    this.fault = fault
  }
}

type Entry = Readonly<Record<string, unknown>> & { readonly id: number }

/** (2) */
const checked = (
  body: unknown,
  { fromId, limit, isFirstKnown }: AskedHistory,
  { symbol }: Instrument
): readonly Entry[] => {
  if (!Array.isArray(body)) throw new ReplyFault('form', 'it is no list')
  if (body.length > limit) {
    throw new ReplyFault('range', `${body.length} trades where ${limit} were asked for`)
  }
  let last = fromId - 1
  for (const entry of body as readonly unknown[]) {
    if (!isEntry(entry)) throw new ReplyFault('form', 'a trade has no readable id')
    const { id, symbol: named = symbol } = entry
    if (named !== symbol) throw new ReplyFault('symbol', `trade ${id} is not of ${symbol}`)
    if (id < fromId) throw new ReplyFault('range', `trade ${id} is before ${fromId}`)
    if (id <= last) throw new ReplyFault('order', `trade ${id} comes behind ${last}`)
    last = id
  }
  const first = (body as readonly Entry[])[0]
  if (isFirstKnown && first !== undefined && first.id !== fromId) {
    throw new ReplyFault('range', `it begins at ${first.id}, not at ${fromId}, which has landed`)
  }
  return body as readonly Entry[]
}

const isEntry = (entry: unknown): entry is Entry => {
  if (typeof entry !== 'object' || entry === null || !('id' in entry)) return false
  const { id } = entry
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 && id <= longMax
}

const sorted = (
  given: readonly Entry[],
  asked: AskedHistory,
  known: { readonly instrument: Instrument; readonly receivedUs: number }
): HistoryReply => {
  const trades: TradeV2[] = []
  const published = new Spans()
  const skipped = new Spans()
  const rejected = new Spans()
  let last: number | undefined
  let span = 0
  for (const entry of given) {
    const { id } = entry
    // What lies between two neighbours that were given, and is wanted.
    if (last !== undefined && id > last + 1) skipped.addWanted(asked.wanted, last + 1, id - 1)
    last = id
    while (span < asked.wanted.length && asked.wanted[span]!.to < id) span++
    const isWanted = span < asked.wanted.length && asked.wanted[span]!.from <= id
    if (!isWanted) continue
    const trade = tradeIn(entry, asked, known)
    if (trade === undefined) rejected.add(id)
    else {
      trades.push(trade)
      published.add(id)
    }
  }
  return {
    type: 'read', trades, published: published.all, skipped: skipped.all, rejected: rejected.all
  }
}

/** (1). Undefined: it is rejected (3). */
const tradeIn = (
  entry: Entry,
  asked: AskedHistory,
  { instrument, receivedUs }: { readonly instrument: Instrument; readonly receivedUs: number }
): TradeV2 | undefined => {
  const { id, price, qty, time, isBuyerMaker, isBestMatch } = entry
  const isFormed =
    typeof price === 'string' &&
    typeof qty === 'string' &&
    typeof time === 'number' &&
    typeof isBuyerMaker === 'boolean'
  if (!isFormed) throw new ReplyFault('form', `trade ${id} lacks a member`)
  const data: Record<string, string> = { source: 'history' }
  if (typeof isBestMatch === 'boolean') data['is_best_match'] = String(isBestMatch)
  data['base_asset'] = instrument.baseAsset
  const fields = {
    p: scalar('string', price),
    q: scalar('string', qty),
    T: scalar('number', String(time)),
    m: scalar('boolean', String(isBuyerMaker))
  }
  const more = { receivedUs, vendorData: data }
  try {
    const trade = tradeOf(fields, { instrument, nativeId: id }, more)
    const { afterUs, beforeUs } = asked
    const isInTime =
      (afterUs === null || trade.timestamp >= afterUs - timeSlackUs) &&
      (beforeUs === null || trade.timestamp <= beforeUs + timeSlackUs)
    if (isInTime) return trade
    throw new ReplyFault('time', `trade ${id} is of another time than its neighbours that landed`)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (isOfValue.has(error.reason)) return undefined
    throw new ReplyFault('form', `trade ${id}: ${error.reason} in ${error.field}`)
  }
}

/** A venue's trades are in the order of their ids, and nearly in that of their times. */
const timeSlackUs = 60_000_000

const isOfValue: ReadonlySet<string> = new Set(['decimal_overflow', 'bad_price', 'bad_quantity'])

/** Ids that come ascending, as spans. */
class Spans {
  readonly all: { from: number; to: number }[] = []

  add(id: number): void {
    this.#addRange(id, id)
  }

  /** Of a range what is wanted. */
  addWanted(wanted: readonly IdSpan[], from: number, to: number): void {
    for (const span of wanted) {
      if (span.to >= from && span.from <= to) {
        this.#addRange(Math.max(from, span.from), Math.min(to, span.to))
      }
    }
  }

  #addRange(from: number, to: number): void {
    const last = this.all.at(-1)
    if (last !== undefined && last.to === from - 1) last.to = to
    else this.all.push({ from, to })
  }
}
