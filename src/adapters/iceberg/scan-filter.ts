/**
 * Whether a manifest or a file may hold a row that a query asks for.
 *
 * 1. No only where its partition or its bounds prove it; what is unknown may.
 * 2. Any of several symbols, or exchanges, is enough.
 */
import { decodeValue } from './bounds.ts'
import type { FieldSummary, ManifestFile } from './manifest-list.ts'
import type { PartitionSpec } from './metadata.ts'
import { dayOf } from './transforms.ts'

export interface ScanFilter {
  readonly exchange?: string
  readonly symbol?: string
  /** Any of them; together with `exchange` both must hold. */
  readonly exchanges?: readonly string[]
  /** Any of them; together with `symbol` both must hold. */
  readonly symbols?: readonly string[]
  /** Inclusive, µs. */
  readonly fromUs?: number
  /** Exclusive, µs. */
  readonly toUs?: number
}

/** Bounds of a file, as `PlannedFile` has them. */
interface FileBounds {
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
  readonly symbolLower: string | null
  readonly symbolUpper: string | null
  readonly exchange: string | null
}

/** Made once for a filter, asked of thousands of files. */
export const fileMatcher = (filter: ScanFilter): ((file: FileBounds) => boolean) => {
  const { fromUs = -Infinity, toUs = Infinity } = filter
  const exchanges = wantedOf(filter.exchange, filter.exchanges)
  const symbols = wantedOf(filter.symbol, filter.symbols)
  return (file) =>
    file.timestampUpperUs >= fromUs &&
    file.timestampLowerUs < toUs &&
    exchanges.every((any) => file.exchange === null || any.includes(file.exchange)) &&
    symbols.every((any) => any.some((symbol) => isWithin(symbol, file)))
}

/** (2) One of each list. */
const wantedOf = (
  one: string | undefined,
  several: readonly string[] | undefined
): readonly (readonly string[])[] => [
  ...(one === undefined ? [] : [[one]]),
  ...(several === undefined ? [] : [several])
]

const isWithin = (symbol: string, { symbolLower, symbolUpper }: FileBounds): boolean =>
  (symbolLower === null || byteOrder(symbol, symbolLower) >= 0) &&
  (symbolUpper === null || byteOrder(symbol, symbolUpper) <= 0)

export const manifestMayMatch = (
  spec: PartitionSpec,
  manifest: ManifestFile,
  filter: ScanFilter
): boolean =>
  spec.fields.every((field, index) => {
    const summary = manifest.partitions?.[index]
    if (summary === undefined) return true
    if (field.name === 'exchange') {
      return wantedOf(filter.exchange, filter.exchanges).every((any) =>
        any.some((it) => textMayMatch(summary, it))
      )
    }
    return field.name !== 'timestamp_day' || dayMayMatch(summary, filter)
  })

const textMayMatch = (
  { lower_bound: lower, upper_bound: upper }: FieldSummary,
  value: string
): boolean => {
  const bytes = Buffer.from(value, 'utf8')
  if (lower !== null && Buffer.compare(bytes, lower) < 0) return false
  return upper === null || Buffer.compare(bytes, upper) <= 0
}

const dayMayMatch = (
  { lower_bound: lower, upper_bound: upper }: FieldSummary,
  { fromUs, toUs }: ScanFilter
): boolean => {
  if (fromUs !== undefined && upper !== null && Number(decodeValue('date', upper)) < dayOf(fromUs))
    return false
  return (
    toUs === undefined || lower === null || Number(decodeValue('date', lower)) <= dayOf(toUs - 1)
  )
}

/** Iceberg compares text by its UTF-8 bytes. */
const byteOrder = (left: string, right: string): number => {
  if (left === right) return 0
  if (reordered.test(left) || reordered.test(right))
    return Buffer.compare(Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8'))
  return left < right ? -1 : 1
}

/** Only where there is one of these do UTF-16, as texts are compared here, and UTF-8 differ. */
const reordered = /[\ud800-\uffff]/
