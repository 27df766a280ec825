/**
 * What reference data must be to land: a version that says something new of its company (R49). A
 * record is placed by its company, and told from repeats by what its version says.
 */
import { recordVersion } from '../market/reference-data.ts'
import type { ReferenceDataV2 } from '../market/records/reference-data-v2.ts'
import { foldVersion } from '../market/version-sequence.ts'
import type { RecordRules } from './partition-fold.ts'

export const referenceRules: RecordRules<ReferenceDataV2> = {
  foldArrival: foldVersion,
  decimalFields: [],
  isCompacted: true,
  invalidField: ({ symbol, company_name: name }) => {
    if (symbol === '') return 'symbol is empty'
    return name === '' ? 'company_name is empty' : undefined
  },
  placeOf: (record) => {
    const { exchange, company_id: companyId } = record
    const version = recordVersion(record)
    return {
      key: companyId,
      keyField: 'company_id',
      sequence: version === undefined ? undefined : `${exchange}:${companyId}`,
      // Forty-eight bits: a number holds them exactly. Zero for an id that is refused.
      nativeId: version === undefined ? 0 : Number.parseInt(version, 16)
    }
  }
}
