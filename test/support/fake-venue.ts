/**
 * A WebSocket and REST server on loopback that speaks just
 * enough Binance, and misbehaves on command.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

interface VenueRequest {
  readonly method: string
  readonly params: ReadonlyArray<string>
  readonly id: number
}

export interface FakeVenueOptions {
  /** Answer to a request; null leaves it unanswered. */
  readonly answer?: (request: VenueRequest) => unknown
  readonly rest?: (request: IncomingMessage, response: ServerResponse) => void
  /** HTTP status instead of an upgrade. */
  readonly refuseUpgrade?: number
  /** Accepts the connection and never answers the upgrade. */
  readonly ignoreUpgrade?: boolean
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Called in the same turn as the upgrade, so that frames leave with it. */
  readonly onConnected?: (socket: WebSocket, path: string) => void
}

export interface FakeVenue {
  readonly url: string
  readonly restUrl: string
  readonly requests: ReadonlyArray<VenueRequest & { readonly atMs: number }>
  readonly paths: ReadonlyArray<string>
  /** The newest connection. */
  readonly socket: () => WebSocket
  readonly connectionCount: () => number
  /** Connections whose upgrade was ignored and that are still there. */
  readonly ignoredCount: () => number
  readonly close: () => Promise<void>
}

export const openFakeVenue = async (options: FakeVenueOptions = {}): Promise<FakeVenue> => {
  const requests: Array<VenueRequest & { readonly atMs: number }> = []
  const paths: string[] = []
  const sockets: WebSocket[] = []
  const ignored = new Set<Duplex>()
  const rest = options.rest ?? ((_request, response) => void response.writeHead(404).end('{}'))
  const server =
    options.tls === undefined ? createServer(rest) : createTlsServer({ ...options.tls }, rest)
  const webSockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => undefined)
    if (options.ignoreUpgrade === true) {
      ignored.add(stream)
      stream.on('end', () => stream.destroy()).on('close', () => ignored.delete(stream)).resume()
      return
    }
    if (options.refuseUpgrade !== undefined) {
      stream.end(`HTTP/1.1 ${options.refuseUpgrade} Refused\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    webSockets.handleUpgrade(request, stream, head, (socket) => {
      paths.push(request.url ?? '')
      sockets.push(socket)
      socket.on('error', () => undefined)
      socket.on('message', (data) => {
        const message = JSON.parse((data as Buffer).toString('utf8')) as VenueRequest
        requests.push({ ...message, atMs: performance.now() })
        const answer = (options.answer ?? acknowledge)(message)
        if (answer !== null) socket.send(JSON.stringify(answer))
      })
      options.onConnected?.(socket, request.url ?? '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const secure = options.tls === undefined ? '' : 's'
  return {
    url: `ws${secure}://127.0.0.1:${port}`,
    restUrl: `http${secure}://127.0.0.1:${port}`,
    requests,
    paths,
    socket: () => {
      const socket = sockets.at(-1)
      if (socket === undefined) throw new Error('nobody has connected')
      return socket
    },
    connectionCount: () => sockets.filter((socket) => socket.readyState !== socket.CLOSED).length,
    ignoredCount: () => ignored.size,
    close: async () => {
      for (const stream of ignored) stream.destroy()
      for (const socket of sockets) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

const acknowledge = (request: VenueRequest) => ({ result: null, id: request.id })
