/**
 * Reference data: what a source says of a company or pair, and the versions of that (R49).
 *
 * 1. A version is named by what it says, so that the same said again is recognised, and by when K2
 *    received it, so that what is said anew after something else is a version of its own.
 * 2. What is unchanged is no version: `newVersions` gives only what differs from what is known.
 * 3. Ingestion times of a company ascend, whatever the clock does.
 */
import type { ReferenceDataV2 } from './records/reference-data-v2.ts'

/** What a source says, without K2's own fields. */
export type ReferenceContent = Omit<ReferenceDataV2, 'message_id' | 'ingestion_timestamp'>

/** The newest version of a company that is known. */
export interface KnownVersion {
  readonly content: ReferenceContent
  /** Twelve hex digits. */
  readonly version: string
  /** Microseconds. */
  readonly ingestionUs: number
}

/** Hex digits of a SHA-256 of a text; twelve are taken. */
export type HashText = (text: string) => string

/** One text per content: fields in their order, keys of `vendor_data` sorted. */
export const contentText = (content: ReferenceContent): string =>
  JSON.stringify([
    content.company_id,
    content.symbol,
    content.exchange,
    content.asset_class,
    content.company_name,
    content.isin,
    content.currency,
    content.listing_date,
    content.delisting_date,
    content.is_active,
    content.vendor_data === null ? null : sortedEntries(content.vendor_data)
  ])

const versionDigits = 12

export const versionOf = (content: ReferenceContent, hash: HashText): string =>
  hash(contentText(content)).slice(0, versionDigits)

export const referenceRecord = (
  content: ReferenceContent,
  version: string,
  ingestionUs: number
): ReferenceDataV2 => ({
  message_id: `${content.exchange}:${content.company_id}:${version}-${ingestionUs}`,
  ...content,
  ingestion_timestamp: ingestionUs
})

/**
 * Records of the contents that differ from what is known of their companies (2), in their order.
 * @param nowUs now, microseconds
 */
export const newVersions = (
  contents: readonly ReferenceContent[],
  known: ReadonlyMap<string, KnownVersion>,
  { hash, nowUs }: { readonly hash: HashText; readonly nowUs: number }
): readonly ReferenceDataV2[] =>
  contents.flatMap((content) => {
    const version = versionOf(content, hash)
    const last = known.get(content.company_id)
    if (last?.version === version) return []
    const ingestionUs = Math.max(nowUs, (last?.ingestionUs ?? 0) + 1) // (3)
    return [referenceRecord(content, version, ingestionUs)]
  })

/** What is said of a company that its source does not list any more. */
export const unlisted = (content: ReferenceContent): ReferenceContent => ({
  ...content,
  is_active: false,
  vendor_data: { ...content.vendor_data, status: 'UNLISTED' }
})

/** What a record of the table says of its version; undefined if its id is not its natural key. */
export const knownVersion = (record: ReferenceDataV2): KnownVersion | undefined => {
  const version = recordVersion(record)
  if (version === undefined) return undefined
  const { message_id: _id, ingestion_timestamp: ingestionUs, ...content } = record
  return { content, version, ingestionUs }
}

/** The version in a record's id, or undefined if the id is not the record's natural key. */
export const recordVersion = ({
  message_id: id,
  exchange,
  company_id: companyId,
  ingestion_timestamp: ingestionUs
}: Pick<
  ReferenceDataV2,
  'message_id' | 'exchange' | 'company_id' | 'ingestion_timestamp'
>): string | undefined => {
  const begin = `${exchange}:${companyId}:`
  const version = id.slice(begin.length, begin.length + versionDigits)
  return /^[0-9a-f]{12}$/.test(version) && id === `${begin}${version}-${ingestionUs}`
    ? version
    : undefined
}

const sortedEntries = (map: Readonly<Record<string, string>>) =>
  Object.entries(map).toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
