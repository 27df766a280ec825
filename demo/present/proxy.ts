/**
 * K2's page in a frame of the presenter's. K2 itself lets nobody frame it (`frame-ancestors`) and
 * answers its own pages only; so the presenter, on this machine, hands its answers on from a port
 * of its own, and allows one page to frame them: its own.
 *
 * 1. Only requests of pages from this port are handed on.
 * 2. Where K2 does not answer, a page says so; the presenter's asks again once it does.
 * 3. An answer ends where K2 ends in the midst of it, as of a connection that was cut.
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { AddressInfo } from 'node:net'
import { isOwn } from './guard.ts'

export interface Served {
  readonly port: number
  readonly close: () => Promise<void>
}

export interface ProxyOptions {
  /** K2, where it answers now. */
  readonly target: () => string
  /** Who may frame it. */
  readonly framedBy: () => string
}

/** Belong to one connection, or to a body that is handed on decoded. */
const ownHeaders = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-encoding',
  'content-length',
  'host',
  'referer'
]

export const startProxy = async (options: ProxyOptions): Promise<Served> => {
  let port = 0
  const app = new Hono()
  app.all('*', async ({ req: { raw } }) => {
    if (!isOwn(raw, port)) return new Response('not from here', { status: 403 }) // (1)
    try {
      return await handedOn(raw, options)
    } catch {
      return silent(options.framedBy()) // (2)
    }
  })
  const served = await listen(app, 0)
  ;({ port } = served)
  return served
}

/** On 127.0.0.1. */
export const listen = (app: Hono, port: number): Promise<Served> =>
  new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (info: AddressInfo) =>
      resolve({
        port: info.port,
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            if ('closeAllConnections' in server) server.closeAllConnections()
          })
      })
    )
    server.once('error', reject)
  })

const handedOn = async (request: Request, { target, framedBy }: ProxyOptions) => {
  const { pathname, search } = new URL(request.url)
  const headers = new Headers(request.headers)
  for (const name of ownHeaders) headers.delete(name)
  if (headers.has('origin')) headers.set('origin', target())
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
  const response = await fetch(`${target()}${pathname}${search}`, {
    method: request.method,
    headers,
    redirect: 'manual',
    signal: request.signal,
    ...(hasBody ? { body: await request.arrayBuffer() } : {})
  })
  const given = new Headers(response.headers)
  for (const name of ownHeaders) given.delete(name)
  const policy = given.get('content-security-policy')
  if (policy !== null) given.set('content-security-policy', framable(policy, framedBy()))
  const body = response.body === null ? null : endedWithK2(response.body)
  return new Response(body, { status: response.status, headers: given })
}

/** (3): who reads it sees that it is not whole; there is nobody else to be told. */
const endedWithK2 = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  return new ReadableStream({
    pull: async (controller) => {
      const read = await reader.read().catch(() => undefined)
      if (read === undefined || read.done) controller.close()
      else controller.enqueue(read.value)
    },
    cancel: (reason) => reader.cancel(reason).catch(() => undefined)
  })
}

export const framable = (policy: string, by: string): string =>
  policy.replace(/frame-ancestors [^;]+/, `frame-ancestors ${by}`)

const silent = (framedBy: string): Response =>
  new Response(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>K2 does not answer</title>' +
      '<meta name="color-scheme" content="light dark"><main><h1>K2 does not answer</h1>' +
      '<p>Its page comes back with it. B shows the backup of this section.</p></main></html>',
    {
      status: 502,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; frame-ancestors ${framedBy}`
      }
    }
  )
