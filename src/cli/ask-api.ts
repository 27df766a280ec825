/** Asks the API of a running K2 on behalf of a command: its flags are the route's parameters. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Flag, Given } from './command-line.ts'

export const urlFlag: Flag = {
  name: '--url',
  value: 'URL',
  about: 'Of that K2; unless told, the one of the settings.'
}

const answerMsMax = 30_000

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
  readonly path: string
  /** Flags that are parameters of the route. */
  readonly filters: readonly Flag[]
  /** May throw. */
  readonly decode: (json: unknown) => A
}

export const askApi = <A>(
  { config, values }: Given,
  { path, filters, decode }: ApiRoute<A>
): Effect.Effect<ApiAnswer<A>, QueryFailed> => {
  const base = values.get(urlFlag.name) ?? `http://127.0.0.1:${config.httpPort}`
  return Effect.tryPromise({
    try: async (signal) => {
      const url = new URL(path, base)
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
      return { text, answer: decode(JSON.parse(text)) }
    },
    catch: (error) => {
      const { message, cause } = error as Error
      const detail = cause instanceof Error ? `${message}: ${cause.message}` : message
      return new QueryFailed({ url: base, detail })
    }
  })
}
