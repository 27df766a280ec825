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
interface FileBounds extends Place {
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
}

/** What files of a table are alike in, but for time. */
interface Place {
  readonly symbolLower: string | null
  readonly symbolUpper: string | null
  readonly exchange: string | null
}

/** Files that may hold a row, in their order. */
export type FileIndex<F> = (filter: ScanFilter) => readonly F[]

/**
 * Of files that are filtered again and again: what is asked of each lies side by side in memory,
 * and what thousands of them have in common is asked once.
 *
 * @param files newest upper bound of time first
 */
export const indexOfFiles = <F extends FileBounds>(files: readonly F[]): FileIndex<F> => {
  const uppersUs = Float64Array.from(files, ({ timestampUpperUs }) => timestampUpperUs)
  const lowersUs = Float64Array.from(files, ({ timestampLowerUs }) => timestampLowerUs)
  const places: Place[] = []
  const codes = new Map<string, number>()
  const placeOf = Uint32Array.from(files, (file) => {
    const key = JSON.stringify([file.exchange, file.symbolLower, file.symbolUpper])
    const code = codes.get(key) ?? places.push(file) - 1
    codes.set(key, code)
    return code
  })
  return (filter) => {
    const { fromUs = -Infinity, toUs = Infinity } = filter
    const holds = places.map(placeMatcher(filter))
    const found: F[] = []
    for (let index = 0; index < files.length && uppersUs[index]! >= fromUs; index += 1) {
      if (lowersUs[index]! < toUs && holds[placeOf[index]!]!) found.push(files[index]!)
    }
    return found
  }
}

const placeMatcher = (filter: ScanFilter): ((place: Place) => boolean) => {
  const exchanges = wantedOf(filter.exchange, filter.exchanges)
  const symbols = wantedOf(filter.symbol, filter.symbols)
  return (place) =>
    exchanges.every((any) => place.exchange === null || any.includes(place.exchange)) &&
    symbols.every((any) => any.some((symbol) => isWithin(symbol, place)))
}

/** (2) One of each list. */
const wantedOf = (
  one: string | undefined,
  several: readonly string[] | undefined
): readonly (readonly string[])[] => [
  ...(one === undefined ? [] : [[one]]),
  ...(several === undefined ? [] : [several])
]

const isWithin = (symbol: string, { symbolLower, symbolUpper }: Place): boolean =>
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
