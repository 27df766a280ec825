/**
 * API keys: who may ask what, once keys are configured (R50).
 *
 * 1. A key comes as `Authorization: Bearer <key>` or `X-API-Key: <key>`, never in the address:
 *    addresses end up in logs.
 * 2. How long a comparison takes says nothing about a key: digests of equal length are compared in
 *    constant time, and always with every key.
 * 3. The health addresses, the pages and the documentation answer without a key: what watches a
 *    process has none, nor has a browser that opens a page, and they tell no market data. All else
 *    needs one, the metrics and unknown addresses too.
 */
import { timingSafeEqual } from 'node:crypto'
import { type ApiKey, digestOf, type Scope, scopes } from '../config/api-key-values.ts'
import type { Problem } from './problem.ts'

/** Who asks. */
export interface Caller {
  /** Of the key; undefined without one. */
  readonly key: string | undefined
  readonly scopes: ReadonlySet<Scope>
}

/** On this machine, where there are no keys: all is allowed. */
export const localCaller: Caller = { key: undefined, scopes: new Set(scopes) }

const anyone: Caller = { key: undefined, scopes: new Set(['read']) }

export type KeyCheck = (request: Request) => Caller | { readonly problem: Problem }

export const makeKeyCheck = (keys: readonly ApiKey[]): KeyCheck => {
  const known = keys.map(({ name, scopes: allowed, digest }) => ({
    caller: { key: name, scopes: allowed },
    digest: digest()
  }))
  /** (2) */
  const callerOf = (given: Buffer): Caller | undefined => {
    let found: Caller | undefined
    for (const { caller, digest } of known) if (timingSafeEqual(digest, given)) found = caller
    return found
  }
  return (request) => {
    const given = keyOf(request.headers)
    const caller = given === undefined ? undefined : callerOf(digestOf(given))
    // (3)
    if (isOpenPath(new URL(request.url).pathname)) return { ...anyone, key: caller?.key }
    return caller ?? { problem: given === undefined ? missing : invalid }
  }
}

const openPaths: ReadonlySet<string> = new Set([
  '/',
  '/health',
  '/health/live',
  '/health/ready',
  '/openapi.json',
  '/docs'
])

export const isOpenPath = (path: string): boolean =>
  openPaths.has(path) || path.startsWith('/docs/') || path.startsWith('/page/')

/** Another scheme of `Authorization`, that of a proxy for example, leaves the other header. */
const keyOf = (headers: Headers): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ??
  headers.get('x-api-key')?.trim()

const challenge = 'Bearer realm="k2"'

const missing: Problem = {
  status: 401,
  code: 'api_key_missing',
  detail: 'the request has no key, and takes one of K2_API_KEYS',
  headers: { 'www-authenticate': challenge }
}

const invalid: Problem = {
  status: 401,
  code: 'api_key_invalid',
  detail: 'the key is none of K2_API_KEYS: it may have been replaced or cut off',
  headers: { 'www-authenticate': `${challenge}, error="invalid_token"` }
}

export const scopeMissing = (scope: Scope): Problem => ({
  status: 403,
  code: 'scope_missing',
  detail: `the key does not allow this: it takes one of K2_API_KEYS with ${scope}`,
  headers: { 'www-authenticate': `${challenge}, error="insufficient_scope", scope="${scope}"` }
})
