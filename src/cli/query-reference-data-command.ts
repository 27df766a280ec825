/** `npm run k2 -- query reference-data`: what a running K2 answers, newest version each (R49). */
import * as Schema from 'effect/Schema'
import { answerFromApi, type ApiAnswer, apiExitCodes, urlFlag } from './ask-api.ts'
import type { Command, CommandIo, Given } from './command-line.ts'

/** Flags that are parameters of the route. */
const filters = [
  { name: '--company', value: 'BTCUSDT', about: "Only this one, by the source's own id." },
  { name: '--ticker', value: 'BTCUSDT', about: "Only those whose newest symbol is this." },
  { name: '--exchange', value: 'binance', about: 'Only those of this exchange.' },
  { name: '--limit', value: 'N', about: 'At most so many (preset 100).' }
] as const

export const queryReferenceDataCommand: Command = {
  name: 'query reference-data',
  about: 'Print the newest version of each listed company or pair, from a running K2.',
  flags: [
    urlFlag,
    ...filters,
    { name: '--json', about: 'Print the answer of the API as it is; else a line for each.' }
  ],
  examples: ['npm run k2 -- query reference-data --ticker BTCUSDT'],
  exitCodes: { 0: 'answered', ...apiExitCodes },
  run: (given, io) =>
    answerFromApi(given, io, {
      path: '/v1/reference-data',
      filters,
      decode: decodeAnswer,
      tell: (answered) => tell(given, answered, io)
    })
}

const tell = (
  { values }: Given,
  { text, answer }: ApiAnswer<ReturnType<typeof decodeAnswer>>,
  io: CommandIo
): void => {
  if (values.has('--json')) {
    io.print(text)
    return
  }
  for (const row of answer.data) {
    const { exchange, company_id: company, symbol, company_name: name, currency, is_active } = row
    const state = is_active ? 'active' : 'inactive'
    io.print([exchange, company, symbol, name, currency ?? '-', state].join('\t'))
  }
}

const decodeAnswer = Schema.decodeUnknownSync(
  Schema.Struct({
    data: Schema.Array(
      Schema.Struct({
        exchange: Schema.String,
        company_id: Schema.String,
        symbol: Schema.String,
        company_name: Schema.String,
        currency: Schema.NullOr(Schema.String),
        is_active: Schema.Boolean
      })
    )
  })
)
