/**
 * The venue's side of its WebSocket connections: who gets in, what clients may say, who is cut.
 *
 * 1. At most `connectionsMax` are open; the newest `closedKeptMax` closed ones stay readable.
 * 2. Pings, pongs and messages of a client count against `incomingPerSecondMax` together, as at the
 *    venue; beyond it the connection is cut.
 * 3. Every ping must be answered within `pongTimeoutMs`.
 * 4. A connection ends at the age of `connectionMsMax`, by the venue's clock.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { errorReply, readClientRequest, resultReply, streamsMax } from './client-request.ts'
import type { ClientRequest } from './client-request.ts'
import type { FaultSettings } from './faults.ts'
import { readUrl } from './request-handler.ts'
import { closeGoingAway, makeSession, noCounts } from './session.ts'
import type { CutReason, Session, SessionCounts } from './session.ts'

export type ConnectionEvent =
  | { readonly type: 'connection.opened'; readonly connection: number; readonly path: string }
  | { readonly type: 'connection.closed'; readonly connection: number; readonly reason: CutReason }
  | { readonly type: 'connection.refused'; readonly reason: RefusalReason }

type RefusalReason = 'fault_refuse' | 'unknown_path' | 'too_many_streams' | 'too_many_connections'

export interface ConnectionsOptions {
  readonly streams: ReadonlyArray<string>
  readonly settings: () => FaultSettings
  readonly pingMs: number
  readonly pongTimeoutMs: number
  readonly connectionMsMax: number
  /** The venue's clock, ms; an age is a difference of its readings. */
  readonly now: () => number
  readonly incomingPerSecondMax: number
  readonly observe: (event: ConnectionEvent) => void
  readonly onSubscribed: (names: ReadonlyArray<string>) => void
  /** A socket drained or a connection ended. */
  readonly onRelief: () => void
}

interface ConnectionRecord {
  readonly session: Session
  readonly path: string
  readonly openedMs: number
}

export interface Connections {
  readonly open: ReadonlyMap<number, Session>
  /** Open ones and the newest closed ones, oldest first. */
  records(): ReadonlyArray<ConnectionRecord>
  refusedCount(): number
  /** Sums over all connections since the start, those no longer kept included. */
  totals(): SessionCounts & { readonly dropped: number }
  accept(request: IncomingMessage, socket: Socket, head: Buffer): void
  /** Says goodbye (1001) to everybody. */
  close(): void
}

const connectionsMax = 300
const closedKeptMax = 100
const messageBytesMax = 64 * 1_024
/** How often ages are looked at, in real time, whatever the venue's clock does. */
const ageCheckMs = 100

export const openConnections = (options: ConnectionsOptions): Connections =>
  new VenueConnections(options)

interface Link {
  readonly session: Session
  readonly webSocket: WebSocket
  readonly socket: Socket
  readonly openedMs: number
  pongedAtMs: number
}

class VenueConnections implements Connections {
  readonly open = new Map<number, Session>()
  private readonly options: ConnectionsOptions
  private readonly streamIndex: ReadonlyMap<string, number>
  private readonly webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false, // sessions write frames themselves
    maxPayload: messageBytesMax,
    clientTracking: false
  })
  private readonly links = new Map<number, Link>()
  private readonly kept = new Map<number, ConnectionRecord>()
  private readonly ended = { ...noCounts, dropped: 0 }
  private readonly pinger: NodeJS.Timeout
  private readonly ager: NodeJS.Timeout
  private lastId = 0
  private refused = 0

  constructor(options: ConnectionsOptions) {
    this.options = options
    this.streamIndex = new Map(options.streams.map((name, index) => [name, index]))
    this.pinger = setInterval(() => this.pingAll(), options.pingMs)
    this.ager = setInterval(() => this.endOld(), ageCheckMs)
  }

  records(): ReadonlyArray<ConnectionRecord> {
    return [...this.kept.values()]
  }

  refusedCount(): number {
    return this.refused
  }

  totals(): SessionCounts & { readonly dropped: number } {
    const total = { ...this.ended }
    for (const session of this.open.values()) {
      addCounts(total, session.counts)
      if (session.cutReason() === 'fault_drop') total.dropped += 1 // its socket is still closing
    }
    return total
  }

  accept(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const target = readTarget(request.url ?? '/')
    if (this.options.settings().refuse !== 'off') this.refuse(socket, 'fault_refuse')
    else if (target === undefined) this.refuse(socket, 'unknown_path', '404 Not Found')
    else if (target.streams.length > streamsMax)
      this.refuse(socket, 'too_many_streams', '400 Bad Request')
    else if (this.open.size >= connectionsMax) {
      this.refuse(socket, 'too_many_connections', '429 Too Many Requests')
    } else {
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.enter(webSocket, socket, target)
      )
    }
  }

  close(): void {
    clearInterval(this.pinger)
    clearInterval(this.ager)
    for (const { session, webSocket, socket } of this.links.values()) {
      session.flush()
      webSocket.close(closeGoingAway)
      socket.destroySoon()
    }
  }

  private refuse(socket: Socket, reason: RefusalReason, status?: string): void {
    this.refused += 1
    this.options.observe({ type: 'connection.refused', reason })
    if (status === undefined) socket.destroy()
    else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  private enter(webSocket: WebSocket, socket: Socket, target: StreamTarget): void {
    this.lastId += 1
    const id = this.lastId
    const { streamIndex } = this
    const { settings, observe, onSubscribed, onRelief, incomingPerSecondMax } = this.options
    const session = makeSession({
      id,
      socket,
      webSocket,
      combined: target.combined,
      streamIndex,
      settings
    })
    const openedMs = this.options.now()
    const link: Link = { session, webSocket, socket, openedMs, pongedAtMs: performance.now() }
    this.open.set(id, session)
    this.links.set(id, link)
    this.kept.set(id, { session, path: target.path, openedMs })
    observe({ type: 'connection.opened', connection: id, path: target.path })
    const countIncoming = makeIncomingLimit(incomingPerSecondMax, () =>
      session.cut('too_many_messages')
    )
    socket.on('drain', onRelief)
    webSocket.on('error', () => webSocket.terminate())
    webSocket.on('ping', countIncoming)
    webSocket.on('pong', () => {
      link.pongedAtMs = performance.now()
      countIncoming()
    })
    webSocket.on('message', (data: Buffer) => {
      countIncoming()
      if (session.cutReason() === undefined)
        answer(session, readClientRequest(String(data)), onSubscribed)
    })
    webSocket.on('close', () => this.leave(link))
    session.subscribe(target.streams)
    onSubscribed(target.streams)
  }

  private leave({ session }: Link): void {
    const reason = session.cutReason() ?? 'client_closed'
    session.cut(reason)
    addCounts(this.ended, session.counts)
    if (reason === 'fault_drop') this.ended.dropped += 1
    this.open.delete(session.id)
    this.links.delete(session.id)
    const closed = [...this.kept.keys()].filter((id) => !this.open.has(id))
    for (const id of closed.slice(0, Math.max(0, closed.length - closedKeptMax)))
      this.kept.delete(id) // (1)
    this.options.observe({ type: 'connection.closed', connection: session.id, reason })
    this.options.onRelief()
  }

  private endOld(): void {
    const newestMs = this.options.now() - this.options.connectionMsMax
    for (const { session, openedMs } of this.links.values()) {
      if (openedMs <= newestMs) session.end('too_old') // (4)
    }
  }

  private pingAll(): void {
    const overdueMs = performance.now() - this.options.pongTimeoutMs - this.options.pingMs
    for (const { session, webSocket, pongedAtMs } of this.links.values()) {
      if (pongedAtMs < overdueMs)
        session.cut('no_pong') // (3)
      else if (webSocket.readyState === webSocket.OPEN) webSocket.ping()
    }
  }
}

const addCounts = (total: SessionCounts, counts: Readonly<SessionCounts>): void => {
  for (const name of Object.keys(noCounts) as Array<keyof SessionCounts>)
    total[name] += counts[name]
}

interface StreamTarget {
  readonly path: string
  readonly streams: ReadonlyArray<string>
  readonly combined: boolean
}

/** `/stream?streams=a/b`, `/ws/a/b` or `/ws`. */
const readTarget = (target: string): StreamTarget | undefined => {
  const url = readUrl(target)
  if (url === undefined) return undefined
  const split = (text: string) => [...new Set(text.split('/').filter((name) => name !== ''))]
  if (url.pathname === '/stream') {
    return {
      path: url.pathname,
      streams: split(url.searchParams.get('streams') ?? ''),
      combined: true
    }
  }
  return url.pathname === '/ws' || url.pathname.startsWith('/ws/')
    ? {
        path: '/ws',
        streams: split(url.pathname.slice('/ws'.length).replaceAll('%40', '@')),
        combined: false
      }
    : undefined
}

const answer = (
  session: Session,
  request: ClientRequest | { readonly refusal: string },
  onSubscribed: (names: ReadonlyArray<string>) => void
): void => {
  if ('refusal' in request) return session.reply(request.refusal)
  switch (request.method) {
    case 'SUBSCRIBE':
      if (new Set([...session.subscriptions, ...request.streams]).size > streamsMax) {
        const msg = `Invalid request: a connection listens to at most ${streamsMax} streams`
        return session.reply(errorReply(2, msg, request.id))
      }
      session.reply(resultReply(request.id)) // before the first frame of the streams
      session.subscribe(request.streams)
      return onSubscribed(request.streams)
    case 'UNSUBSCRIBE':
      session.unsubscribe(request.streams)
      return session.reply(resultReply(request.id))
    case 'LIST_SUBSCRIPTIONS':
      return session.reply(resultReply(request.id, [...session.subscriptions]))
    case 'SET_PROPERTY':
      session.setCombined(request.combined)
      return session.reply(resultReply(request.id))
    case 'GET_PROPERTY':
      return session.reply(resultReply(request.id, session.isCombined()))
  }
}

const makeIncomingLimit = (perSecondMax: number, onExceeded: () => void): (() => void) => {
  const recentMs: Array<number> = []
  return () => {
    const nowMs = performance.now()
    recentMs.push(nowMs)
    while (recentMs[0]! <= nowMs - 1_000) recentMs.shift()
    if (recentMs.length > perSecondMax) onExceeded() // (2)
  }
}
