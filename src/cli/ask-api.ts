/**
 * Asks the API on behalf of a command: of a running K2, or over the data folder, in this process.
 *
 * 1. A command that reads data asks the folder unless `--url` names a K2; one that is about a
 *    running K2 asks that of the settings.
 * 2. An answer that is not what was asked for ends the command with 2, and is told.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import type { CommandIo, Flag, Given } from './command-line.ts'
import { version } from './version.ts'

export const urlFlag: Flag = {
  name: '--url',
  value: 'URL',
  about: 'Of that K2; unless told, the one of the settings.'
}

/** Of commands that need no K2 that runs. */
export const urlOrFolderFlag: Flag = {
  name: '--url',
  value: 'URL',
  about: 'Ask the K2 that runs there. Unless told, the data folder is read: what has landed.'
}

const answerMsMax = 30_000
export const apiExitCodes = { 2: 'K2 does not answer, or refuses' }
export const readExitCodes = {
  0: 'answered',
  2: 'the folder cannot be read, K2 does not answer, or the question is refused'
}

/** The API cannot be asked, or does not like what it was asked. */
class QueryFailed extends Schema.TaggedError<QueryFailed>()('QueryFailed', {
  asked: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.asked}: ${this.detail}`
  }
}

export interface ApiAnswer<A> {
  /** As it came. */
  readonly text: string
  readonly answer: A
}

interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** Flags that are parameters of the route. */
  readonly filters?: readonly (Flag & { readonly parameter?: string })[]
  /** Further parameters. */
  readonly parameters?: Readonly<Record<string, string>>
  /** JSON. */
  readonly body?: string
  /** Why something is changed, for the log of that K2. */
  readonly reason?: string | undefined
  /** How long an answer is waited for. */
  readonly msMax?: number
  /** Who is asked where `--url` is not given; a running K2 unless told. */
  readonly asks?: 'server' | 'folder'
}

interface ApiRoute<A> extends ApiRequest {
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
  runCommand(
    io,
    Effect.map(askApi(given, io, route), (answered) => {
      tell(answered)
      return exitCodeOf(answered.answer)
    })
  )

/** The exit code of a program: what it says, or 2 once its failure is told. */
export const runCommand = (
  io: CommandIo,
  program: Effect.Effect<number, { readonly message: string }, Scope.Scope>
): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(program).pipe(
      Effect.catch(({ message }) =>
        Effect.sync(() => {
          io.complain(message)
          return 2
        })
      )
    )
  )

const askApi = <A>(
  given: Given,
  io: CommandIo,
  { decode, ...request }: ApiRoute<A>
): Effect.Effect<ApiAnswer<A>, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const asked = yield* openApi(given, io, request.asks)
    const response = yield* askFor(asked, request, given)
    return yield* attempt(asked, async () => {
      const text = await response.text()
      return { text, answer: decode(JSON.parse(text)) }
    })
  })

/** The answer while it comes: whoever reads it says what is wrong with its end. */
export const openAnswer = (
  given: Given,
  io: CommandIo,
  request: ApiRequest
): Effect.Effect<Response, { readonly message: string }, Scope.Scope> =>
  Effect.flatMap(openApi(given, io, request.asks), (asked) => askFor(asked, request, given))

interface AskedApi {
  /** For messages. */
  readonly name: string
  readonly base: string
  /** It is this process that answers. */
  readonly isFolder: boolean
  readonly send: (request: Request) => Promise<Response>
}

const openApi = (
  { config, values }: Given,
  io: CommandIo,
  asks: 'server' | 'folder' = 'server'
): Effect.Effect<AskedApi, { readonly message: string }, Scope.Scope> => {
  const url = values.get(urlFlag.name)
  if (asks === 'server' || url !== undefined) {
    const base = url ?? `http://127.0.0.1:${config.httpPort}`
    if (!/^https?:/.test(base) || !URL.canParse(base)) {
      const detail = 'is no address of a K2, such as http://127.0.0.1:8000'
      return Effect.fail(new QueryFailed({ asked: base, detail }))
    }
    return Effect.succeed({ name: base, base, isFolder: false, send: fetch })
  }
  return Effect.gen(function* () {
    const { openLocalApi } = yield* loadLocalApi
    const { request: send } = yield* openLocalApi({
      config,
      version,
      run: (effect, options) => Effect.runPromiseExit(effect, options),
      complain: (line) => io.complain(line.trimEnd())
    })
    return { name: config.dataDir, base: 'http://127.0.0.1', isFolder: true, send }
  })
}

// Loaded only where it is used: who asks a running K2 needs no DuckDB.
const loadLocalApi = Effect.promise(() => import('../actors/reading/local-api.ts'))

const askFor = (
  asked: AskedApi,
  { method = 'GET', path, filters = [], parameters = {}, body, reason, msMax }: ApiRequest,
  { config, values }: Given
): Effect.Effect<Response, QueryFailed> =>
  attempt(asked, async (signal) => {
    const url = new URL(path, asked.base)
    for (const { name, parameter = name.slice(2) } of filters) {
      const value = values.get(name)
      if (value !== undefined) url.searchParams.set(parameter, value)
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    const key = config.apiKey ?? config.apiKeys.find(({ secret }) => secret)?.secret
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new Error(`no answer within ${msMax ?? answerMsMax} ms`)),
      msMax ?? answerMsMax
    )
    const request = new Request(url, {
      method,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([signal, late.signal]),
      headers: {
        // What changes something is taken with it only (R50).
        ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
        ...(reason === undefined ? {} : { 'x-reason': reason }),
        ...(key === undefined ? {} : { 'x-api-key': key.reveal() })
      }
    })
    const response = await asked.send(request).finally(() => clearTimeout(timer))
    if (!response.ok) {
      const refusal = refusalText(await response.text(), filters)
      throw new Error(asked.isFolder ? refusal : `HTTP ${response.status}: ${refusal}`)
    }
    return response
  })

interface Refused {
  readonly code?: unknown
  readonly detail?: unknown
  readonly hint?: unknown
  readonly errors?: ReadonlyArray<{
    readonly field: string
    readonly detail: string
    readonly remedy: string
  }>
}

/**
 * What a problem document says, and what helps: of parameters, by the flags that they are here;
 * all of a text that is none.
 */
const refusalText = (text: string, filters: NonNullable<ApiRequest['filters']>): string => {
  try {
    const { code, detail, hint, errors } = JSON.parse(text) as Refused
    const lines = (errors ?? []).map((error) => {
      const flag = filters.find(({ name, parameter = name.slice(2) }) => parameter === error.field)
      return `${flag?.name ?? error.field} ${error.detail}: ${error.remedy}`
    })
    if (lines.length > 0) return lines.join('\n')
    const here = String(code).startsWith('api_key_') ? 'give the key by K2_API_KEY' : hint
    const help = typeof here === 'string' ? `; ${here}` : ''
    if (typeof detail === 'string') return `${detail}${help}`
  } catch {
    // No document, then.
  }
  return text
}

const attempt = <A>(
  { name: asked }: AskedApi,
  run: (signal: AbortSignal) => Promise<A>
): Effect.Effect<A, QueryFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => {
      const { message, cause } = error as Error
      const reason = cause instanceof Error ? cause.message || message : message
      const detail =
        message === 'fetch failed' ? `no K2 answers there (${reason}): does it run?` : reason
      return new QueryFailed({ asked, detail })
    }
  })
