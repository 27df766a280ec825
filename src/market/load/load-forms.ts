/**
 * Forms of CSV files: how a file is told to be of one, and how its rows are read.
 *
 * 1. A file's first line tells its form: the names of columns, or a row of a raw file, which has no
 *    header.
 * 2. A row is what it says, or a `RowRejected`.
 */
import type { LoadSource } from './load-source.ts'
import { RowFields } from './row-fields.ts'
import { utcOf } from './zoned-time.ts'

/** @throws RowRejected */
export type ReadRow<R> = (fields: readonly string[]) => R

interface FoundForm<R> {
  /** For people. */
  readonly name: string
  readonly hasHeader: boolean
  /** Whether the rows name their symbol. */
  readonly namesSymbol: boolean
  readonly reader: (source: LoadSource, ingestionUs: number) => ReadRow<R>
}

export interface LoadForms<R> {
  /** The form of a file whose first line is given; undefined if it has none. */
  readonly of: (first: readonly string[]) => FoundForm<R> | undefined
  /** For people: the columns of each form. */
  readonly wanted: string
}

export interface FormSpec<R> {
  readonly name: string
  readonly required: readonly string[]
  readonly optional: readonly string[]
  readonly namesSymbol: boolean
  /** Of a form that may come without a header, by the columns of `required`. */
  readonly isBareRow?: (first: readonly string[]) => boolean
  readonly read: (fields: RowFields, context: ReadContext) => R
}

export interface ReadContext {
  readonly source: LoadSource
  readonly toUtc: ReturnType<typeof utcOf>
  readonly ingestionUs: number
}

export const formsOf = <R>(specs: readonly FormSpec<R>[]): LoadForms<R> => ({
  wanted: specs.map(({ required }) => required.join(',')).join(' or '),
  of(first) {
    for (const spec of specs) {
      const { name, required, namesSymbol, isBareRow } = spec
      // Letters aside: an ASX file with a header says Date or date.
      const known = new Map([...required, ...spec.optional].map((it) => [it.toLowerCase(), it]))
      const columns = first.map((it) => known.get(it.trim().toLowerCase()) ?? it.trim())
      const hasHeader = required.every((it) => columns.includes(it))
      if (!hasHeader && isBareRow?.(first) !== true) continue
      const reader = (source: LoadSource, ingestionUs: number): ReadRow<R> => {
        const context = { source, ingestionUs, toUtc: utcOf(source.timeZone) }
        const fields = new RowFields(hasHeader ? columns : required)
        return (row) => spec.read(fields.of(row), context)
      }
      return { name, hasHeader, namesSymbol, reader }
    }
    return undefined
  }
})
