/** A signed request to an S3 server (AWS Signature Version 4), for buckets and single objects. */
import { createHash, createHmac } from 'node:crypto'

export interface S3Address {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKey: string
  readonly secretKey: string
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Behind the endpoint, for example `/bucket/key`; letters, digits and `-_.~/` only. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const msMax = 10_000

export const requestS3 = async (
  address: S3Address,
  request: S3Request,
  now = new Date()
): Promise<{ readonly status: number; readonly text: string }> => {
  const { method, path, query = {}, body } = request
  const search = queryText(query)
  const response = await fetch(`${address.endpoint}${path}${search === '' ? '' : `?${search}`}`, {
    method,
    headers: signedHeaders(address, request, now),
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(msMax)
  })
  return { status: response.status, text: await response.text() }
}

/** The request's headers with the signature that covers all of them. */
export const signedHeaders = (
  { endpoint, region, accessKey, secretKey }: S3Address,
  { method, path, query = {}, headers = {}, body = '' }: S3Request,
  now: Date
): Readonly<Record<string, string>> => {
  const time = `${now.toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`
  const date = time.slice(0, 8)
  const covered: Record<string, string> = {
    ...headers,
    host: new URL(endpoint).host,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': time
  }
  const names = Object.keys(covered).sort()
  const signedNames = names.join(';')
  const canonical = [
    method,
    path,
    queryText(query),
    ...names.map((name) => `${name}:${covered[name]}`),
    '',
    signedNames,
    sha256(body)
  ].join('\n')
  const scope = `${date}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const key = [date, region, 's3', 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => hmac(secret, part),
    `AWS4${secretKey}`
  )
  const signature = hmac(key, toSign).toString('hex')
  return {
    ...covered,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, ` +
      `SignedHeaders=${signedNames}, Signature=${signature}`
  }
}

const queryText = (query: Readonly<Record<string, string>>): string =>
  Object.entries(query)
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .sort()
    .join('&')

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const hmac = (key: Buffer | string, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()
