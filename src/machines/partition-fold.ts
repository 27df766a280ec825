/**
 * What one topic-partition's records become: the pure fold that lander and tail share, so that both
 * always agree on what the table holds (R6).
 *
 * 1. The outcome depends on the state, the records and their order alone.
 * 2. Every consumed record is counted once: consumed = landed + duplicates + dead-lettered + held.
 *    The counters are part of the state, so they are exact across restarts (R16), and with `origin`
 *    they say how far the offset must have come.
 * 3. A rejected record costs itself only: its neighbours land (R29, R30).
 */
import { messageId } from '../market/instrument.ts'
import {
  emptySequence,
  type FoldArrival,
  foldNext,
  type HeldRecord,
  type SequenceLimits,
  type SymbolSequence
} from '../market/sequence.ts'
import { invalidField, isTimestamp, type RecordPlace, symbolPlace, timeOf } from './record-place.ts'

/** What a record of any data type has. */
export interface SequencedRecord {
  readonly message_id: string
  readonly symbol: string
  readonly exchange: string
  /** Exchange time, microseconds; absent from what has no time but that of its coming. */
  readonly timestamp?: number
  readonly ingestion_timestamp: number
  /** Absent from what no venue numbers. */
  readonly source_sequence?: number | null
}

/** What the fold must know of a data type. */
export interface RecordRules<A extends SequencedRecord> {
  /** Why a field that only this data type has cannot land; undefined if all of them can. */
  readonly invalidField: (record: A) => string | undefined
  /** Tells records in sequence from repeats, by the sequence kind of the data type. */
  readonly foldArrival: FoldArrival
  /** Fields that are bigints: text in a state, which is JSON. */
  readonly decimalFields: readonly (keyof A & string)[]
  /**
   * Whether only the newest record of a key counts: the log may have dropped older ones, so that
   * offsets have gaps, and no age takes a record from the table. By default every record counts.
   */
  readonly isCompacted?: true
  /** Where a record belongs; by default by its symbol and `source_sequence`. */
  readonly placeOf?: (record: A) => RecordPlace
}

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
  /**
   * Offset at which counting began: what is consumed lies between it and the position. Absent from
   * a state that is not bound to a log: of an older K2, or moved by an operator.
   */
  origin?: number
  /** Offsets of a compacted topic that had no record any more; absent where there were none. */
  compactedAway?: number
}

type RejectReason =
  | 'undecodable'
  | 'wrong_partition'
  | 'invalid_field'
  | 'no_sequence'
  | 'unconfirmed_sequence'

export interface FoldSink<A> {
  /** A row of the table, with the offset of the log record that brought it. */
  readonly land: (record: A, offset: number) => void
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
export interface LoggedRecord<A> {
  readonly offset: number
  /** The record's key as text. */
  readonly key: string
  /** Decoded, or why it could not be. */
  readonly record: A | Undecodable
}

interface Undecodable {
  readonly undecodable: string
}

export interface FoldContext<A extends SequencedRecord> {
  readonly rules: RecordRules<A>
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

/**
 * Folds a record that has no invalid field and is the next of its sequence: nearly all are. False:
 * nothing has changed, and `foldRecord` says what becomes of it.
 */
export const foldNextRecord = (
  { counters }: PartitionState,
  sequence: SymbolSequence,
  id: number,
  timeUs: number
): boolean => {
  if (!isTimestamp(timeUs) || !foldNext(sequence, id, timeUs)) return false
  counters.consumed++
  counters.landed++
  return true
}

/** Folds one record, in offset order. */
export const foldRecord = <A extends SequencedRecord>(
  state: PartitionState,
  { offset, key, record }: LoggedRecord<A>,
  context: FoldContext<A>,
  sink: FoldSink<A>
): void => {
  const { counters } = state
  counters.consumed++
  if (isUndecodable(record)) {
    const { undecodable: detail } = record
    return refuse(counters, sink, offset, {
      reason: 'undecodable',
      detail,
      symbol: null,
      nativeId: null
    })
  }
  const { rules, limits } = context
  const place = (rules.placeOf ?? symbolPlace)(record)
  const sequence = sequenceOrRefusal(key, record, place, context)
  if (typeof sequence !== 'string') return refuse(counters, sink, offset, sequence)
  const { outcome, refused } = rules.foldArrival(
    (state.sequences[sequence] ??= emptySequence()),
    {
      id: place.nativeId!,
      timeUs: timeOf(record),
      payload: () => serialiseHeld(record, offset)
    },
    limits
  )
  if (refused.length > 0) refuseHeld(counters, refused, rules, sink)
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
        const { record: waiting, offset: waitingOffset } = parseHeld(held, rules)
        counters.held--
        land(counters, sink, inEpoch(waiting, outcome.epoch), waitingOffset)
      }
      return land(counters, sink, inEpoch(record, outcome.epoch), offset)
    default:
      return outcome satisfies never
  }
}

const isUndecodable = (record: SequencedRecord | Undecodable): record is Undecodable =>
  'undecodable' in record

const refuse = <A>(
  counters: PartitionCounters,
  sink: FoldSink<A>,
  offset: number,
  refusal: Refusal
): void => {
  counters.deadLettered++
  sink.deadLetter({ offset, ...refusal })
}

const land = <A>(
  counters: PartitionCounters,
  sink: FoldSink<A>,
  record: A,
  offset: number
): void => {
  counters.landed++
  sink.land(record, offset)
}

const inEpoch = <A extends SequencedRecord>(record: A, epoch: number): A =>
  epoch === 0
    ? record
    : {
        ...record,
        message_id: messageId(record.exchange, record.symbol, record.source_sequence!, epoch)
      }

const refuseHeld = <A extends SequencedRecord>(
  counters: PartitionCounters,
  refused: readonly HeldRecord[],
  rules: RecordRules<A>,
  sink: FoldSink<A>
): void => {
  for (const held of refused) {
    const { record, offset } = parseHeld(held, rules)
    counters.held--
    refuse(counters, sink, offset, {
      reason: 'unconfirmed_sequence',
      detail: `id ${held.id} was not followed by two ids in sequence`,
      symbol: record.symbol,
      nativeId: held.id,
      heldRecord: held.payload
    })
  }
}

type Refusal = Omit<DeadLetter, 'offset'>

/** The sequence that a record belongs to, or why it cannot land. */
const sequenceOrRefusal = <A extends SequencedRecord>(
  key: string,
  record: A,
  place: RecordPlace,
  { ownsKey, rules }: FoldContext<A>
): string | Refusal => {
  const { symbol } = record
  const { sequence, nativeId } = place
  if (!ownsKey(key)) {
    return {
      reason: 'wrong_partition',
      detail: `key "${key}" belongs to another partition`,
      symbol,
      nativeId
    }
  }
  const field = invalidField(key, record, place) ?? rules.invalidField(record)
  if (field !== undefined) return { reason: 'invalid_field', detail: field, symbol, nativeId }
  if (nativeId === null) {
    const detail = 'source_sequence is null: number the rows of a source without ids (R26)'
    return { reason: 'no_sequence', detail, symbol, nativeId }
  }
  if (sequence !== undefined) return sequence
  const detail = `message_id "${record.message_id}" is not the record's natural key`
  return { reason: 'invalid_field', detail, symbol, nativeId }
}

const serialiseHeld = (record: SequencedRecord, offset: number): string =>
  JSON.stringify({ offset, record }, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value
  )

const parseHeld = <A extends SequencedRecord>(
  { payload }: HeldRecord,
  { decimalFields }: RecordRules<A>
): { readonly record: A; readonly offset: number } => {
  const { offset, record } = JSON.parse(payload) as {
    readonly offset: number
    readonly record: Record<string, unknown>
  }
  for (const field of decimalFields) record[field] = BigInt(record[field] as string)
  return { offset, record: record as unknown as A }
}
