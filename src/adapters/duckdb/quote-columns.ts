/** Columns of `market.quotes`. */
import { type QuoteV2, quoteV2Schema } from '../../market/records/quote-v2.ts'
import { BufferedColumns } from './record-columns.ts'

const uniqueColumns: ReadonlySet<string> = new Set(['message_id', 'quote_id'])

export class QuoteColumns extends BufferedColumns<QuoteV2> {
  constructor() {
    super(quoteV2Schema, uniqueColumns)
  }
}
