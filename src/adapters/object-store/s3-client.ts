/**
 * Signed requests to an S3 server, repeated where that is safe: each of ours means the same however
 * often it arrives.
 *
 * 1. A request is repeated, at most `attemptsMax` times in all and each with a deadline of its own,
 *    when there was no whole answer, or one that says "not now".
 * 2. The answer says whether an earlier attempt can have acted: a refusal may be its doing.
 * 3. What is sent is signed with its SHA-256, so that a server never stores other bytes.
 */
import aws4 from 'aws4'
import * as Effect from 'effect/Effect'
import { ObjectFailed } from './file-errors.ts'

type Body = Uint8Array | { readonly path: string; readonly bytes: number }

/** One attempt of one request; the answer is whole. */
type HttpSend = (request: {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Body | undefined
  readonly deadlineMs: number
  /** Path of a file that takes the body of a 200 anew. */
  readonly into?: string | undefined
}) => Effect.Effect<HttpAnswer, { readonly isSent: boolean; readonly message: string }>

interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface S3Options {
  readonly send: HttpSend
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Whether the bucket stands in the path or in the host name. */
  readonly isPathStyle: boolean
  /** For an attempt with little data; more data has more time. */
  readonly deadlineMs: number
}

interface S3Request {
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** `s3://bucket/key` */
  readonly location: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: { readonly content: Body; readonly sha256: Buffer } | undefined
  /** Bytes that move, as far as is known. */
  readonly bytes?: number | undefined
  readonly into?: string | undefined
}

export interface S3Answer extends HttpAnswer {
  /** Whether an attempt before the one that was answered can have acted (2). */
  readonly mayHaveActed: boolean
}

export type S3Ask = (request: S3Request) => Effect.Effect<S3Answer, ObjectFailed>

export const makeS3Ask =
  (options: S3Options): S3Ask =>
  (request) =>
    attempts(options, request, { count: 1, mayHaveActed: false })

/** What the server said, for people and for decisions: the code of its error, or its status. */
export const errorCode = ({ status, body }: HttpAnswer): string =>
  /<Code>([^<]{1,100})<\/Code>/.exec(Buffer.from(body.subarray(0, 4_096)).toString())?.[1] ??
  `status ${status}`

interface ObjectAddress {
  readonly bucket: string
  readonly key: string
}

/** @throws TypeError if it is not `s3://bucket/key` */
export const addressOf = (location: string): ObjectAddress => {
  const [, bucket, key] = /^s3[an]?:\/\/([^/]+)\/(.*)$/.exec(location) ?? []
  if (bucket === undefined || key === undefined) throw new TypeError(`${location} is not in S3`)
  return { bucket, key }
}

const attemptsMax = 4
const backoffMs = 100
/** Slower than this an attempt is given up: bytes per millisecond. */
const bytesPerMsMin = 1_000
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Errors with a 4xx that pass by themselves. */
const passingCodes: ReadonlySet<string> = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'OperationAborted',
  'RequestTimeout',
  'SlowDown',
  'XAmzContentSHA256Mismatch'
])

const isPassing = (answer: HttpAnswer): boolean => {
  const { status } = answer
  if (status >= 500) return status !== 501
  return status === 429 || (status >= 400 && passingCodes.has(errorCode(answer)))
}

interface Progress {
  readonly count: number
  readonly mayHaveActed: boolean
}

/** (1) */
const attempts = (
  options: S3Options,
  request: S3Request,
  { count, mayHaveActed }: Progress
): Effect.Effect<S3Answer, ObjectFailed> =>
  once(options, request).pipe(
    Effect.match({
      onFailure: ({ isSent, message }) => ({ detail: message, mayHaveActed: isSent }),
      onSuccess: (answer) =>
        isPassing(answer)
          ? { detail: errorCode(answer), mayHaveActed: answer.status >= 500 }
          : { answer }
    }),
    Effect.flatMap((result) => {
      if ('answer' in result) return Effect.succeed({ ...result.answer, mayHaveActed })
      const { detail } = result
      if (count >= attemptsMax) {
        const { location, operation } = request
        return Effect.fail(new ObjectFailed({ location, operation, detail }))
      }
      const next = { count: count + 1, mayHaveActed: mayHaveActed || result.mayHaveActed }
      return Effect.andThen(
        Effect.sleep(backoffMs * 2 ** (count - 1)),
        attempts(options, request, next)
      )
    })
  )

const once = (options: S3Options, request: S3Request) =>
  Effect.suspend(() => {
    const { send, region, accessKeyId, secretAccessKey, deadlineMs } = options
    const { method, body, headers = {}, bytes = 0, into } = request
    const url = urlOf(options, request)
    const signed = aws4.sign(
      {
        method,
        path: `${url.pathname}${url.search}`,
        service: 's3',
        region,
        headers: {
          ...headers,
          Host: url.host,
          'X-Amz-Content-Sha256': body?.sha256.toString('hex') ?? emptySha256
        }
      },
      { accessKeyId, secretAccessKey }
    )
    return send({
      method,
      url: url.href,
      headers: signed.headers as Readonly<Record<string, string>>,
      body: body?.content,
      deadlineMs: deadlineMs + bytes / bytesPerMsMin,
      into
    })
  })

const urlOf = (
  { endpoint, isPathStyle }: S3Options,
  { location, query = {} }: S3Request
): URL => {
  const { bucket, key } = addressOf(location)
  const url = new URL(endpoint)
  if (!isPathStyle) url.host = `${bucket}.${url.host}`
  const path = key.split('/').map(encoded).join('/')
  url.pathname = isPathStyle ? `/${bucket}/${path}` : `/${path}`
  // Not `searchParams`, which writes a space as a plus: signatures know `%20` only.
  url.search = Object.entries(query)
    .map(([name, value]) => `${name}=${encoded(value)}`)
    .join('&')
  return url
}

/** As signatures encode (RFC 3986). */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
  )
