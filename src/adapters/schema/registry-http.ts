/**
 * Requests to a schema registry, over its addresses in turn.
 *
 * 1. A request ends within `requestMsMax` per address, an answer within `bodyBytesMax`.
 * 2. An address that cannot be reached, or answers that it cannot serve now, is followed by the
 *    next one; the one that answered last is asked first. What no address answers is
 *    `RegistryUnavailable`.
 * 3. Credentials are in no error and no event.
 */
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'

export interface RegistryConnection {
  /** Base addresses, further ones are failovers. */
  readonly urls: readonly string[]
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** PEM file of the certificate authority; by default those that Node trusts. */
  readonly caFile?: string | undefined
  readonly requestMsMax: number
}

/** No address of the registry answers: it comes back, or its address or credentials are wrong. */
export class RegistryUnavailable extends Schema.TaggedError<RegistryUnavailable>()(
  'RegistryUnavailable',
  { detail: Schema.String }
) {
  override get message() {
    return `the schema registry is unavailable: ${this.detail}`
  }
}

export interface RegistryAnswer {
  readonly status: number
  /** Undefined where the body is no JSON. */
  readonly body: unknown
}

interface RegistryRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Begins with a slash. */
  readonly path: string
  readonly body?: unknown
}

export interface RegistryHttp {
  readonly ask: (request: RegistryRequest) => Effect.Effect<RegistryAnswer, RegistryUnavailable>
}

const bodyBytesMax = 4 * 1024 * 1024
const contentType = 'application/vnd.schemaregistry.v1+json'
/** What another address may answer, or the same one later. */
const passingStatuses: ReadonlySet<number> = new Set([401, 403, 408, 429])

/** @throws if the file of the certificate authority cannot be read */
export const makeRegistryHttp = (connection: RegistryConnection): RegistryHttp => {
  const { urls, caFile, requestMsMax } = connection
  const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8')
  const headers = headersOf(connection)
  let first = 0
  const askOne = (url: string, request: RegistryRequest) =>
    Effect.callback<RegistryAnswer, string>((resume, signal) => {
      send({ url, request, headers, ca, signal }, (outcome) =>
        resume(typeof outcome === 'string' ? Effect.fail(outcome) : Effect.succeed(outcome))
      )
    }).pipe(
      Effect.timeoutOrElse({
        duration: requestMsMax,
        orElse: () => Effect.fail(`no answer within ${requestMsMax} ms`)
      }),
      Effect.flatMap((answer) =>
        answer.status >= 500 || passingStatuses.has(answer.status)
          ? Effect.fail(statusText(answer))
          : Effect.succeed(answer)
      )
    )
  const askFrom = (
    request: RegistryRequest,
    failed: readonly string[]
  ): Effect.Effect<RegistryAnswer, RegistryUnavailable> => {
    if (failed.length === urls.length) {
      return Effect.fail(new RegistryUnavailable({ detail: failed.join('; ') }))
    }
    const index = (first + failed.length) % urls.length
    const url = urls[index]!
    return askOne(url, request).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          first = index
        })
      ),
      Effect.catch((detail) => askFrom(request, [...failed, `${url}: ${detail}`]))
    )
  }
  return { ask: (request) => Effect.suspend(() => askFrom(request, [])) }
}

const headersOf = ({ username, password }: RegistryConnection): Record<string, string> => {
  const headers: Record<string, string> = { accept: `${contentType}, application/json` }
  if (username !== undefined) {
    const login = Buffer.from(`${username}:${password ?? ''}`).toString('base64')
    headers['authorization'] = `Basic ${login}`
  }
  return headers
}

const statusText = ({ status, body }: RegistryAnswer): string => {
  const said = messageIn(body)
  const remedy = status === 401 || status === 403 ? ': check its user and password' : ''
  return `HTTP ${status}${said === undefined ? '' : ` (${said})`}${remedy}`
}

/** What the registry says in words. */
export const messageIn = (body: unknown): string | undefined => {
  const { message } = (body ?? {}) as { readonly message?: unknown }
  return typeof message === 'string' ? message : undefined
}

interface Attempt {
  readonly url: string
  readonly request: RegistryRequest
  readonly headers: Readonly<Record<string, string>>
  readonly ca: string | undefined
  readonly signal: AbortSignal
}

/** Calls back once, with the answer or with what went wrong. */
const send = (attempt: Attempt, done: (outcome: RegistryAnswer | string) => void): void => {
  const { url, request, headers, ca, signal } = attempt
  const address = new URL(url.replace(/\/+$/, '') + request.path)
  const text = request.body === undefined ? undefined : JSON.stringify(request.body)
  const options = {
    method: request.method,
    signal,
    headers: {
      ...headers,
      ...(text !== undefined && {
        'content-type': contentType,
        'content-length': Buffer.byteLength(text)
      })
    }
  }
  const hear = (answer: IncomingMessage) => readBody(answer, done)
  const sent =
    address.protocol === 'https:'
      ? requestHttps(address, { ...options, ...(ca !== undefined && { ca }) }, hear)
      : requestHttp(address, options, hear)
  sent.on('error', (error) => done(error.message))
  sent.end(text)
}

const readBody = (
  answer: IncomingMessage,
  done: (outcome: RegistryAnswer | string) => void
): void => {
  const chunks: Buffer[] = []
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes > bodyBytesMax) answer.destroy(new Error(`more than ${bodyBytesMax} bytes`))
  })
  answer.on('error', (error) => done(error.message))
  answer.on('end', () =>
    done({ status: answer.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString('utf8')) })
  )
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
