/**
 * `k2/client`: the HTTP API with types, generated from the routes that serve it.
 *
 * 1. No decimal passes through a double: decimals are text, whole numbers of 63 bits numbers where
 *    they are exact, and bigints where not.
 * 2. An answer that is none of success throws a `K2Problem`.
 * 3. Rows of a stream are read as they come; leaving the loop ends the request.
 */
import { exactOperations, type Operations } from './api-types.ts'
import { parseExact, parseSqlAnswer } from './exact-json.ts'
import { K2Problem, UnexpectedAnswer } from './k2-problem.ts'

export type * from './api-types.ts'
export { K2Problem, UnexpectedAnswer }

export interface K2ClientOptions {
  /** For example `http://127.0.0.1:8000`. */
  readonly url: string
  /** One of `K2_API_KEYS`, where the server has any. */
  readonly apiKey?: string
  /** Of every request; for tests, proxies and so on. */
  readonly fetch?: typeof fetch
}

type Operation = keyof Operations
/** Those that answer NDJSON. */
type Streamed = { [O in Operation]: Operations[O]['row'] extends never ? never : O }[Operation]

type Part<O extends Operation, Name extends 'path' | 'query' | 'body'> =
  Operations[O][Name] extends undefined
    ? unknown
    : Partial<Operations[O][Name]> extends Operations[O][Name]
      ? { readonly [N in Name]?: Operations[O][N] }
      : { readonly [N in Name]: Operations[O][N] }

type Options<O extends Operation> = Part<O, 'path'> &
  Part<O, 'query'> &
  Part<O, 'body'> & { readonly signal?: AbortSignal }

type OptionsOf<O extends Operation> =
  Partial<Options<O>> extends Options<O> ? [options?: Options<O>] : [options: Options<O>]

interface AnyOptions {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: object
  readonly signal?: AbortSignal
}

export class K2Client {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: typeof fetch

  constructor({ url, apiKey, fetch = globalThis.fetch }: K2ClientOptions) {
    this.#url = url.replace(/\/$/, '')
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
    this.#fetch = fetch
  }

  /** The answer to one request: `await k2.request('GET /v1/trades', { query: { limit: 10 } })`. */
  async request<O extends Operation>(
    operation: O,
    ...[options]: OptionsOf<O>
  ): Promise<Operations[O]['answer']> {
    const response = await this.#ask(operation, options ?? {}, 'application/json')
    const text = await response.text()
    const isExact = exactOperations.has(operation)
    const answer = operation === 'POST /v1/sql' ? parseSqlAnswer(text) : parseExact(text, isExact)
    return answer as Operations[O]['answer']
  }

  /** Rows as the server sends them (NDJSON). */
  async *stream<O extends Streamed>(
    operation: O,
    ...[options]: OptionsOf<O>
  ): AsyncGenerator<Operations[O]['row'], void, undefined> {
    const response = await this.#ask(operation, options ?? {}, 'application/x-ndjson')
    const isExact = exactOperations.has(operation)
    for await (const line of linesOf(response))
      yield parseExact(line, isExact) as Operations[O]['row']
  }

  async #ask(operation: Operation, options: AnyOptions, accept: string): Promise<Response> {
    const [method = '', template = ''] = operation.split(' ')
    const { path = {}, query = {}, body, signal } = options
    const isExact = exactOperations.has(operation)
    const decimals = isExact ? { decimals: 'string' } : {}
    const address = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(path[name] ?? '')
    )
    const parameters = new URLSearchParams()
    const asked = method === 'GET' ? { ...query, ...decimals } : query
    for (const [name, value] of Object.entries(asked))
      if (value !== undefined) parameters.set(name, String(value))
    const search = parameters.size === 0 ? '' : `?${parameters.toString()}`
    const response = await this.#fetch(`${this.#url}${address}${search}`, {
      method,
      headers: { ...this.#headers, accept, ...(method === 'POST' ? json : {}) },
      ...(method === 'POST' ? { body: JSON.stringify({ ...body, ...decimals }) } : {}),
      ...(signal === undefined ? {} : { signal })
    })
    if (!response.ok) throw await problemOf(response)
    return response
  }
}

const json = { 'content-type': 'application/json' }

const problemOf = async (response: Response): Promise<Error> => {
  const text = await response.text()
  const { status, headers } = response
  return headers.get('content-type')?.startsWith('application/problem+json') === true
    ? new K2Problem(JSON.parse(text), headers.get('retry-after'))
    : new UnexpectedAnswer(`status ${status} without a problem: is this K2?`, status)
}

/** Without their ends; a last one that has none is cut off. */
async function* linesOf({ body, status }: Response): AsyncGenerator<string, void, undefined> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const bytes of body ?? []) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield line
  }
  if (rest !== '') throw new UnexpectedAnswer('the answer broke off within a row', status)
}
