/**
 * `npm run k2 -- sql 'SELECT …'`: one SELECT, over the data folder or by a running K2. Numbers are
 * shown digit by digit, as they came.
 */
import { answerFromApi, readExitCodes, urlOrFolderFlag } from './ask-api.ts'
import { ArgumentsRejected, type Command, type Given } from './command-line.ts'
import {
  formatFlags,
  formatOf,
  parseExact,
  printRows,
  type Row,
  tellMissing
} from './rows-output.ts'

export const sqlCommand: Command = {
  name: 'sql',
  about: 'One SELECT over trades, quotes, candles, gaps, snapshots and reference_data.',
  operands: "'SELECT …'",
  flags: [
    urlOrFolderFlag,
    ...formatFlags,
    { name: '--limit', value: 'N', about: 'At most so many rows (preset 1000).' }
  ],
  notes: [
    'candles are of minutes, as /v1/candles has them: the newest 20,000 in all; what a statement ' +
      'lacks is told on standard error.'
  ],
  examples: [
    `npm run k2 -- sql 'SELECT symbol, count(*) AS n FROM trades GROUP BY symbol'`,
    `npm run k2 -- sql 'DESCRIBE trades' --format csv`,
    `npm run k2 -- sql "SELECT max(high_price) FROM candles WHERE symbol = 'BTCUSDT'"`
  ],
  exitCodes: readExitCodes,
  run: async (given, io) => {
    formatOf(given)
    return answerFromApi(given, io, {
      method: 'POST',
      path: '/v1/sql',
      asks: 'folder',
      body: bodyOf(given),
      msMax: answerMsMax,
      decode: () => undefined,
      tell: ({ text }) => {
        const { data, meta } = parseExact(text) as Answer
        const columns = meta.columns.map(({ name }) => name)
        printRows(given, io, { text, rows: data, columns })
        if (meta.hint !== undefined) io.complain(meta.hint)
        tellMissing(io, meta.missing)
      }
    })
  }
}

/** A statement may take as long as K2_QUERY_TIMEOUT lets it. */
const answerMsMax = 600_000

/** @throws ArgumentsRejected */
const bodyOf = ({ values, operands: [sql, ...rest] = [] }: Given): string => {
  const limit = values.get('--limit')
  if (sql === undefined)
    throw new ArgumentsRejected(`give one statement, for example ${sqlCommand.examples[0]}`)
  if (rest.length > 0)
    throw new ArgumentsRejected(`${rest.join(' ')} is too much: give one statement, in quotes`)
  if (limit !== undefined && !/^\d{1,9}$/.test(limit))
    throw new ArgumentsRejected(`--limit is ${limit}, but must be a whole number`)
  return JSON.stringify({ sql, ...(limit === undefined ? {} : { limit: Number(limit) }) })
}

interface Answer {
  readonly data: readonly Row[]
  readonly meta: {
    readonly columns: ReadonlyArray<{ readonly name: string; readonly type: string }>
    readonly hint?: string
    readonly missing?: readonly string[]
  }
}
