/**
 * What one topic-partition's records become: the pure fold that lander and tail share, so that both
 * always agree on what the table holds (R6).
 *
 * 1. The outcome depends on the state, the records and their order alone.
 * 2. Every consumed record is counted once: consumed = landed + duplicates + dead-lettered + held.
 *    The counters are part of the state, so they are exact across restarts (R16).
 * 3. A rejected record costs itself only: its neighbours land (R29, R30).
 */
import { fitsDecimal } from '../market/decimal.ts'
import { messageId, sequenceKey } from '../market/instrument.ts'
import type { TradeV2 } from '../market/records/trade-v2.ts'
import {
  emptySequence,
  foldArrival,
  type HeldRecord,
  type SequenceLimits,
  type SymbolSequence
} from '../market/sequence.ts'

export interface PartitionCounters {
  consumed: number
  landed: number
  late: number
  duplicates: number
  deadLettered: number
  held: number
  /** Ids skipped when they were skipped; what arrived late since is in `late`. */
  gapIds: number
  /** Restarts of a venue's ids that were confirmed. */
  epochsOpened: number
}

/** JSON-safe. Folding changes it in place: start over from the stored one to undo. */
export interface PartitionState {
  readonly version: 1
  /** Sequence per `{EXCHANGE}:{symbol}`, and per load where the source has no ids (R26). */
  readonly sequences: Record<string, SymbolSequence>
  readonly counters: PartitionCounters
}

type RejectReason =
  | 'undecodable'
  | 'wrong_partition'
  | 'invalid_field'
  | 'no_sequence'
  | 'unconfirmed_sequence'

export interface FoldSink {
  /** A row of the table, with the offset of the log record that brought it. */
  readonly land: (record: TradeV2, offset: number) => void
  readonly deadLetter: (letter: DeadLetter) => void
}

export interface DeadLetter {
  readonly offset: number
  readonly reason: RejectReason
  readonly detail: string
  readonly symbol: string | null
  readonly nativeId: number | null
  /** The record as JSON where its bytes are no longer at hand: it was held in the state. */
  readonly heldRecord?: string
}

/** One record as the log holds it. */
export interface LoggedTrade {
  readonly offset: number
  /** The record's key as text. */
  readonly key: string
  /** Decoded, or why it could not be. */
  readonly trade: TradeV2 | { readonly undecodable: string }
}

export interface FoldContext {
  readonly limits: SequenceLimits
  /** Whether a key belongs to this partition (R41). */
  readonly ownsKey: (key: string) => boolean
}

export const emptyPartitionState = (): PartitionState => ({
  version: 1,
  sequences: {},
  counters: {
    consumed: 0,
    landed: 0,
    late: 0,
    duplicates: 0,
    deadLettered: 0,
    held: 0,
    gapIds: 0,
    epochsOpened: 0
  }
})

/** Folds one record, in offset order. */
export const foldTrade = (
  state: PartitionState,
  { offset, key, trade }: LoggedTrade,
  context: FoldContext,
  sink: FoldSink
): void => {
  const { counters } = state
  counters.consumed++
  const sequence = sequenceOrRefusal(key, trade, context)
  if (typeof sequence !== 'string') {
    counters.deadLettered++
    sink.deadLetter({ offset, ...sequence })
    return
  }
  const record = trade as TradeV2
  const { outcome, refused } = foldArrival(
    (state.sequences[sequence] ??= emptySequence()),
    {
      id: record.source_sequence!,
      timeUs: record.timestamp,
      payload: () => serialiseHeld(record, offset)
    },
    context.limits
  )
  if (refused.length > 0) refuseHeld(counters, refused, sink)
  switch (outcome.kind) {
    case 'next':
      counters.gapIds += outcome.gapIds
      return land(counters, sink, inEpoch(record, outcome.epoch), offset)
    case 'late':
      counters.late++
      return land(counters, sink, inEpoch(record, outcome.epoch), offset)
    case 'duplicate':
      counters.duplicates++
      return undefined
    case 'held':
      counters.held++
      return undefined
    case 'confirmed':
      if (outcome.reason === 'restart') counters.epochsOpened++
      for (const held of outcome.released) {
        const { record: waiting, offset: waitingOffset } = parseHeld(held)
        counters.held--
        land(counters, sink, inEpoch(waiting, outcome.epoch), waitingOffset)
      }
      return land(counters, sink, inEpoch(record, outcome.epoch), offset)
    default:
      return outcome satisfies never
  }
}

const land = (
  counters: PartitionCounters,
  sink: FoldSink,
  record: TradeV2,
  offset: number
): void => {
  counters.landed++
  sink.land(record, offset)
}

const inEpoch = (record: TradeV2, epoch: number): TradeV2 =>
  epoch === 0
    ? record
    : {
        ...record,
        message_id: messageId(record.exchange, record.symbol, record.source_sequence!, epoch)
      }

const refuseHeld = (
  counters: PartitionCounters,
  refused: readonly HeldRecord[],
  sink: FoldSink
): void => {
  for (const held of refused) {
    const { record, offset } = parseHeld(held)
    counters.held--
    counters.deadLettered++
    sink.deadLetter({
      offset,
      reason: 'unconfirmed_sequence',
      detail: `id ${held.id} was not followed by two consecutive ids`,
      symbol: record.symbol,
      nativeId: held.id,
      heldRecord: held.payload
    })
  }
}

type Refusal = Omit<DeadLetter, 'offset'>

/** The sequence that a record belongs to, or why it cannot land. */
const sequenceOrRefusal = (
  key: string,
  trade: LoggedTrade['trade'],
  { ownsKey }: FoldContext
): string | Refusal => {
  if ('undecodable' in trade) {
    return { reason: 'undecodable', detail: trade.undecodable, symbol: null, nativeId: null }
  }
  const { symbol, source_sequence: nativeId } = trade
  if (!ownsKey(key)) {
    return {
      reason: 'wrong_partition',
      detail: `key "${key}" belongs to another partition`,
      symbol,
      nativeId
    }
  }
  const field = invalidField(key, trade)
  if (field !== undefined) return { reason: 'invalid_field', detail: field, symbol, nativeId }
  if (nativeId === null) {
    const detail = 'source_sequence is null: number the rows of a source without ids (R26)'
    return { reason: 'no_sequence', detail, symbol, nativeId }
  }
  const sequence = sequenceKey(trade)
  if (sequence !== undefined) return sequence
  const detail = `message_id "${trade.message_id}" is not the record's natural key`
  return { reason: 'invalid_field', detail, symbol, nativeId }
}

/** 2200-01-01, in microseconds: a later exchange time is a corrupt one. */
const timestampUsMax = 7_258_118_400_000_000

const invalidField = (key: string, trade: TradeV2): string | undefined => {
  if (trade.symbol !== key) return `symbol "${trade.symbol}" differs from the record's key "${key}"`
  if (trade.exchange === '') return 'exchange is empty'
  if (trade.timestamp <= 0 || trade.timestamp > timestampUsMax) {
    return `timestamp ${trade.timestamp} is out of range`
  }
  if (trade.price <= 0n || !fitsDecimal(trade.price)) {
    return `price ${trade.price} is not positive or too large`
  }
  if (trade.quantity <= 0n || !fitsDecimal(trade.quantity)) {
    return `quantity ${trade.quantity} is not positive or too large`
  }
  if (trade.source_sequence !== null && trade.source_sequence < 0) {
    return `source_sequence ${trade.source_sequence} is negative`
  }
  return undefined
}

/** Bigints as text, so that the state is JSON. */
const serialiseHeld = (record: TradeV2, offset: number): string =>
  JSON.stringify({
    offset,
    record: { ...record, price: `${record.price}`, quantity: `${record.quantity}` }
  })

const parseHeld = ({
  payload
}: HeldRecord): { readonly record: TradeV2; readonly offset: number } => {
  const { offset, record } = JSON.parse(payload) as {
    offset: number
    record: Omit<TradeV2, 'price' | 'quantity'> & { price: string; quantity: string }
  }
  return {
    offset,
    record: { ...record, price: BigInt(record.price), quantity: BigInt(record.quantity) }
  }
}
