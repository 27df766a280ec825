/** Records as the API tells them. */
import * as Schema from 'effect/Schema'
import type { StreamedDataType } from '../../market/data-type.ts'
import { openReasons } from '../../market/gap-events.ts'
import { assetClass, count, decimal, int64, time, vendorData } from './answer-schemas.ts'

const identity = {
  symbol: Schema.String,
  exchange: Schema.String,
  asset_class: assetClass
}

const arrival = {
  source_sequence: Schema.NullOr(int64),
  ingestion_timestamp: time,
  platform_sequence: Schema.NullOr(int64),
  vendor_data: vendorData
}

export const trade = Schema.Struct({
  message_id: Schema.String,
  trade_id: Schema.String,
  ...identity,
  timestamp: time,
  price: decimal,
  quantity: decimal,
  currency: Schema.String,
  side: Schema.Literals(['BUY', 'SELL', 'SELL_SHORT', 'UNKNOWN']),
  trade_conditions: Schema.Array(Schema.String),
  ...arrival
}).annotate({ identifier: 'Trade' })

export const quote = Schema.Struct({
  message_id: Schema.String,
  quote_id: Schema.String,
  ...identity,
  timestamp: time,
  bid_price: decimal,
  bid_quantity: decimal,
  ask_price: decimal,
  ask_quantity: decimal,
  currency: Schema.String,
  ...arrival
}).annotate({ identifier: 'Quote' })

/** Of what is streamed, by data type. */
export const streamedRecords = { trades: trade, quotes: quote } as const

/** Names of a record's fields, in their order. */
export const fieldNamesOf = (dataType: StreamedDataType): readonly string[] =>
  Object.keys(streamedRecords[dataType].fields)

/** Any of them may be left out. */
export const optionalFieldsOf = (fields: Schema.Struct.Fields): Schema.Struct.Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => [name, Schema.optionalKey(schema)])
  )

export const referenceData = Schema.Struct({
  message_id: Schema.String,
  company_id: Schema.String,
  ...identity,
  company_name: Schema.String,
  isin: Schema.NullOr(Schema.String),
  currency: Schema.NullOr(Schema.String),
  listing_date: Schema.NullOr(Schema.String),
  delisting_date: Schema.NullOr(Schema.String),
  is_active: Schema.Boolean,
  ingestion_timestamp: time,
  vendor_data: vendorData
}).annotate({ identifier: 'ReferenceData' })

export const gap = Schema.Struct({
  exchange: Schema.String,
  symbol: Schema.String,
  data_type: Schema.Literals(['trades', 'quotes']),
  state: Schema.Literals(['open', 'closed']),
  reason: Schema.Literals(openReasons),
  epoch: count,
  from_id: Schema.NullOr(int64),
  to_id: Schema.NullOr(int64),
  count,
  after_time: Schema.NullOr(time),
  before_time: Schema.NullOr(time),
  opened_at: time,
  closed_at: Schema.NullOr(time),
  closed_reason: Schema.NullOr(
    Schema.Literals(['landed', 'rejected', 'never_issued', 'written_off'])
  )
}).annotate({ identifier: 'Gap' })
