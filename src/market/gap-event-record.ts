/** An event of the gap ledger as a row of its table, and back. */
import type { CloseReason, GapEvent, OpenReason } from './gap-events.ts'
import type { GapEventV1 } from './records/gap-event-v1.ts'

export const gapEventRecord = (event: GapEvent): GapEventV1 => ({
  message_id: `${event.exchange}:${event.symbol}:gap-${event.number}`,
  event: event.event,
  data_type: event.dataType,
  symbol: event.symbol,
  exchange: event.exchange,
  epoch: event.epoch,
  from_id: event.fromId,
  to_id: event.toId,
  reason: event.reason,
  count: event.count,
  after_time: event.afterUs,
  before_time: event.beforeUs,
  at: event.atUs,
  source: event.source
})

/** @param number the row's `k2_offset` */
export const gapEventOf = (row: GapEventV1, number: number): GapEvent => ({
  number,
  event: row.event,
  dataType: row.data_type,
  exchange: row.exchange,
  symbol: row.symbol,
  epoch: row.epoch,
  fromId: row.from_id,
  toId: row.to_id,
  reason: row.reason as OpenReason | CloseReason,
  count: row.count,
  afterUs: row.after_time,
  beforeUs: row.before_time,
  atUs: row.at,
  source: row.source
})
