/** Columns of `market.quotes`. */
import { type QuoteV2, quoteV2Schema } from '../../market/records/quote-v2.ts'
import type { ColumnHints } from './column-buffer.ts'
import { BufferedColumns } from './record-columns.ts'

const hints: ColumnHints = { numbered: new Set(['message_id', 'quote_id']), varyingKeys: {} }

export class QuoteColumns extends BufferedColumns<QuoteV2> {
  constructor() {
    super(quoteV2Schema, hints)
  }
}
