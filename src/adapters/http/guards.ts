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
 */
import type { KeyCheck } from './api-keys.ts'
import type { Problem } from './problem.ts'

export const correlationHeader = 'x-correlation-id'

export interface Guarded {
  readonly correlationId: string
  /** The problem that ends the request here. */
  readonly problem: Problem | undefined
}

/** @param keyCheck of the keys, where there are any */
export const guard = (
  request: Request,
  newCorrelationId: () => string,
  keyCheck: KeyCheck | undefined
): Guarded => {
  const given = request.headers.get(correlationHeader)
  return {
    correlationId: given !== null && plainId.test(given) ? given : newCorrelationId(),
    problem: oversize(request) ?? (keyCheck ?? refusal)(request)
  }
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

const refusal = (request: Request): Problem | undefined => {
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
  if (origin !== null && origin !== `${url.protocol}//${host}`) {
    return {
      status: 403,
      code: 'origin_not_allowed',
      detail: 'the Origin header names another site: open this server itself, or send no Origin'
    }
  }
  return undefined
}
