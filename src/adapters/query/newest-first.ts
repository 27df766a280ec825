/**
 * The newest rows of many files, reading as few files as the answer needs (R22).
 *
 * 1. Files are read newest first, in groups that grow; each further group is asked only for rows
 *    not older than the n-th row found so far.
 * 2. Reading stops when the n-th row is newer than everything the remaining files can hold; a row
 *    of the same microsecond could still come before it, so equality reads on.
 * 3. The first group is asked for its newest time only, where that should hold the answer: a few
 *    rows are then sorted and read whole, not a file. If it does not, the group is asked again.
 * 4. The answer equals that of reading every file: rows are in one total order, `compareRecords`.
 */
import * as Effect from 'effect/Effect'
import type { ScanFile } from './query-ports.ts'

/** A place in the order of records. */
export interface RecordPosition {
  readonly timestampUs: number
  readonly symbol: string
  readonly sourceSequence: number | null
  readonly messageId: string
}

/** One row: its place in the order, and its text. */
export interface RecordRow extends RecordPosition {
  readonly text: string
}

/** timestamp descending, symbol, source_sequence descending with nulls last, message_id. */
export const recordOrderSql =
  '"timestamp" DESC, "symbol" ASC, "source_sequence" DESC NULLS LAST, "message_id" ASC'

/** The order of `recordOrderSql`; text by its UTF-8 bytes, as DuckDB compares. */
export const compareRecords = (left: RecordPosition, right: RecordPosition): number =>
  right.timestampUs - left.timestampUs ||
  compareUtf8(left.symbol, right.symbol) ||
  compareSequences(left.sourceSequence, right.sourceSequence) ||
  compareUtf8(left.messageId, right.messageId)

/** Reads the newest rows of a group, none older than `floorUs`, in `compareRecords` order. */
export type ReadGroup<E> = (
  files: readonly ScanFile[],
  floorUs: number | undefined
) => Effect.Effect<readonly RecordRow[], E>

export interface NewestFirst {
  readonly rows: readonly RecordRow[]
  readonly filesRead: number
  /** As it was found to be; undefined where nothing was learnt of it. */
  readonly rowsPerMatch: number | undefined
}

export interface Wanted {
  readonly rowsMax: number
  /** About one row of so many meets the filter: how many files are worth reading at first. */
  readonly rowsPerMatch: number
  /** No row is newer; default: unknown. */
  readonly newestUs?: number
  /** Whether (3) is worth a try; not where a filter lets nobody know how many rows meet it. */
  readonly isDense?: boolean
}

export const newestFirst = <E>(
  files: readonly ScanFile[],
  wanted: Wanted,
  read: ReadGroup<E>
): Effect.Effect<NewestFirst, E> =>
  Effect.gen(function* () {
    const { rowsMax, rowsPerMatch } = wanted
    let rows: readonly RecordRow[] = []
    let filesRead = 0
    let found: number | undefined
    let groupFiles = firstGroupFiles(files, rowsMax * rowsPerMatch)
    while (filesRead < files.length) {
      const floorUs = rows.length < rowsMax ? undefined : rows.at(-1)!.timestampUs
      const rest = files.slice(filesRead, filesRead + groupFiles)
      // (2) Files are newest first: when the first of the rest is too old, all of them are.
      if (floorUs !== undefined && rest[0]!.timestampUpperUs < floorUs) break
      const group =
        floorUs === undefined
          ? rest
          : rest.filter(({ timestampUpperUs }) => timestampUpperUs >= floorUs)
      const isFirst = filesRead === 0
      const more = yield* isFirst ? readFirst(group, wanted, read) : read(group, floorUs)
      if (isFirst) found = rowsPerMatchOf(group, more, wanted)
      rows = merge(rows, more, rowsMax)
      filesRead += group.length
      groupFiles = Math.min(groupFiles * groupGrowth, groupFilesMax)
      if (group.length < rest.length) break
    }
    return { rows, filesRead, rowsPerMatch: found }
  })

const groupGrowth = 4
const groupFilesMax = 256
const firstGroupFilesMax = 16

/** As many files as should hold the answer, bounded: a wrong guess costs one more statement. */
const firstGroupFiles = (files: readonly ScanFile[], rowsMin: number): number => {
  let rows = 0
  let count = 0
  while (count < files.length && count < firstGroupFilesMax && rows < rowsMin) {
    rows += files[count++]!.recordCount
  }
  return Math.max(count, 1)
}

/** (3) */
const readFirst = <E>(group: readonly ScanFile[], wanted: Wanted, read: ReadGroup<E>) =>
  Effect.gen(function* () {
    const sinceUs = wanted.isDense === true ? likelyUs(group, wanted) : undefined
    if (sinceUs === undefined) return yield* read(group, undefined)
    const recent = group.filter(({ timestampUpperUs }) => timestampUpperUs >= sinceUs)
    const found = yield* read(recent, sinceUs)
    return found.length < wanted.rowsMax ? yield* read(group, undefined) : found
  })

/** So many times more rows than should be needed: trades come in bursts, symbols differ. */
const likelyMargin = 3
/** Of a group; a larger part is not much cheaper than all of it. */
const likelyShareMax = 0.5

/** Since when the group should hold the wanted rows, were they spread evenly. */
const likelyUs = (
  group: readonly ScanFile[],
  { rowsMax, rowsPerMatch, newestUs = Infinity }: Wanted
): number | undefined => {
  const { rows, lowerUs, upperUs } = extentOf(group)
  const share = (rowsMax * rowsPerMatch * likelyMargin) / rows
  const sinceUs = Math.floor(Math.min(upperUs, newestUs) - (upperUs - lowerUs) * share)
  return share <= likelyShareMax && sinceUs > lowerUs ? sinceUs : undefined
}

/** Rows of the group for each that was found, in the time that they are of. */
const rowsPerMatchOf = (
  group: readonly ScanFile[],
  found: readonly RecordRow[],
  { rowsMax, newestUs = Infinity }: Wanted
): number | undefined => {
  const { rows, lowerUs, upperUs } = extentOf(group)
  const spanUs = upperUs - lowerUs
  if (!Number.isFinite(spanUs) || spanUs <= 0) return undefined
  const fromUs = found.length < rowsMax ? lowerUs : found.at(-1)!.timestampUs
  const share = (Math.min(upperUs, newestUs) - fromUs) / spanUs
  return Math.max(1, (rows * share) / Math.max(1, found.length))
}

const extentOf = (group: readonly ScanFile[]) => ({
  rows: group.reduce((sum, { recordCount }) => sum + recordCount, 0),
  lowerUs: Math.min(...group.map((it) => it.timestampLowerUs)),
  upperUs: Math.max(...group.map((it) => it.timestampUpperUs))
})

const merge = (
  left: readonly RecordRow[],
  right: readonly RecordRow[],
  rowsMax: number
): readonly RecordRow[] =>
  left.length === 0 ? right : [...left, ...right].sort(compareRecords).slice(0, rowsMax)

const compareUtf8 = (left: string, right: string): number =>
  left === right ? 0 : Buffer.compare(Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8'))

const compareSequences = (left: number | null, right: number | null): number => {
  if (left === null || right === null) return Number(left === null) - Number(right === null)
  return right - left
}
