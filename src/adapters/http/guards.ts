/**
 * What every request passes before a route sees it.
 *
 * 1. Without keys, only this machine is answered: `Host` is a loopback name or address, and
 *    `Origin`, where present, is this very server (R50). A page elsewhere cannot reach us by a name
 *    of its own that resolves to 127.0.0.1, nor by a form post.
 *    With keys, the key says what these headers said: no such page has one, and a browser adds none
 *    by itself. Names of proxies and containers are then as good as this machine's.
 * 2. Addresses are bounded, and bodies whose length is told, before anything of them is read;
 *    others are while they are read (`body.ts`).
 * 3. A correlation id of a client is echoed only if it is plain: it goes to headers and logs.
 * 4. Who has a key is limited by it, wherever the requests come from; who has none, or a wrong one,
 *    by address.
 */
import { type Caller, localCaller, makeKeyCheck } from './api-keys.ts'
import type { AccessOptions } from './api-deps.ts'
import { makeClientAddress } from './client-address.ts'
import type { Problem } from './problem.ts'
import { makeRateLimits } from './rate-limits.ts'
import { type TraceContext, traceOf } from './trace-context.ts'

export const correlationHeader = 'x-correlation-id'

export interface Guarded {
  readonly correlationId: string
  readonly trace: TraceContext | undefined
  /** Of the client, by those proxies that are trusted. */
  readonly address: string
  readonly caller: Caller
  /** Of the answer, whatever it is. */
  readonly headers: Readonly<Record<string, string>>
  /** The problem that ends the request here. */
  readonly problem: Problem | undefined
}

export type Guard = (request: Request, peer: string) => Guarded

export const makeGuard = (
  { apiKeys, rateLimit, trustedProxies, corsOrigins }: AccessOptions,
  { newCorrelationId, nowMs }: { newCorrelationId: () => string; nowMs: () => number }
): Guard => {
  const hasKeys = apiKeys.length > 0
  const keyCheck = hasKeys ? makeKeyCheck(apiKeys) : undefined
  const limits = makeRateLimits(hasKeys ? rateLimit : 0)
  const addressOf = makeClientAddress(trustedProxies)
  const origins = new Set(corsOrigins)
  const callerOf = (request: Request): Caller | { readonly problem: Problem } => {
    if (keyCheck !== undefined) return keyCheck(request)
    const problem = refusal(request, origins)
    return problem === undefined ? localCaller : { problem }
  }
  return (request, peer) => {
    const trace = traceOf(request.headers)
    const address = addressOf(peer, request.headers.get('x-forwarded-for'))
    const found = callerOf(request)
    const caller = 'problem' in found ? nobody : found
    // (4)
    const limitedAs = caller.key === undefined ? `address ${address}` : `key ${caller.key}`
    const { isAllowed, headers } = limits.take(limitedAs, nowMs())
    const refused = 'problem' in found ? found.problem : undefined
    const problem = isAllowed ? (oversize(request) ?? refused) : tooMany
    const given = request.headers.get(correlationHeader)
    const correlationId =
      given !== null && plainId.test(given) ? given : (trace?.traceId ?? newCorrelationId())
    return { correlationId, trace, address, caller, headers, problem }
  }
}

const nobody: Caller = { key: undefined, scopes: new Set() }

/** When it is allowed again is in the headers of every answer. */
const tooMany: Problem = {
  status: 429,
  code: 'rate_limited',
  detail:
    'more requests than K2_HTTP_RATE_LIMIT allows: the header retry-after says when to ask again'
}

export const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store'
}

/** Whether a host name, without port, means this machine. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || name === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
}

const plainId = /^[A-Za-z0-9._-]{1,64}$/
const urlCharsMax = 8_192
export const bodyBytesMax = 1_048_576

const oversize = (request: Request): Problem | undefined => {
  if (request.url.length > urlCharsMax) {
    return {
      status: 414,
      code: 'uri_too_long',
      detail: `addresses have at most ${urlCharsMax} characters`
    }
  }
  const told = Number(request.headers.get('content-length') ?? 0)
  return told > bodyBytesMax ? bodyTooLarge : undefined
}

export const bodyTooLarge: Problem = {
  status: 413,
  code: 'body_too_large',
  detail: `bodies have at most ${bodyBytesMax} bytes`,
  headers: { connection: 'close' }
}

const refusal = (request: Request, origins: ReadonlySet<string>): Problem | undefined => {
  const url = new URL(request.url)
  const host = request.headers.get('host') ?? url.host
  if (!isLoopback(host.replace(/:\d{1,5}$/, ''))) {
    return {
      status: 403,
      code: 'host_not_allowed',
      detail: 'the Host header must name this machine: use 127.0.0.1, [::1] or localhost'
    }
  }
  const origin = request.headers.get('origin')
  if (origin !== null && origin !== `${url.protocol}//${host}` && !origins.has(origin)) {
    return {
      status: 403,
      code: 'origin_not_allowed',
      detail: 'the Origin header names another site: open this server itself, or send no Origin'
    }
  }
  return undefined
}
