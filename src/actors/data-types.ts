/**
 * One description per data type, and nothing else about it elsewhere in the actors: what its
 * records are, how they are encoded, what lands and in which columns. Main thread and workers name
 * a data type, and find its description here.
 */
import type { KeptColumns } from '../adapters/duckdb/record-columns.ts'
import type { AvroRecord } from '../adapters/duckdb/columns.ts'
import { QuoteColumns } from '../adapters/duckdb/quote-columns.ts'
import { ReferenceColumns } from '../adapters/duckdb/reference-columns.ts'
import { TradeColumns } from '../adapters/duckdb/trade-columns.ts'
import type { AvroRecordSchema } from '../adapters/iceberg/schema.ts'
import { makeRecordCodec, type RecordCodec } from '../adapters/schema/record-codec.ts'
import type { RecordRules, SequencedRecord } from '../machines/partition-fold.ts'
import { quoteRules } from '../machines/quote-rules.ts'
import { referenceRules } from '../machines/reference-rules.ts'
import { tradeRules } from '../machines/trade-rules.ts'
import type { DataType, LandedDataType } from '../market/data-type.ts'
import { candleV1Schema } from '../market/records/candle-v1.ts'
import { type GapClaimV1, gapClaimV1Schema } from '../market/records/gap-claim-v1.ts'
import { gapEventV1Schema } from '../market/records/gap-event-v1.ts'
import { type QuoteV2, quoteV2Schema } from '../market/records/quote-v2.ts'
import {
  type ReferenceDataV2,
  referenceDataV2Schema
} from '../market/records/reference-data-v2.ts'
import { type TradeV2, tradeV2Schema } from '../market/records/trade-v2.ts'
import type { Tier } from '../market/tier.ts'
import { type LearnCompact, learnCompactTrades } from './lander/compact-records.ts'
import type { LandedRows } from './lander/lander-ports.ts'
import {
  claimPacker,
  codecPacker,
  type FeedTrade,
  type RecordPacker,
  referencePacker,
  tradePacker
} from './publisher/record-packer.ts'

/** What goes through the log; `In` is the form in which its source has the records. */
export interface LogSpec<In> {
  /** Also the name of the table in the namespace `market` that comes of it. */
  readonly name: DataType
  readonly schema: AvroRecordSchema & AvroRecord
  readonly makePacker: () => RecordPacker<In>
  /** Whether records may be dropped rather than let those of another data type wait (R34). */
  readonly isSheddable: boolean
  /** Of records whose instrument nobody names; 3 unless it says so. */
  readonly tierDefault?: Tier
  /** Partitions of its topic in a new event log; by default as many as the settings say. */
  readonly partitions?: number
}

export interface DataTypeSpec<A extends SequencedRecord, In = A> extends LogSpec<In> {
  readonly name: LandedDataType
  readonly rules: RecordRules<A>
  /** Whether the venue numbers its records without gaps, so that a missing id is a hole (R12). */
  readonly hasConsecutiveIds: boolean
  /** A codec of one's own: encoding reuses a buffer. */
  readonly makeCodec: () => RecordCodec<A>
  readonly makeRows: () => LandedRows<A> & KeptColumns
  /** Absent where the data type has no compact form. */
  readonly makeLearnCompact?: () => LearnCompact<A>
}

const makeTradeCodec = () => makeRecordCodec<TradeV2>(tradeV2Schema)

export const tradesSpec: DataTypeSpec<TradeV2, FeedTrade> = {
  name: 'trades',
  schema: tradeV2Schema,
  rules: tradeRules,
  hasConsecutiveIds: true,
  makeCodec: makeTradeCodec,
  isSheddable: false,
  makePacker: () => tradePacker(makeTradeCodec()),
  makeRows: () => new TradeColumns(),
  makeLearnCompact: learnCompactTrades
}

const makeQuoteCodec = () => makeRecordCodec<QuoteV2>(quoteV2Schema)

export const quotesSpec: DataTypeSpec<QuoteV2> = {
  name: 'quotes',
  schema: quoteV2Schema,
  rules: quoteRules,
  hasConsecutiveIds: false,
  makeCodec: makeQuoteCodec,
  isSheddable: true,
  makePacker: () => codecPacker(makeQuoteCodec()),
  makeRows: () => new QuoteColumns()
}

const makeReferenceCodec = () => makeRecordCodec<ReferenceDataV2>(referenceDataV2Schema)

export const referenceDataSpec: DataTypeSpec<ReferenceDataV2> = {
  name: 'reference_data',
  schema: referenceDataV2Schema,
  rules: referenceRules,
  makeCodec: makeReferenceCodec,
  isSheddable: false,
  hasConsecutiveIds: false,
  // A few records an hour.
  partitions: 1,
  makePacker: () => referencePacker(makeReferenceCodec()),
  makeRows: () => new ReferenceColumns()
}

export const makeClaimCodec = () => makeRecordCodec<GapClaimV1>(gapClaimV1Schema)

/** Claims of gaps: they are few, and the last to be refused, for they tell of what was (R5). */
export const claimsSpec: LogSpec<GapClaimV1> = {
  name: 'gaps',
  schema: gapClaimV1Schema,
  isSheddable: false,
  tierDefault: 1,
  // One reader derives the ledger from all of them.
  partitions: 1,
  makePacker: () => claimPacker(makeClaimCodec())
}

/** The table that is derived from claims and from the states of the trades. */
export const gapsTable = { name: 'gaps', schema: gapEventV1Schema } as const

/** The table that is derived from the trades: their candles of minutes (R21). */
export const candlesTable = { name: 'candles_1m', schema: candleV1Schema } as const
