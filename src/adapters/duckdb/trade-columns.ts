/** Columns of `market.trades`. */
import { type TradeV2, tradeV2Schema } from '../../market/records/trade-v2.ts'
import { BufferedColumns } from './record-columns.ts'

const uniqueColumns: ReadonlySet<string> = new Set(['message_id', 'trade_id'])

export class TradeColumns extends BufferedColumns<TradeV2> {
  constructor() {
    super(tradeV2Schema, uniqueColumns)
  }
}
