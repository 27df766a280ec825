/**
 * Records of the rows of a file, by the identity that its data type gives them.
 *
 * 1. A record of a source without ids is `{EXCHANGE}:{symbol}:{load}-{n}`: `load` is of the file's
 *    content, `n` counts the file's accepted rows of the symbol from 1 (R26). The same content is
 *    the same load, whatever the file's name; one byte more is another.
 * 2. Of reference data a row is a version of its company, and a record if it says something else
 *    than the version that holds (R49).
 * 3. A row that the table is known to have makes no record.
 */
import { createHash } from 'node:crypto'
import type { RowContent } from '../../market/load/row-forms.ts'
import { RowRejected } from '../../market/load/row-fields.ts'
import type { ReferenceDataV2 } from '../../market/records/reference-data-v2.ts'
import {
  type ReferenceContent,
  referenceRecord,
  versionOf
} from '../../market/reference-data.ts'
import type { SymbolSequence } from '../../market/sequence.ts'

export interface RowRecords<R, A> {
  /** Undefined where the table has the row (3). @throws RowRejected */
  readonly recordOf: (row: R, line: number) => KeyedRecord<A> | undefined
  /** Loads of the same symbols that the table has besides. */
  readonly otherLoads: () => readonly string[]
}

export interface KeyedRecord<A> {
  /** In the log. */
  readonly key: string
  readonly record: A
}

export interface LoadFacts {
  readonly exchange: string
  readonly load: string
  /** Of the table, by the key of the state. */
  readonly sequences: Readonly<Record<string, SymbolSequence>>
}

export interface RecordIds {
  readonly messageId: string
  /** `trade_id` or `quote_id`. */
  readonly ownId: string
  readonly sequence: number
}

/** (1) */
export const numberedRecords =
  <A>(recordOf: (content: RowContent<A>['content'], ids: RecordIds) => A) =>
  (file: LoadFacts): RowRecords<RowContent<A>, A> => {
    const numbers = new Map<string, Numbers>()
    return {
      recordOf: (row) => {
        const ids = idsOf(row, file, numbers)
        return ids && { key: row.symbol, record: recordOf(row.content, ids) }
      },
      otherLoads: () => otherLoads(file, numbers)
    }
  }

/** Rows of a symbol that were numbered, and up to which the table has them. */
interface Numbers {
  last: number
  readonly landed: number
}

const idsOf = <A>(
  { symbol, nativeId, nativeName }: RowContent<A>,
  { exchange, load, sequences }: LoadFacts,
  numbers: Map<string, Numbers>
): RecordIds | undefined => {
  const own = `${exchange}:${symbol}`
  if (nativeId !== null) {
    const ownId = nativeName ?? `${exchange}-${nativeId}`
    return { messageId: `${own}:${nativeId}`, ownId, sequence: nativeId }
  }
  let ofSymbol = numbers.get(symbol)
  if (ofSymbol === undefined) {
    ofSymbol = { last: 0, landed: highOf(sequences[`${own}:${load}`]) }
    numbers.set(symbol, ofSymbol)
  }
  const n = ++ofSymbol.last
  return n <= ofSymbol.landed
    ? undefined
    : { messageId: `${own}:${load}-${n}`, ownId: `${exchange}-${load}-${n}`, sequence: n }
}

/** The table has a load's rows in order, so that up to its newest it has them all. */
const highOf = (sequence: SymbolSequence | undefined): number => sequence?.epochs.at(-1)?.high ?? 0

const otherLoads = (
  { exchange, load, sequences }: LoadFacts,
  numbers: ReadonlyMap<string, Numbers>
): readonly string[] =>
  [...numbers.keys()].flatMap((symbol) => {
    const begin = `${exchange}:${symbol}:`
    return Object.keys(sequences)
      .filter((key) => key.startsWith(begin) && key !== `${begin}${load}`)
      .map((key) => key.slice(begin.length))
  })

/** (2) A file says one thing of a company: of a second row of it nobody knows which one holds. */
export const versionedRecords =
  (nowUs: () => number) =>
  ({ exchange, sequences }: LoadFacts): RowRecords<ReferenceContent, ReferenceDataV2> => {
    const lineOf = new Map<string, number>()
    return {
      recordOf: (content, line) => {
        const { company_id: key } = content
        const earlier = lineOf.get(key)
        if (earlier !== undefined)
          throw new RowRejected(`company_id ${key} stands in row ${earlier} already`)
        lineOf.set(key, line)
        const version = versionOf(content, sha256)
        const holds = sequences[`${exchange}:${key}`]?.epochs[0]
        if (holds?.high === Number.parseInt(version, 16)) return undefined
        // Times of a company ascend, whatever the clock does.
        const ingestionUs = Math.max(nowUs(), (holds?.newestUs ?? 0) + 1)
        return { key, record: referenceRecord(content, version, ingestionUs) }
      },
      otherLoads: () => []
    }
  }

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
