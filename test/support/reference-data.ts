/** Reference data of the tests. */
import { createHash } from 'node:crypto'
import {
  type ReferenceContent,
  referenceRecord,
  versionOf
} from '../../src/market/reference-data.ts'
import type { ReferenceDataV2 } from '../../src/market/records/reference-data-v2.ts'

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export const content = (
  companyId: string,
  overrides: Partial<ReferenceContent> = {}
): ReferenceContent => ({
  company_id: companyId,
  symbol: `T${companyId}`,
  exchange: 'ASX',
  asset_class: 'equities',
  company_name: `COMPANY ${companyId}`,
  isin: null,
  currency: 'AUD',
  listing_date: null,
  delisting_date: null,
  is_active: true,
  vendor_data: null,
  ...overrides
})

export const record = (
  companyId: string,
  ingestionUs: number,
  overrides: Partial<ReferenceContent> = {}
): ReferenceDataV2 => {
  const said = content(companyId, overrides)
  return referenceRecord(said, versionOf(said, sha256), ingestionUs)
}
