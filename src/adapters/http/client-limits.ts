/**
 * What a client may do to a connection before a request of it reaches the app, and after its
 * answer has left the app.
 *
 * 1. A client that takes nothing of its answer for `stalledMsMax` is cut: what answers it (a place
 *    among the replays, memory) would be held for ever. Any byte that it takes begins that anew.
 *    Node looks once in that time, so that it may be twice as long. An answer that has nothing to
 *    send yet is waited for however long it takes.
 * 2. What is no HTTP, has too large headers or comes too slowly is answered with a problem as all
 *    else is; where an answer has begun already, the connection is cut.
 */
import { randomUUID } from 'node:crypto'
import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { correlationHeader, securityHeaders } from './guards.ts'
import { type Problem, problemResponse } from './problem.ts'

export const limitClients = (
  server: Server,
  { stalledMsMax, headerBytesMax }: { stalledMsMax: number; headerBytesMax: number }
): void => {
  const answered = new WeakSet<Duplex>()
  server.on('request', ({ socket }, response) => {
    answered.add(socket)
    response.on('close', () => answered.delete(socket))
  })
  // Counts from the last byte that moved, in either direction; Node's own, for idle connections.
  server.setTimeout(stalledMsMax, (socket: Socket) => {
    const isWaiting = answered.has(socket) && socket.writableLength === 0
    if (isWaiting) socket.setTimeout(stalledMsMax)
    else socket.destroy() // (1)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || answered.has(socket) || error.code === 'ECONNRESET') socket.destroy()
    else void refuse(socket, problemOf(error.code, headerBytesMax)) // (2)
  })
}

const problemOf = (code: string | undefined, headerBytesMax: number): Problem => {
  switch (code ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        code: 'headers_too_large',
        detail: `the address and all headers together have at most ${headerBytesMax} bytes`
      }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        code: 'request_too_slow',
        detail: 'the request did not arrive in time'
      }
    default:
      return { status: 400, code: 'malformed_request', detail: 'this is no request of HTTP/1.1' }
  }
}

/** The problem as a whole answer, after which the connection is over. */
export const refuse = async (socket: Duplex, problem: Problem): Promise<void> => {
  const correlationId = randomUUID()
  const response = problemResponse(problem, correlationId)
  const body = await response.text()
  const headers = {
    ...securityHeaders,
    ...Object.fromEntries(response.headers),
    [correlationHeader]: correlationId,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close'
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const status = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n`
  socket.end(`${status}${lines.join('')}\r\n${body}`)
}
