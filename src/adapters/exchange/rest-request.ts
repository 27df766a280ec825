/**
 * One GET to the venue's REST interface, and its answer as JSON.
 *
 * 1. One attempt, no retry: a request ends within `requestMsMax`, an answer within `bodyBytesMax`.
 * 2. Whatever goes wrong is the venue's unavailability, with its own code and words.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { VenueRefused, VenueUnavailable } from './exchange-errors.ts'
import { venueOf } from './socket-open.ts'

export interface BinanceRestOptions {
  readonly requestMsMax: number
  readonly bodyBytesMax: number
  readonly observe: (event: RestEvent) => void
  /** In the place of the network. */
  readonly send?: SendRequest
}

export const binanceRestDefaults = {
  requestMsMax: 10_000,
  bodyBytesMax: 64 * 1024 * 1024 // the whole list of the venue has about 20 MiB
} as const

export interface RestEvent {
  readonly type: 'rest.answered'
  readonly venue: string
  readonly path: string
  readonly status: number
  /** Request weight used in the venue's minute so far; null where the header is missing. */
  readonly usedWeight: number | null
}

export type VenueError = VenueUnavailable | VenueRefused

export interface RestRequest {
  /** Scheme, host, port, for example `https://api.binance.com`. */
  readonly baseUrl: string
  readonly path: string
  /** With its question mark, or empty. */
  readonly query: string
}

export const requestJson = Effect.fnUntraced(function* (
  { baseUrl, path, query }: RestRequest,
  options: BinanceRestOptions
): Effect.fn.Return<unknown, VenueError> {
  const venue = venueOf(baseUrl)
  const unavailable = (reason: string) => new VenueUnavailable({ venue, path, reason })
  const url = `${baseUrl.replace(/\/+$/, '')}${path}${query}`
  const answer = yield* Effect.tryPromise({
    try: (signal) => (options.send ?? sendRequest)(url, options.bodyBytesMax, signal),
    catch: (error) => unavailable(reasonOf(error))
  }).pipe(
    Effect.timeoutOrElse({
      duration: options.requestMsMax,
      orElse: () => Effect.fail(unavailable(`no answer within ${options.requestMsMax} ms`))
    })
  )
  const { status, headers } = answer
  options.observe({ type: 'rest.answered', venue, path, status, usedWeight: usedWeightOf(headers) })
  const body = yield* Effect.try({
    try: (): unknown => JSON.parse(answer.text),
    catch: () => unavailable(`HTTP ${status}, and the body is not JSON`)
  }).pipe(
    Effect.catchIf(
      () => status !== 200,
      () => Effect.succeed(null)
    )
  )
  if (status !== 200) return yield* refused({ venue, path }, answer, body)
  return body
})

/** An answer that is JSON and not what was asked for. */
export const notOfForm = (
  { baseUrl, path }: Pick<RestRequest, 'baseUrl' | 'path'>,
  /** With its article. */
  form: string,
  { message }: { readonly message: string }
): VenueUnavailable =>
  new VenueUnavailable({
    venue: venueOf(baseUrl),
    path,
    reason: `not ${form}: ${message.slice(0, reasonLengthMax)}`
  })

const decodeVenueError = Schema.decodeUnknownOption(
  Schema.Struct({ code: Schema.Int, msg: Schema.String })
)

export interface RestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export type SendRequest = (
  url: string,
  bodyBytesMax: number,
  signal: AbortSignal
) => Promise<RestAnswer>

export const sendRequest: SendRequest = async (url, bodyBytesMax, signal) => {
  const response = await fetch(url, { signal, redirect: 'error' })
  const chunks: Uint8Array[] = []
  let bodyBytes = 0
  for await (const chunk of response.body ?? []) {
    bodyBytes += chunk.length
    // Leaving the loop cancels the body, and with it the connection.
    if (bodyBytes > bodyBytesMax) throw new Error(`the body exceeds ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  const { status, headers } = response
  return { status, headers, text: Buffer.concat(chunks).toString('utf8') }
}

const refused = (
  { venue, path }: { readonly venue: string; readonly path: string },
  { status, headers, text }: RestAnswer,
  body: unknown
) => {
  const error = decodeVenueError(body)
  const isTold = error._tag === 'Some'
  return new VenueRefused({
    venue,
    path,
    status,
    code: isTold ? error.value.code : null,
    reason: (isTold ? error.value.msg : text).slice(0, reasonLengthMax),
    retryAfterMs: secondsIn(headers.get('retry-after'))
  })
}

const reasonLengthMax = 256

const secondsIn = (text: string | null): number | null =>
  text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : null

const usedWeightOf = (headers: Headers): number | null => {
  const text = headers.get('x-mbx-used-weight-1m')
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
}

/** `fetch failed` says nothing; its cause does. */
const reasonOf = (error: unknown): string => {
  const cause: unknown = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (!(cause instanceof Error)) return 'the request failed'
  const code = 'code' in cause && typeof cause.code === 'string' ? `${cause.code}: ` : ''
  return `${code}${cause.message}`.slice(0, reasonLengthMax)
}
