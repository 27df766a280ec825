/** `npm run k2 -- query reference-data`: what a running K2 answers, newest version each (R49). */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Command, CommandIo, Given } from './command-line.ts'

const urlFlag = '--url'
const answerMsMax = 30_000
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
    { name: urlFlag, value: 'URL', about: 'Of that K2; unless told, the one of the settings.' },
    ...filters,
    { name: '--json', about: 'Print the answer of the API as it is; else a line for each.' }
  ],
  examples: ['npm run k2 -- query reference-data --ticker BTCUSDT'],
  exitCodes: { 0: 'answered', 2: 'K2 does not answer, or refuses' },
  run: (given, io) =>
    Effect.runPromise(
      Effect.match(ask(given), {
        onSuccess: (answer) => tell(given, answer, io),
        onFailure: ({ message }) => {
          io.complain(message)
          return 2
        }
      })
    )
}

/** The API cannot be asked, or does not like what it was asked. */
class QueryFailed extends Schema.TaggedError<QueryFailed>()('QueryFailed', {
  url: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.url}: ${this.detail}`
  }
}

const ask = ({ config, values }: Given): Effect.Effect<Answer, QueryFailed> => {
  const base = values.get(urlFlag) ?? `http://127.0.0.1:${config.httpPort}`
  return Effect.tryPromise({
    try: async (signal) => {
      const url = new URL('/v1/reference-data', base)
      for (const { name } of filters) {
        const value = values.get(name)
        if (value !== undefined) url.searchParams.set(name.slice(2), value)
      }
      const key = config.apiKeys[0]
      const response = await fetch(url, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
        headers: key === undefined ? {} : { 'x-api-key': key.reveal() }
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`HTTP ${response.status}: ${text}`)
      return { text, rows: decodeAnswer(JSON.parse(text)).data }
    },
    catch: (error) => {
      const { message, cause } = error as Error
      const detail = cause instanceof Error ? `${message}: ${cause.message}` : message
      return new QueryFailed({ url: base, detail })
    }
  })
}

const tell = ({ values }: Given, { text, rows }: Answer, io: CommandIo): number => {
  if (values.has('--json')) {
    io.print(text)
    return 0
  }
  for (const row of rows) {
    const { exchange, company_id: company, symbol, company_name: name, currency, is_active } = row
    const state = is_active ? 'active' : 'inactive'
    io.print([exchange, company, symbol, name, currency ?? '-', state].join('\t'))
  }
  return 0
}

interface Answer {
  readonly text: string
  readonly rows: ReturnType<typeof decodeAnswer>['data']
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
