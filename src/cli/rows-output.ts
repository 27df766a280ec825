/**
 * Rows of an answer as a table, CSV, JSON as it came, or JSON line by line.
 *
 * 1. Numbers are shown digit by digit, as they came: none passes through a double.
 * 2. CSV and JSON lines have all columns, a table those that fit a screen, or that were asked for.
 */
import { parse, stringify } from 'lossless-json'
import { cellText, csvLine } from '../adapters/http/csv-text.ts'
import { ArgumentsRejected, type CommandIo, type Flag, type Given } from './command-line.ts'

const formats = ['table', 'csv', 'json', 'ndjson'] as const
type Format = (typeof formats)[number]

const formatFlag: Flag = {
  name: '--format',
  value: 'table',
  about: 'table (the preset), csv, json (the answer as it came) or ndjson (a row a line).',
  values: formats
}

export const formatFlags: readonly Flag[] = [
  formatFlag,
  { name: '--csv', about: 'As --format csv.' },
  { name: '--json', about: 'As --format json.' }
]

export const columnsFlag: Flag = {
  name: '--columns',
  value: 'A,B',
  about: 'These columns, in this order, of table, csv and ndjson.'
}

export type Row = Readonly<Record<string, unknown>>

/** JSON with its numbers as they are written. */
export const parseExact = (text: string): unknown => parse(text)

export interface Rows {
  readonly rows: readonly Row[]
  /** Of CSV; absent: as the first row has them. */
  readonly columns?: readonly string[]
  /** Of a table; absent: all. */
  readonly shown?: readonly string[]
}

/** @throws ArgumentsRejected */
export const formatOf = ({ values }: Given): Format => {
  const named = ['csv', 'json'].filter((it) => values.has(`--${it}`))
  const [given = 'table', other] = [...named, ...[values.get(formatFlag.name) ?? []].flat()]
  if (other !== undefined && other !== given)
    throw new ArgumentsRejected(`${given} and ${other} exclude each other: ask for one form`)
  const format = formats.find((it) => it === given)
  if (format !== undefined) return format
  throw new ArgumentsRejected(`--format is ${given}, but must be one of ${formats.join(', ')}`)
}

/**
 * Prints an answer.
 * @param text as it came
 * @throws ArgumentsRejected for a column that there is not
 */
export const printRows = (
  given: Given,
  io: CommandIo,
  { text, ...answer }: Rows & { readonly text: string }
): void => {
  const format = formatOf(given)
  if (format === 'json') {
    io.print(text)
    return
  }
  const { rows } = answer
  const all = answer.columns ?? Object.keys(rows[0] ?? {})
  const columns =
    askedColumns(given, all, rows.length > 0) ??
    (format === 'table' ? (answer.shown ?? all) : all)
  if (format === 'ndjson') {
    for (const row of rows) {
      io.print(stringify(Object.fromEntries(columns.map((name) => [name, row[name]]))) ?? '')
    }
    return
  }
  const lines = [columns, ...rows.map((row) => columns.map((name) => cellText(row[name])))]
  // Of no row, nothing tells the columns.
  if (columns.length === 0) return
  if (format === 'csv') for (const line of lines) io.print(csvLine(line))
  else printTable(io, lines)
}

/** On the side of complaints: rows may go into a file or a pipe. */
export const tellMissing = (io: CommandIo, missing: readonly string[] | undefined): void => {
  for (const what of missing ?? []) io.complain(`missing: ${what}`)
}

const askedColumns = (
  { values }: Given,
  known: readonly string[],
  isKnown: boolean
): readonly string[] | undefined => {
  const asked = values.get(columnsFlag.name)?.split(',')
  const unknown = isKnown ? (asked ?? []).filter((name) => !known.includes(name)) : []
  if (unknown.length === 0) return asked
  throw new ArgumentsRejected(
    `--columns: there is no ${unknown.join(', ')}; columns are ${known.join(', ')}`
  )
}

/** Cells in columns of their own width. */
export const printTable = (io: CommandIo, lines: readonly (readonly string[])[]): void => {
  const widths = (lines[0] ?? []).map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]!.length), 0)
  )
  for (const line of lines)
    io.print(line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
}
