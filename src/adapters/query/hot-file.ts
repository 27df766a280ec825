/**
 * The rows of one file in memory, in the order of records, each with the text that answers have of
 * it.
 *
 * 1. A statement packs some thousand rows of a file into a few blobs. The main thread takes them as
 *    they are, a few milliseconds at a time: rows are made of them when they are found.
 * 2. What is found is what `recordsStatement` finds in the file, in its order, for every filter
 *    that `isSimple` takes.
 */
import * as Effect from 'effect/Effect'
import {
  compareRecords,
  recordOrderSql,
  type RecordPosition,
  type RecordRow
} from './newest-first.ts'
import type { BytesEngine, Cell, ScanFile } from './query-ports.ts'
import { behindSql, positionParameters, type RecordsFilter } from './records-sql.ts'

interface RowsOfFile {
  readonly filter: RecordsFilter
  /** Rows behind this one only. */
  readonly after: RecordPosition | undefined
  readonly rowsMax: number
}

export interface HotFile {
  readonly bytes: number
  /** The first rows of the file that are wanted. */
  readonly newest: (wanted: RowsOfFile) => readonly RecordRow[]
}

/** As what a file is read. */
export interface HotForm {
  /** As that of a lease. */
  readonly source: string
  /** SQL expression: what each row is to have, as text. */
  readonly select: string
}

const simpleConditions: ReadonlySet<string> = new Set([
  'symbols',
  'exchanges',
  'fromUs',
  'toUs'
] satisfies readonly (keyof RecordsFilter)[])

/** (2) */
export const isSimple = (filter: RecordsFilter): boolean =>
  Object.keys(filter).every((name) => simpleConditions.has(name))

/** They are looked for one by one, for each row: a file with more is left where it is. */
const namesMax = 256

/** Of a slice (1). */
const sliceRowsMax = 16_384

/** Undefined where it is not worth it. */
export const packFile = Effect.fnUntraced(function* <E>(
  engine: BytesEngine<E>,
  { path }: Pick<ScanFile, 'path'>,
  { source, select, rowsMax = sliceRowsMax }: HotForm & { readonly rowsMax?: number }
) {
  const parameters = { files: { type: 'texts', value: [path] } } as const
  const namesIn = (column: string) =>
    Effect.map(
      engine.runBytes({
        sql: `SELECT DISTINCT "${column}" FROM ${source} LIMIT ${namesMax + 1}`,
        parameters
      }),
      (rows) => rows.map(([name]) => String(name))
    )
  const symbols = yield* namesIn('symbol')
  const exchanges = yield* namesIn('exchange')
  if (symbols.length > namesMax || exchanges.length > namesMax) return undefined
  const names = { symbols, exchanges }
  const slices: Slice[] = []
  for (let last: RecordPosition | undefined; ; ) {
    const [row = []] = yield* engine.runBytes({
      sql: packSql({ source, select, after: last, rowsMax }),
      parameters: {
        ...parameters,
        ...(last === undefined ? {} : positionParameters(last)),
        symbols: { type: 'texts', value: symbols },
        exchanges: { type: 'texts', value: exchanges }
      }
    })
    const slice = sliceOf(blobsOf(row), names)
    if (slice.times.length > 0) slices.push(slice)
    if (slice.times.length < rowsMax) return hotFileOf(slices)
    last = positionAt(slice, rowsMax - 1)
  }
})

/** Smaller than any sequence: what has none comes last. */
const noSequence = -(2n ** 63n)

/** Big-endian; a hexadecimal number of 16 digits has the value in its last ones. */
const numbers = (value: string, bytes: 2 | 4 | 8): string =>
  `unhex(string_agg(right(lpad(hex((${value})::BIGINT), 16, '0'), ${2 * bytes}), ''))`

const texts = (value: string): string => `encode(string_agg(${value}, ''))`

const packed = {
  times: numbers('epoch_us("timestamp")', 8),
  sequences: numbers(`coalesce("source_sequence", ${noSequence})`, 8),
  symbols: numbers('list_position($symbols, "symbol") - 1', 2),
  exchanges: numbers('list_position($exchanges, "exchange") - 1', 2),
  idLengths: numbers('strlen("message_id")', 4),
  ids: texts('"message_id"'),
  textLengths: numbers('strlen("text")', 4),
  texts: texts('"text"')
} as const

type Blobs = Readonly<Record<keyof typeof packed, Buffer<ArrayBuffer>>>

interface Packed extends HotForm {
  readonly after: RecordPosition | undefined
  readonly rowsMax: number
}

/** (1) One thread runs a statement, so that values are joined in the order of the rows. */
const packSql = ({ source, select, after, rowsMax }: Packed): string =>
  `SELECT ${Object.values(packed).join(', ')}
   FROM (
     SELECT "timestamp", "source_sequence", "symbol", "exchange", "message_id",
       (${select}) AS "text"
     FROM (
       SELECT * FROM ${source} ${after === undefined ? '' : `WHERE ${behindSql(after, '<')}`}
       ORDER BY ${recordOrderSql} LIMIT ${rowsMax}
     ) ORDER BY ${recordOrderSql}
   )`

/** Copies, whose memory begins where numbers may; of a file without rows there is nothing. */
const blobsOf = (row: readonly (Cell | Uint8Array<ArrayBuffer>)[]): Blobs =>
  Object.fromEntries(
    Object.keys(packed).map((name, index) => {
      const cell = row[index]
      return [name, Buffer.from(new Uint8Array(cell instanceof Uint8Array ? cell : []).buffer)]
    })
  ) as Blobs

interface Names {
  readonly symbols: readonly string[]
  readonly exchanges: readonly string[]
}

const hotFileOf = (slices: readonly Slice[]): HotFile => ({
  bytes: slices.reduce((sum, { bytes }) => sum + bytes, 0),
  newest: (wanted) => {
    const found: RecordRow[] = []
    for (const slice of slices) {
      if (found.length >= wanted.rowsMax || slice.times[0]! < (wanted.filter.fromUs ?? -Infinity))
        break
      findIn(slice, wanted, found)
    }
    return found
  }
})

/** Rows that follow each other in the order of records. */
interface Slice {
  readonly bytes: number
  /** Newest first. */
  readonly times: Float64Array
  readonly sequences: BigInt64Array
  readonly symbols: Uint16Array
  readonly exchanges: Uint16Array
  readonly idAt: (row: number) => string
  readonly textAt: (row: number) => string
  readonly names: Names
}

const sliceOf = (blobs: Blobs, names: Names): Slice => ({
  bytes: Object.values(blobs).reduce((sum, { length }) => sum + length, 0),
  times: Float64Array.from(new BigInt64Array(blobs.times.swap64().buffer), Number),
  sequences: new BigInt64Array(blobs.sequences.swap64().buffer),
  symbols: new Uint16Array(blobs.symbols.swap16().buffer),
  exchanges: new Uint16Array(blobs.exchanges.swap16().buffer),
  idAt: textsOf(blobs.ids, new Uint32Array(blobs.idLengths.swap32().buffer)),
  textAt: textsOf(blobs.texts, new Uint32Array(blobs.textLengths.swap32().buffer)),
  names
})

const textsOf = (bytes: Buffer, lengths: Uint32Array) => {
  const ends = new Uint32Array(lengths.length)
  let end = 0
  for (const [row, length] of lengths.entries()) ends[row] = end += length
  return (row: number): string => bytes.toString('utf8', row === 0 ? 0 : ends[row - 1], ends[row])
}

/** (2) */
const findIn = (slice: Slice, { filter, after, rowsMax }: RowsOfFile, found: RecordRow[]): void => {
  const { times, symbols, exchanges, names } = slice
  const { fromUs = -Infinity, toUs = Infinity } = filter
  const isSymbol = names.symbols.map((name) => filter.symbols?.includes(name) ?? true)
  const isExchange = names.exchanges.map((name) => filter.exchanges?.includes(name) ?? true)
  const afterUs = after?.timestampUs ?? Infinity
  let row = firstRow(times, (timeUs) => timeUs < toUs && timeUs <= afterUs)
  for (; row < times.length && found.length < rowsMax; row++) {
    if (times[row]! < fromUs) break
    if (!isSymbol[symbols[row]!]! || !isExchange[exchanges[row]!]!) continue
    const position = positionAt(slice, row)
    if (after !== undefined && compareRecords(position, after) <= 0) continue
    found.push({ ...position, text: slice.textAt(row) })
  }
}

const positionAt = (
  { times, sequences, symbols, idAt, names }: Slice,
  row: number
): RecordPosition => {
  const sequence = sequences[row]!
  return {
    timestampUs: times[row]!,
    symbol: names.symbols[symbols[row]!]!,
    sourceSequence: sequence === noSequence ? null : Number(sequence),
    messageId: idAt(row)
  }
}

/** Of times, newest first, of which the condition holds from some row on. */
const firstRow = (times: Float64Array, holds: (timeUs: number) => boolean): number => {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(times[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
