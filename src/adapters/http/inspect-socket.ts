/**
 * `/v1/system/inspect`: a WebSocket on which tools of the Stately inspector are told what happens.
 *
 * 1. It is a viewer as any other: a place among those, frames of the journal, nothing that waits
 *    for it but the message that is on its way; nobody attached, nothing is made.
 * 2. The guards of all requests hold: the same keys, and without keys our own pages only (R50).
 * 3. It listens to nobody: what is sent to it is dropped, and ends it where it is long. Who does
 *    not answer a ping within `pingMs` is cut.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ApiDeps } from './api-deps.ts'
import { scopeMissing } from './api-keys.ts'
import { refuse } from './client-limits.ts'
import { reported } from './fault-report.ts'
import { makeGuard } from './guards.ts'
import type { Problem } from './problem.ts'
import { StatelyEvents } from './stately-events.ts'
import type { Viewer } from './watch-deps.ts'
import type { WatchFrame } from './watch-schemas.ts'

const path = '/v1/system/inspect'
const pingMs = 30_000
const payloadBytesMax = 1_024

export interface Upgrades {
  /** For `upgrade` of a server. */
  readonly take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  readonly close: () => void
}

interface Admitted {
  readonly viewer: Viewer
  /** Behind which the viewer begins. */
  readonly begun: WatchFrame
}

const notFound: Problem = {
  status: 404,
  code: 'not_found',
  detail: `the only WebSocket of this server is ${path}`
}

export const inspectSocket = (deps: ApiDeps): Upgrades => {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: payloadBytesMax,
    perMessageDeflate: false
  })
  const guard = makeGuard(deps.access, deps)
  const admitted = async (request: IncomingMessage): Promise<Admitted | Problem> => {
    const asked = webRequest(request)
    const { problem, caller, correlationId } = guard(asked, peerOf(request))
    if (problem !== undefined) return problem
    if (new URL(asked.url).pathname !== path) return notFound
    if (!caller.scopes.has('read')) return scopeMissing('read')
    const begun = deps.watch.current()
    const opening = deps.watch.open({ after: begun.seq, instance: undefined })
    const exit = await deps.run(opening, { signal: new AbortController().signal })
    return exit._tag === 'Success'
      ? { begun, viewer: exit.value }
      : reported(deps, exit.cause, { route: path, correlationId })
  }
  return {
    take: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      void admitted(request)
        .then(async (found) => {
          if (!('viewer' in found)) return refuse(socket, found)
          socket.on('close', found.viewer.close)
          if (socket.destroyed) return found.viewer.close()
          sockets.handleUpgrade(request, socket, head, (client) => {
            void tell(client, found, deps)
          })
          return undefined
        })
        .catch(() => socket.destroy())
    },
    close: () => {
      for (const client of sockets.clients) client.terminate()
      sockets.close()
    }
  }
}

const peerOf = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? 'unknown'

const webRequest = ({ url = '/', headers }: IncomingMessage): Request => {
  const given = new Headers()
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string') given.set(name, value)
  return new Request(new URL(url, `http://${headers.host ?? 'unknown'}`), { headers: given })
}

/** All that is there first, and then what happens. */
const tell = async (
  client: WebSocket,
  { viewer, begun }: Admitted,
  deps: ApiDeps
): Promise<void> => {
  const left = new AbortController()
  const stopPings = pinged(client)
  client.on('error', () => client.terminate())
  client.on('close', () => {
    stopPings()
    left.abort()
    viewer.close()
  })
  const send = async (events: ReturnType<StatelyEvents['of']>): Promise<void> => {
    for (const event of events) await sent(client, JSON.stringify(event))
  }
  const begin = async (frame: WatchFrame): Promise<StatelyEvents> => {
    const told = new StatelyEvents(deps.watch.inspected())
    await send(told.of(frame))
    return told
  }
  let told = await begin(begun)
  while (!left.signal.aborted) {
    const exit = await deps.run(viewer.next, { signal: left.signal })
    if (exit._tag === 'Failure') break
    const part = exit.value
    if (part.type === 'reset') told = await begin(deps.watch.current())
    if (part.type !== 'frames') continue
    for (const { text } of part.frames) await send(told.of(JSON.parse(text) as WatchFrame))
  }
  client.terminate()
}

/** Taken by the socket, or nobody is there any more. */
const sent = (client: WebSocket, text: string): Promise<void> =>
  new Promise((resolve) => {
    client.send(text, () => resolve())
  })

const pinged = (client: WebSocket): (() => void) => {
  let isThere = true
  client.on('pong', () => void (isThere = true))
  const timer = setInterval(() => {
    if (!isThere) client.terminate() // (3)
    isThere = false
    if (client.readyState === client.OPEN) client.ping()
  }, pingMs)
  return () => clearInterval(timer)
}
