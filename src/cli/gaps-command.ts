/** `npm run k2 -- gaps`: the gap ledger, of the data folder or of a running K2. */
import * as Schema from 'effect/Schema'
import { answerFromApi, type ApiAnswer, readExitCodes, urlOrFolderFlag } from './ask-api.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import {
  formatFlags,
  formatOf,
  parseExact,
  printRows,
  printTable,
  type Row
} from './rows-output.ts'

/** Flags that are parameters of the route. */
const filters = [
  { name: '--state', value: 'open', about: 'open (the preset), closed or all.' },
  { name: '--exchange', value: 'binance', about: 'Only those of this exchange.' },
  { name: '--symbol', value: 'BTCUSDT', about: 'Only those of this symbol.' },
  { name: '--reason', value: 'shed', about: 'Only those that are missing for this reason.' },
  { name: '--limit', value: 'N', about: 'At most so many (preset 100).' }
] as const

export const gapsCommand: Command = {
  name: 'gaps',
  about: 'List the trades that are missing, and why.',
  flags: [urlOrFolderFlag, ...filters, ...formatFlags],
  examples: ['npm run k2 -- gaps', 'npm run k2 -- gaps --state all --symbol BTCUSDT --format csv'],
  exitCodes: readExitCodes,
  run: async (given, io) => {
    formatOf(given)
    return answerFromApi(given, io, {
      path: '/v1/gaps',
      asks: 'folder',
      filters,
      decode: decodeAnswer,
      tell: (answered) => tell(given, answered, io)
    })
  }
}

const tell = (
  given: Given,
  { text, answer: { data, meta, pagination } }: ApiAnswer<Answer>,
  io: CommandIo
): void => {
  if (formatOf(given) !== 'table') {
    const { data: rows } = parseExact(text) as { readonly data: readonly Row[] }
    printRows(given, io, { text, rows })
    return
  }
  if (data.length > 0) printTable(io, [header, ...data.map(lineOf)])
  if (pagination.has_more) io.print(`… and more: --limit ${2 * data.length}`)
  const { open_gaps: gaps, open_trades: trades } = meta
  io.print(gaps === 0 ? 'no open gap' : `${gaps} open, ${trades} trades missing`)
}

const header = ['exchange', 'symbol', 'ids', 'count', 'reason', 'state', 'between', 'since']

const lineOf = (gap: Answer['data'][number]): readonly string[] => {
  const epoch = gap.epoch === 0 ? '' : `${gap.epoch}.`
  const ids = gap.from_id === null ? `(${gap.data_type})` : `${epoch}${gap.from_id}-${gap.to_id}`
  const state = gap.closed_reason === null ? gap.state : `${gap.state}: ${gap.closed_reason}`
  const between = `${gap.after_time ?? '?'} ${gap.before_time ?? '?'}`
  const { exchange, symbol, count, reason, opened_at: since } = gap
  return [exchange, symbol, ids, String(count), reason, state, between, since]
}

type Answer = ReturnType<typeof decodeAnswer>

const decodeAnswer = Schema.decodeUnknownSync(
  Schema.Struct({
    data: Schema.Array(
      Schema.Struct({
        exchange: Schema.String,
        symbol: Schema.String,
        data_type: Schema.String,
        state: Schema.String,
        reason: Schema.String,
        epoch: Schema.Number,
        from_id: Schema.NullOr(Schema.Number),
        to_id: Schema.NullOr(Schema.Number),
        count: Schema.Number,
        after_time: Schema.NullOr(Schema.String),
        before_time: Schema.NullOr(Schema.String),
        opened_at: Schema.String,
        closed_reason: Schema.NullOr(Schema.String)
      })
    ),
    pagination: Schema.Struct({ has_more: Schema.Boolean }),
    meta: Schema.Struct({ open_gaps: Schema.Number, open_trades: Schema.Number })
  })
)
