/** Asks the API of a running K2 on behalf of a command. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { CommandIo, Flag, Given } from './command-line.ts'

export const urlFlag: Flag = {
  name: '--url',
  value: 'URL',
  about: 'Of that K2; unless told, the one of the settings.'
}

const answerMsMax = 30_000
export const apiExitCodes = { 2: 'K2 does not answer, or refuses' }

/** The API cannot be asked, or does not like what it was asked. */
class QueryFailed extends Schema.TaggedError<QueryFailed>()('QueryFailed', {
  url: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.url}: ${this.detail}`
  }
}

export interface ApiAnswer<A> {
  /** As it came. */
  readonly text: string
  readonly answer: A
}

interface ApiRoute<A> {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** Flags that are parameters of the route. */
  readonly filters?: readonly Flag[]
  /** JSON. */
  readonly body?: string
  /** Why something is changed, for the log of that K2. */
  readonly reason?: string | undefined
  /** How long an answer is waited for. */
  readonly msMax?: number
  /** May throw. */
  readonly decode: (json: unknown) => A
}

/** Exit code of the command: what the answer means, 0 unless told, or 2. */
export const answerFromApi = <A>(
  given: Given,
  io: CommandIo,
  {
    tell,
    exitCodeOf = () => 0,
    ...route
  }: ApiRoute<A> & {
    readonly tell: (answered: ApiAnswer<A>) => void
    readonly exitCodeOf?: (answer: A) => number
  }
): Promise<number> =>
  Effect.runPromise(
    Effect.match(askApi(given, route), {
      onSuccess: (answered) => {
        tell(answered)
        return exitCodeOf(answered.answer)
      },
      onFailure: ({ message }) => {
        io.complain(message)
        return 2
      }
    })
  )

const askApi = <A>(
  { config, values }: Given,
  { method = 'GET', path, filters = [], body, reason, msMax = answerMsMax, decode }: ApiRoute<A>
): Effect.Effect<ApiAnswer<A>, QueryFailed> => {
  const base = values.get(urlFlag.name) ?? `http://127.0.0.1:${config.httpPort}`
  return Effect.tryPromise({
    try: async (signal) => {
      const url = new URL(path, base)
      for (const { name } of filters) {
        const value = values.get(name)
        if (value !== undefined) url.searchParams.set(name.slice(2), value)
      }
      const key = config.apiKey ?? config.apiKeys.find(({ secret }) => secret)?.secret
      const response = await fetch(url, {
        method,
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(msMax)]),
        headers: {
          // What changes something is taken with it only (R50).
          ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
          ...(reason === undefined ? {} : { 'x-reason': reason }),
          ...(key === undefined ? {} : { 'x-api-key': key.reveal() })
        }
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`HTTP ${response.status}: ${text}`)
      return { text, answer: decode(JSON.parse(text)) }
    },
    catch: (error) => {
      const { message, cause } = error as Error
      const detail = cause instanceof Error ? `${message}: ${cause.message}` : message
      return new QueryFailed({ url: base, detail })
    }
  })
}
