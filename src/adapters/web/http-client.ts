/**
 * Requests to HTTP servers, one attempt each: retries belong to who knows what may be repeated.
 *
 * 1. An attempt ends by its deadline, from the call to the last byte of the answer, and with its
 *    fiber.
 * 2. An answer is whole: one that ends before its announced length is a failure, never short data.
 * 3. A failure says whether the request can have reached the server at all.
 * 4. Redirects are not followed: an answer is that of the server that was asked.
 */
import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import { pipeline } from 'node:stream/promises'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'

interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Bytes, or the path of a file and how many bytes it has. */
  readonly body?: Uint8Array | { readonly path: string; readonly bytes: number } | undefined
  readonly deadlineMs: number
  /** Path of a file that takes the body of a 200 anew, instead of `HttpResponse.body`. */
  readonly into?: string | undefined
}

interface HttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty where the body went into a file. */
  readonly body: Uint8Array
}

/** No whole answer. */
class HttpFailed extends Schema.TaggedError<HttpFailed>()('HttpFailed', {
  url: Schema.String,
  /** false: the server has certainly not seen the request (3). */
  isSent: Schema.Boolean,
  detail: Schema.String
}) {
  override get message() {
    return `${this.url}: ${this.detail}`
  }
}

export interface HttpClient {
  readonly send: (request: HttpRequest) => Effect.Effect<HttpResponse, HttpFailed>
  /** Ends connections that are kept open. */
  readonly close: () => void
}

export interface HttpClientOptions {
  /** Certificate authority, PEM; by default those that Node trusts. */
  readonly tlsCaFile?: string | undefined
  readonly connectionsMax: number
}

/** @throws if the certificate authority cannot be read */
export const makeHttpClient = ({ tlsCaFile, connectionsMax }: HttpClientOptions): HttpClient => {
  const pool = { keepAlive: true, maxSockets: connectionsMax }
  const agents = {
    'http:': new http.Agent(pool),
    'https:': new https.Agent({
      ...pool,
      ...(tlsCaFile === undefined ? {} : { ca: readFileSync(tlsCaFile) })
    })
  }
  return {
    send: (request) => Effect.suspend(() => attempt(agents, request)),
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy()
    }
  }
}

interface Agents {
  readonly 'http:': http.Agent
  readonly 'https:': https.Agent
}

/** What is read into memory; larger things go into files. */
const bodyBytesMax = 256 * 1_024 ** 2

const attempt = (agents: Agents, request: HttpRequest): Effect.Effect<HttpResponse, HttpFailed> => {
  const progress = { isSent: false }
  const { origin, pathname } = new URL(request.url)
  const failed = (detail: string) =>
    new HttpFailed({ url: `${origin}${pathname}`, isSent: progress.isSent, detail })
  return Effect.tryPromise({
    try: (signal) => exchange(agents, request, signal, progress),
    catch: (error) => failed(reasonOf(error))
  }).pipe(
    Effect.timeoutOrElse({
      duration: request.deadlineMs,
      orElse: () => Effect.fail(failed(`no answer within ${request.deadlineMs} ms`))
    })
  )
}

const exchange = async (
  agents: Agents,
  request: HttpRequest,
  signal: AbortSignal,
  progress: { isSent: boolean }
): Promise<HttpResponse> => {
  const url = new URL(request.url)
  const isSecure = url.protocol === 'https:'
  const { body } = request
  const length = body instanceof Uint8Array ? body.length : body?.bytes
  const outgoing = (isSecure ? https : http).request(url, {
    method: request.method,
    agent: isSecure ? agents['https:'] : agents['http:'],
    headers: {
      ...request.headers,
      ...(length === undefined ? {} : { 'content-length': String(length) })
    },
    signal
  })
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) progress.isSent = true
    else
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        progress.isSent = true
      })
  })
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
  })
  if (body === undefined || body instanceof Uint8Array) outgoing.end(body)
  // An answer can come before the end of the body: then that decides, not the broken pipe.
  else pipeline(createReadStream(body.path), outgoing).catch(() => outgoing.destroy())
  const incoming = await answered
  incoming.once('error', () => undefined)
  const status = incoming.statusCode ?? 0
  const isFile = request.into !== undefined && status === 200
  const received = isFile ? await save(incoming, request.into) : await collect(incoming)
  return { status, headers: headersOf(incoming), body: received }
}

const save = async (incoming: http.IncomingMessage, path: string): Promise<Uint8Array> => {
  await pipeline(incoming, createWriteStream(path))
  return new Uint8Array()
}

/** Node fails the reading of an answer that ends before its announced length (2). */
const collect = async (incoming: http.IncomingMessage): Promise<Uint8Array> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new Error(`the answer exceeds ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}

const headersOf = ({ headers }: http.IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : []
    )
  )

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // Several addresses were tried: the message is empty then.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error.message
}
