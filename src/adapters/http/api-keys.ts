/**
 * API keys: who may ask, once keys are configured (R50).
 *
 * 1. A key comes as `Authorization: Bearer <key>` or `X-API-Key: <key>`, never in the address:
 *    addresses end up in logs.
 * 2. How long a comparison takes says nothing about a key: digests of equal length are compared in
 *    constant time, and always with every key.
 * 3. The health addresses answer without a key: what watches a process has none, and they tell no
 *    market data. Everything else needs one, the metrics and unknown addresses too.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Problem } from './problem.ts'

/** Text that shows only when it is asked for, such as `Secret` of the configuration. */
export interface ApiKey {
  readonly reveal: () => string
}

/** The problem that ends a request, or none. */
export type KeyCheck = (request: Request) => Problem | undefined

export const makeKeyCheck = (keys: readonly ApiKey[]): KeyCheck => {
  const digests = keys.map((key) => digestOf(key.reveal()))
  return (request) => {
    if (openPaths.has(new URL(request.url).pathname)) return undefined // (3)
    const given = keyOf(request.headers)
    if (given === undefined) return missing
    const digest = digestOf(given)
    let isKnown = false
    for (const known of digests) isKnown = timingSafeEqual(known, digest) || isKnown // (2)
    return isKnown ? undefined : invalid
  }
}

const openPaths: ReadonlySet<string> = new Set(['/health', '/health/live', '/health/ready'])

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Another scheme of `Authorization`, that of a proxy for example, leaves the other header. */
const keyOf = (headers: Headers): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ??
  headers.get('x-api-key')?.trim()

const challenge = 'Bearer realm="k2"'

const missing: Problem = {
  status: 401,
  code: 'api_key_missing',
  detail: 'send one of the keys of K2_API_KEYS as Authorization: Bearer <key> or X-API-Key: <key>',
  headers: { 'www-authenticate': challenge }
}

const invalid: Problem = {
  status: 401,
  code: 'api_key_invalid',
  detail: 'the key is none of K2_API_KEYS: it may have been replaced or cut off',
  headers: { 'www-authenticate': `${challenge}, error="invalid_token"` }
}
