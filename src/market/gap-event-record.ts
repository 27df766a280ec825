/** An event of the gap ledger as a row of its table, and back. */
import type { GapEvent } from './gap-events.ts'
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

/** Columns in the order in which `gapEventOfRow` takes them; times as microseconds. */
export const gapRowColumns = [
  'k2_offset',
  'event',
  'data_type',
  'symbol',
  'exchange',
  'epoch',
  'from_id',
  'to_id',
  'reason',
  'count',
  'after_time',
  'before_time',
  'at',
  'source'
] as const

/** Those that are times. */
export const gapTimeColumns: ReadonlySet<string> = new Set(['after_time', 'before_time', 'at'])

type Cell = string | number | bigint | boolean | null

export const gapEventOfRow = (row: readonly Cell[]): GapEvent => {
  const [number, event, dataType, symbol, exchange, epoch, from, to, reason, ...rest] = row
  const [count, after, before, at, source] = rest
  return {
    number: Number(number),
    event,
    dataType,
    exchange,
    symbol,
    epoch: Number(epoch),
    fromId: numberOrNull(from),
    toId: numberOrNull(to),
    reason,
    count: Number(count),
    afterUs: numberOrNull(after),
    beforeUs: numberOrNull(before),
    atUs: Number(at),
    source
  } as GapEvent
}

const numberOrNull = (cell: Cell | undefined): number | null =>
  cell === null || cell === undefined ? null : Number(cell)
