/** Columns of `market.reference_data`. */
import {
  type ReferenceDataV2,
  referenceDataV2Schema
} from '../../market/records/reference-data-v2.ts'
import type { ColumnHints } from './column-buffer.ts'
import { BufferedColumns } from './record-columns.ts'

const hints: ColumnHints = { numbered: new Set(), varyingKeys: {} }

export class ReferenceColumns extends BufferedColumns<ReferenceDataV2> {
  constructor() {
    super(referenceDataV2Schema, hints)
  }
}
