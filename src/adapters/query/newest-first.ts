/**
 * The newest rows of many files and of the log's tail, reading as few files as the answer needs
 * (R22).
 *
 * 1. Files are read newest first, in groups that grow; each further group is asked only for rows
 *    not older than the n-th row found so far.
 * 2. Reading stops when the n-th row is newer than everything the remaining files can hold; a row
 *    of the same microsecond could still come before it, so equality reads on.
 * 3. What is read first is asked for its newest time only, where that should hold the answer: a few
 *    rows are then sorted and read whole, not a file. If it does not, it is asked for more of it.
 * 4. The answer equals that of reading everything: rows are in one total order, `compareRecords`.
 * 5. The tail, which is in memory and mostly newer than any file, is read before them: what it has
 *    is where (1) begins.
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
type ReadGroup<E> = (
  files: readonly ScanFile[],
  floorUs: number | undefined
) => Effect.Effect<readonly RecordRow[], E>

/** What bounds say of some rows. */
type Extent = Pick<ScanFile, 'recordCount' | 'timestampLowerUs' | 'timestampUpperUs'>

/** Where rows are read from. */
export interface RowSources<E> {
  /** Newest upper bound first. */
  readonly files: readonly ScanFile[]
  readonly read: ReadGroup<E>
  readonly tail?: TailSource<E> | undefined
}

/** Rows that are in no file. */
interface TailSource<E> extends Extent {
  /** Whether (3) would only be one more look. */
  readonly isInMemory: boolean
  /** As `ReadGroup`, of all of them. */
  readonly read: (floorUs: number | undefined) => Effect.Effect<readonly RecordRow[], E>
}

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
  { files, read, tail }: RowSources<E>,
  wanted: Wanted
): Effect.Effect<NewestFirst, E> =>
  Effect.gen(function* () {
    const { rowsMax, rowsPerMatch } = wanted
    // (5)
    let rows: readonly RecordRow[] =
      tail === undefined
        ? []
        : tail.isInMemory
          ? yield* tail.read(undefined)
          : yield* readFirst([tail], { wanted, floorUs: undefined }, (_, from) => tail.read(from))
    let found =
      tail === undefined || rows.length === 0 ? undefined : rowsPerMatchOf([tail], rows, wanted)
    let filesRead = 0
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
      const more = yield* isFirst
        ? readFirst(group, { wanted, floorUs }, read)
        : read(group, floorUs)
      // What a floor has cut off says nothing of what is there.
      if (isFirst && (floorUs === undefined || more.length >= rowsMax))
        found = rowsPerMatchOf(group, more, wanted)
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
const readFirst = <G extends Extent, E>(
  group: readonly G[],
  { wanted, floorUs }: { readonly wanted: Wanted; readonly floorUs: number | undefined },
  read: (
    some: readonly G[],
    from: number | undefined
  ) => Effect.Effect<readonly RecordRow[], E>
) =>
  Effect.gen(function* () {
    for (const margin of wanted.isDense === true ? likelyMargins : []) {
      const sinceUs = likelyUs(group, wanted, margin)
      if (sinceUs === undefined || (floorUs !== undefined && sinceUs <= floorUs)) break
      const recent = group.filter(({ timestampUpperUs }) => timestampUpperUs >= sinceUs)
      const found = yield* read(recent, sinceUs)
      if (found.length >= wanted.rowsMax) return found
    }
    return yield* read(group, floorUs)
  })

/** So many times more rows than should be needed: trades come in bursts, symbols differ. */
const likelyMargins = [3, 24]
/** Of a group; a larger part is not much cheaper than all of it. */
const likelyShareMax = 0.5

/** Since when the group should hold the wanted rows, were they spread evenly. */
const likelyUs = (
  group: readonly Extent[],
  { rowsMax, rowsPerMatch, newestUs = Infinity }: Wanted,
  margin: number
): number | undefined => {
  const { rows, lowerUs, upperUs } = extentOf(group)
  const share = (rowsMax * rowsPerMatch * margin) / rows
  const sinceUs = Math.floor(Math.min(upperUs, newestUs) - (upperUs - lowerUs) * share)
  return share <= likelyShareMax && sinceUs > lowerUs ? sinceUs : undefined
}

/** Rows of the group for each that was found, in the time that they are of. */
const rowsPerMatchOf = (
  group: readonly Extent[],
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

const extentOf = (group: readonly Extent[]) => ({
  rows: group.reduce((sum, { recordCount }) => sum + recordCount, 0),
  lowerUs: Math.min(...group.map((it) => it.timestampLowerUs)),
  upperUs: Math.max(...group.map((it) => it.timestampUpperUs))
})

/** Of rows in order the first ones, in order. */
export const merge = (
  left: readonly RecordRow[],
  right: readonly RecordRow[],
  rowsMax: number
): readonly RecordRow[] =>
  left.length === 0
    ? right
    : right.length === 0
      ? left
      : [...left, ...right].sort(compareRecords).slice(0, rowsMax)

const compareUtf8 = (left: string, right: string): number =>
  left === right ? 0 : Buffer.compare(Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8'))

const compareSequences = (left: number | null, right: number | null): number => {
  if (left === null || right === null) return Number(left === null) - Number(right === null)
  return right - left
}
