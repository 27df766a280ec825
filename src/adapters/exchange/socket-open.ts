/** The handshake: a WebSocket that is open, or a typed reason why there is none. */
import * as Effect from 'effect/Effect'
import { WebSocket } from 'ws'
import { ConnectRefused, HandshakeFailed } from './exchange-errors.ts'

export interface OpenOptions {
  readonly handshakeMsMax: number
  readonly closeMsMax: number
  readonly payloadBytesMax: number
  readonly trustedCertificates?: ReadonlyArray<string>
}

/** Host and port of a base address: what messages and metrics may show of it. */
export const venueOf = (url: string): string => {
  try {
    return new URL(url).host
  } catch {
    return 'an address that is not a URL'
  }
}

/**
 * Opens the socket; `attach` is called before the handshake, so that no frame is missed.
 * Interruption and failure leave no connection behind.
 */
export const openSocket = (
  url: string,
  options: OpenOptions,
  attach: (socket: WebSocket) => void
): Effect.Effect<WebSocket, ConnectRefused | HandshakeFailed> =>
  Effect.callback<WebSocket, ConnectRefused | HandshakeFailed>((resume) => {
    const venue = venueOf(url)
    let socket: WebSocket
    try {
      socket = new WebSocket(url, socketOptions(options))
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'the address is not a URL'
      resume(Effect.fail(new ConnectRefused({ venue, reason })))
      return Effect.void
    }
    const onError = (error: NodeJS.ErrnoException) => {
      resume(Effect.fail(failureOf(venue, error)))
    }
    socket.once('error', onError)
    socket.once('unexpected-response', (_request, response) => {
      const status = response.statusCode ?? null
      response.resume()
      const reason = response.statusMessage ?? ''
      resume(Effect.fail(new HandshakeFailed({ venue, status, reason })))
      socket.terminate()
    })
    socket.once('open', () => {
      socket.off('error', onError)
      resume(Effect.succeed(socket))
    })
    attach(socket)
    return Effect.sync(() => socket.terminate())
  })

/** The socket's types do not know `closeTimeout` yet. */
type SocketOptions = WebSocket.ClientOptions & { readonly closeTimeout: number }

const socketOptions = (options: OpenOptions): SocketOptions => ({
  handshakeTimeout: options.handshakeMsMax,
  closeTimeout: options.closeMsMax,
  maxPayload: options.payloadBytesMax,
  perMessageDeflate: false, // the venue does not offer it, and inflating is a way to be flooded
  skipUTF8Validation: true, // a frame that is not UTF-8 costs itself, not the connection
  followRedirects: false,
  rejectUnauthorized: true,
  ...(options.trustedCertificates === undefined ? {} : { ca: [...options.trustedCertificates] })
})

/** Codes that say: nobody there. Everything else had a peer and ended in the handshake. */
const unreachableCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT'
])

const failureOf = (
  venue: string,
  error: NodeJS.ErrnoException
): ConnectRefused | HandshakeFailed => {
  const { code } = error
  const reason = code === undefined ? error.message : `${code}: ${error.message}`
  return code !== undefined && unreachableCodes.has(code)
    ? new ConnectRefused({ venue, reason })
    : new HandshakeFailed({ venue, status: null, reason })
}
