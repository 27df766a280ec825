/**
 * Calls to an Iceberg REST catalog (open-api/rest-catalog-open-api.yaml): where its resources are,
 * who we are, what may be asked twice.
 *
 * 1. The server's configuration is read once, before the first call; a failed reading is repeated
 *    by the next call.
 * 2. A token is fetched anew before it expires, and once more when the server calls it invalid: a
 *    401 is definite, so the call itself can then be repeated whatever it does.
 * 3. Only calls that change nothing are repeated otherwise, at most `repeatsMax` times.
 * 4. No secret is part of an error.
 */
import * as Effect from 'effect/Effect'
import * as Schedule from 'effect/Schedule'
import * as Schema from 'effect/Schema'
import { parseJson } from './lossless.ts'

/** One attempt of one request; the answer is whole. */
type HttpSend = (request: {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  readonly deadlineMs: number
}) => Effect.Effect<
  {
    readonly status: number
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>
    readonly body: Uint8Array
  },
  { readonly isSent: boolean; readonly message: string }
>

export interface RestCatalogOptions {
  readonly send: HttpSend
  /** Without a slash at its end; `/v1/…` follows. */
  readonly uri: string
  readonly warehouse?: string | undefined
  readonly token?: string | undefined
  /** `client-id:client-secret` or a secret alone. */
  readonly credential?: string | undefined
  /** Where credentials are exchanged for a token; default: `<uri>/v1/oauth/tokens`. */
  readonly oauthUri?: string | undefined
  readonly oauthScope: string
  readonly nowMs: () => number
  readonly deadlineMs: number
}

interface RestCall {
  readonly method: 'GET' | 'POST'
  /** Below the prefix: `/namespaces`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

export interface RestAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** No answer, or none that says whether the call took effect. */
export class CallFailed extends Schema.TaggedError<CallFailed>()('CallFailed', {
  /** Whether the server can have acted on it. */
  mayHaveActed: Schema.Boolean,
  detail: Schema.String
}) {
  override get message() {
    return `the Iceberg catalog cannot be asked: ${this.detail}`
  }
}

export interface RestSession {
  /** Any answer but 401, 429 and 5xx, which fail. */
  readonly call: (call: RestCall) => Effect.Effect<RestAnswer, CallFailed>
}

export const makeRestSession = (options: RestCatalogOptions): RestSession => {
  const access = makeAccess(options)
  let base: string | null = null
  const baseOf = Effect.suspend(() =>
    base === null
      ? Effect.tap(configuredBase(options, access), (found) => Effect.sync(() => (base = found)))
      : Effect.succeed(base)
  )
  return {
    call: (call) =>
      Effect.flatMap(baseOf, (root) => access.send({ ...call, url: `${root}${call.path}` }))
  }
}

/** What the server said, for people: the message of an `ErrorModel`, or how its answer begins. */
export const explanation = ({ status, text }: RestAnswer): string => {
  const error = objectOf(parsed(text))['error']
  const { message, type } = objectOf(error)
  if (typeof message !== 'string') return `status ${status}: ${text.slice(0, 200)}`
  return `status ${status}, ${typeof type === 'string' ? type : 'error'}: ${message}`
}

export const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

const parsed = (text: string): unknown => {
  try {
    return parseJson(text)
  } catch {
    // Proxies answer in HTML: it is shown as it is.
    return null
  }
}

const repeatsMax = 2
const repeatDelayMs = 200

type Request = Omit<RestCall, 'path'> & { readonly url: string }

interface Access {
  readonly send: (request: Request) => Effect.Effect<RestAnswer, CallFailed>
}

/** `GET /v1/config`: the server's prefix for all further paths (1). */
const configuredBase = Effect.fnUntraced(function* (
  { uri, warehouse }: RestCatalogOptions,
  access: Access
) {
  const query = warehouse === undefined ? '' : `?warehouse=${encodeURIComponent(warehouse)}`
  const answer = yield* access.send({ method: 'GET', url: `${uri}/v1/config${query}` })
  const config = objectOf(answer.status === 200 ? parsed(answer.text) : null)
  if (config['defaults'] === undefined && config['overrides'] === undefined) {
    const detail = `GET /v1/config: ${explanation(answer)}; check K2_ICEBERG_CATALOG_URI`
    return yield* new CallFailed({ mayHaveActed: false, detail })
  }
  const { prefix } = { ...objectOf(config['defaults']), ...objectOf(config['overrides']) }
  return typeof prefix === 'string' && prefix !== '' ? `${uri}/v1/${prefix}` : `${uri}/v1`
})

const makeAccess = (options: RestCatalogOptions): Access => {
  let held: Token | null =
    options.token === undefined ? null : { text: options.token, dueMs: Infinity }
  const token = Effect.suspend((): Effect.Effect<Token | null, CallFailed> => {
    const isDue = held === null || options.nowMs() >= held.dueMs
    if (!isDue || options.credential === undefined) return Effect.succeed(held)
    return Effect.tap(fetchToken(options, options.credential), (fetched) =>
      Effect.sync(() => (held = fetched))
    )
  })
  const authorised = Effect.fnUntraced(function* (request: Request) {
    const first = yield* token
    const answer = yield* once(options, request, first)
    if (answer.status !== 401 || options.credential === undefined) return answer
    // Another call may have renewed it meanwhile (2).
    if (held === first) held = null
    return yield* once(options, request, yield* token)
  })
  return { send: (request) => repeated(request, authorised(request)) }
}

const once = (
  { send, deadlineMs }: RestCatalogOptions,
  { method, url, headers, body }: Request,
  token: Token | null
): Effect.Effect<RestAnswer, CallFailed> =>
  send({
    method,
    url,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token.text}` }),
      ...headers
    },
    body: body === undefined ? undefined : Buffer.from(body),
    deadlineMs
  }).pipe(
    Effect.mapError(
      ({ isSent, message }) =>
        new CallFailed({ mayHaveActed: isSent && method === 'POST', detail: message })
    ),
    Effect.map(({ status, headers: received, body: bytes }) => ({
      status,
      headers: received,
      text: Buffer.from(bytes).toString('utf8')
    }))
  )

/** Fails for answers that say "not now", and repeats what may be repeated (3). */
const repeated = (
  { method, url }: Request,
  call: Effect.Effect<RestAnswer, CallFailed>
): Effect.Effect<RestAnswer, CallFailed> => {
  const attempt = Effect.flatMap(call, (answer) => {
    const isRefused = answer.status === 401 || answer.status === 429
    if (!isRefused && answer.status < 500) return Effect.succeed(answer)
    const detail = `${method} ${new URL(url).pathname}: ${explanation(answer)}`
    // A server that fails may have acted before it did.
    return Effect.fail(new CallFailed({ mayHaveActed: !isRefused && method === 'POST', detail }))
  })
  return method === 'GET'
    ? Effect.retry(attempt, { times: repeatsMax, schedule: Schedule.spaced(repeatDelayMs) })
    : attempt
}

interface Token {
  readonly text: string
  /** When it is to be renewed. */
  readonly dueMs: number
}

/** Part of its life for which a token is used: the rest is for calls under way and slow clocks. */
const usedShare = 0.8

/** OAuth2 client credentials (RFC 6749, section 4.4), as Iceberg's own client sends them. */
const fetchToken = Effect.fnUntraced(function* (options: RestCatalogOptions, credential: string) {
  const { send, uri, oauthUri, oauthScope, nowMs, deadlineMs } = options
  const colon = credential.indexOf(':')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(colon < 0 ? {} : { client_id: credential.slice(0, colon) }),
    client_secret: credential.slice(colon + 1),
    scope: oauthScope
  })
  const askedMs = nowMs()
  const answer = yield* send({
    method: 'POST',
    url: oauthUri ?? `${uri}/v1/oauth/tokens`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: Buffer.from(form.toString()),
    deadlineMs
  }).pipe(Effect.mapError(({ message }) => noToken(message)))
  const text = Buffer.from(answer.body).toString('utf8')
  const { access_token: access, expires_in: expires } = objectOf(parsed(text))
  if (answer.status !== 200 || typeof access !== 'string') {
    // The answer may repeat what was sent, so it is not shown (4).
    return yield* noToken(`status ${answer.status}; check K2_ICEBERG_CATALOG_CREDENTIAL`)
  }
  const lifeMs = typeof expires === 'number' ? expires * 1_000 : Infinity
  const token: Token = { text: access, dueMs: askedMs + lifeMs * usedShare }
  return token
})

const noToken = (detail: string): CallFailed =>
  new CallFailed({ mayHaveActed: false, detail: `no token: ${detail}` })
