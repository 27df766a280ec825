/**
 * `npm run k2 -- sql 'SELECT …'`: one SELECT, answered by a running K2. Numbers are shown digit by
 * digit, as they came.
 */
import { LosslessNumber, parse, stringify } from 'lossless-json'
import { answerFromApi, type ApiAnswer, apiExitCodes, urlFlag } from './ask-api.ts'
import type { Command, CommandIo, Given } from './command-line.ts'

const formats = ['table', 'json', 'csv'] as const

export const sqlCommand: Command = {
  name: 'sql',
  about: 'Ask a running K2 one SELECT over trades, quotes, gaps, snapshots and reference_data.',
  operands: "'SELECT …'",
  flags: [
    urlFlag,
    { name: '--format', value: 'table', about: 'table (the preset), json (as it came) or csv.' },
    { name: '--limit', value: 'N', about: 'At most so many rows (preset 1000).' }
  ],
  examples: [
    `npm run k2 -- sql 'SELECT symbol, count(*) AS n FROM trades GROUP BY symbol'`,
    `npm run k2 -- sql 'DESCRIBE trades' --format csv`
  ],
  exitCodes: { 0: 'answered', ...apiExitCodes },
  run: (given, io) => {
    const { values, operands: [sql, ...rest] = [] } = given
    const format = values.get('--format') ?? 'table'
    const limit = values.get('--limit')
    const fault =
      sql === undefined
        ? `give one statement, for example ${sqlCommand.examples[0]}`
        : rest.length > 0
          ? `${rest.join(' ')} is too much: give one statement, in quotes`
        : !formats.some((it) => it === format)
          ? `--format is ${format}, but must be one of ${formats.join(', ')}`
          : limit !== undefined && !/^\d{1,9}$/.test(limit)
            ? `--limit is ${limit}, but must be a whole number`
            : undefined
    if (fault !== undefined) {
      io.complain(fault)
      return Promise.resolve(2)
    }
    return answerFromApi(given, io, {
      method: 'POST',
      path: '/v1/sql',
      body: JSON.stringify({ sql, ...(limit === undefined ? {} : { limit: Number(limit) }) }),
      msMax: answerMsMax,
      decode: () => undefined,
      tell: (answered) => tell(given, answered, io)
    })
  }
}

/** A statement may take as long as K2_QUERY_TIMEOUT lets it. */
const answerMsMax = 600_000

interface Answer {
  readonly data: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly meta: {
    readonly columns: ReadonlyArray<{ readonly name: string; readonly type: string }>
    readonly hint?: string
    readonly missing?: readonly string[]
  }
}

const tell = ({ values }: Given, { text }: ApiAnswer<undefined>, io: CommandIo): void => {
  const format = values.get('--format')
  if (format === 'json') {
    io.print(text)
    return
  }
  const { data, meta } = parse(text) as Answer
  const names = meta.columns.map(({ name }) => name)
  const lines = [names, ...data.map((row) => names.map((name) => cellText(row[name])))]
  if (format === 'csv') {
    for (const line of lines) io.print(line.map(csvCell).join(','))
  } else {
    const widths = names.map((_, column) =>
      lines.reduce((widest, line) => Math.max(widest, line[column]!.length), 0)
    )
    for (const line of lines)
      io.print(line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd())
  }
  for (const note of [meta.hint, ...(meta.missing ?? [])]) if (note !== undefined) io.complain(note)
}

const cellText = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  return value instanceof LosslessNumber ? value.toString() : (stringify(value) ?? '')
}

const csvCell = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
