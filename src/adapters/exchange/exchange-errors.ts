/**
 * What can go wrong between K2 and a venue. `isDependency` marks the failures in which the venue is
 * unavailable: the feed waits and tries again for ever (R14). The others need a person.
 * A venue is named by host and port, never by its whole URL.
 */
import * as Schema from 'effect/Schema'

/** Nobody answers there: name, route or port. */
export class ConnectRefused extends Schema.TaggedError<ConnectRefused>()('ConnectRefused', {
  venue: Schema.String,
  reason: Schema.String
}) {
  readonly isDependency = true
  override get message() {
    return `${this.venue} cannot be reached: ${this.reason}`
  }
}

/** Somebody answers, but not as the venue: certificate, HTTP status (null: none came), time. */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()('HandshakeFailed', {
  venue: Schema.String,
  status: Schema.NullOr(Schema.Int),
  reason: Schema.String
}) {
  readonly isDependency = true
  override get message() {
    const status = this.status === null ? '' : ` (HTTP ${this.status})`
    return `${this.venue} did not open a WebSocket${status}: ${this.reason}`
  }
}

/** The connection ended. Code 1006 means without a close frame, 1009 a frame beyond the limit. */
export class SocketClosed extends Schema.TaggedError<SocketClosed>()('SocketClosed', {
  venue: Schema.String,
  code: Schema.Int,
  reason: Schema.String,
  closedBy: Schema.Literals(['venue', 'k2'])
}) {
  readonly isDependency = true
  override get message() {
    const reason = this.reason === '' ? '' : `: ${this.reason}`
    return `the connection to ${this.venue} was closed by ${this.closedBy} (${this.code})${reason}`
  }
}

/** Neither a frame nor a ping came for too long. */
export class StaleConnection extends Schema.TaggedError<StaleConnection>()('StaleConnection', {
  venue: Schema.String,
  silentMs: Schema.Int
}) {
  readonly isDependency = true
  override get message() {
    return `${this.venue} sent neither a frame nor a ping for ${this.silentMs} ms`
  }
}

const subscribeRejected = {
  venue: Schema.String,
  method: Schema.Literals(['SUBSCRIBE', 'UNSUBSCRIBE', 'GET_PROPERTY']),
  streamCount: Schema.Int,
  code: Schema.NullOr(Schema.Int),
  reason: Schema.String
}
/** The venue refused a request. `code` is null where it did not answer in time. */
export class SubscribeRejected extends Schema.TaggedError<SubscribeRejected>()(
  'SubscribeRejected',
  subscribeRejected
) {
  readonly isDependency = true
  override get message() {
    const code = this.code === null ? '' : ` (code ${this.code})`
    const isOfStreams = this.method !== 'GET_PROPERTY'
    const request = isOfStreams ? `${this.method} of ${this.streamCount} streams` : this.method
    return `${this.venue} refused a ${request}${code}: ${this.reason}`
  }
}

/** More streams than a connection carries; a matter of configuration. */
export class TooManyStreams extends Schema.TaggedError<TooManyStreams>()('TooManyStreams', {
  streamCount: Schema.Int,
  streamCountMax: Schema.Int
}) {
  override get message() {
    return (
      `${this.streamCount} streams do not fit one connection (at most ${this.streamCountMax}): ` +
      `spread K2_BINANCE_SYMBOLS over several feeds`
    )
  }
}

/** The REST interface gave no usable answer: unreachable, too slow, too large or not its form. */
export class VenueUnavailable extends Schema.TaggedError<VenueUnavailable>()('VenueUnavailable', {
  venue: Schema.String,
  path: Schema.String,
  reason: Schema.String
}) {
  readonly isDependency = true
  override get message() {
    return `${this.venue}${this.path} gave no usable answer: ${this.reason}`
  }
}

/** The REST interface answered with an error, in the venue's own words. */
export class VenueRefused extends Schema.TaggedError<VenueRefused>()('VenueRefused', {
  venue: Schema.String,
  path: Schema.String,
  status: Schema.Int,
  code: Schema.NullOr(Schema.Int),
  reason: Schema.String,
  /** From `Retry-After`; null where absent. */
  retryAfterMs: Schema.NullOr(Schema.Number)
}) {
  readonly isDependency = true
  override get message() {
    const code = this.code === null ? '' : `, code ${this.code}`
    return `${this.venue}${this.path} answered HTTP ${this.status}${code}: ${this.reason}`
  }
}

/** Configured symbols that the venue does not list. */
export class UnknownSymbols extends Schema.TaggedError<UnknownSymbols>()('UnknownSymbols', {
  venue: Schema.String,
  symbols: Schema.Array(Schema.String)
}) {
  override get message() {
    return (
      `${this.venue} does not list ${this.symbols.join(', ')}: ` +
      `correct K2_BINANCE_SYMBOLS (the venue's own spelling, for example BTCUSDT)`
    )
  }
}

/** What ends a connection, or keeps it from coming about. */
export type ConnectError = ConnectRefused | HandshakeFailed | TooManyStreams
export type SessionError = SocketClosed | StaleConnection
