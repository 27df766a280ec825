/**
 * A simulated exchange: a WebSocket and REST server on one loopback port that speaks the venue's
 * spot protocol, plays a generator or a recording, and misbehaves on command.
 *
 * 1. It listens on loopback only; its control routes answer no foreign host name and take only
 *    JSON, so that a web page cannot reach them.
 * 2. The scope that opened it closes it: timers, connections, port.
 */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { startBroadcaster } from './broadcaster.ts'
import type { Broadcaster, Speed } from './broadcaster.ts'
import { openConnections } from './connections.ts'
import type { ConnectionEvent, Connections } from './connections.ts'
import { makeControl } from './control.ts'
import type { SimulatorControl } from './control.ts'
import { noFaults } from './faults.ts'
import { openIssuedRecord } from './issued-record.ts'
import type { IssuedRecord, IssuedRecordEvent, IssuedRecordOptions } from './issued-record.ts'
import type { FaultSettings } from './faults.ts'
import { makeRequestHandler } from './request-handler.ts'
import { makeRequestWeight } from './request-weight.ts'
import { makeRestRoutes } from './rest-routes.ts'
import type { SentRange } from './session.ts'
import type { TradeSource } from './trade-source.ts'

/** The exchange could not be opened. */
export class SimulatorFailed extends Schema.TaggedError<SimulatorFailed>()('SimulatorFailed', {
  port: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `the simulated exchange cannot open on port ${this.port}: ${this.reason}`
  }
}

export type SimulatorEvent =
  | ConnectionEvent
  | IssuedRecordEvent
  | { readonly type: 'playback.started'; readonly source: string }
  | { readonly type: 'playback.ended'; readonly source: string }
  | { readonly type: 'faults.changed'; readonly faults: FaultSettings }

export interface SimulatorOptions {
  /** 0 lets the system choose. */
  readonly port: number
  readonly source: TradeSource
  /** Times real time, or `max`: as fast as the sockets take it. */
  readonly speed: Speed
  /** Decides which frames suffer from faults. */
  readonly seed: number
  /** Wall clock, ms: of trades (but at `max`), of connections' ages, of the REST budget. */
  readonly now: () => number
  /** Faults from the start on. */
  readonly faults?: Partial<FaultSettings>
  /** REST budget per minute; the venue's is 6,000. */
  readonly weightMax?: number
  /** The venue pings every 20 s and waits a minute for the pong. */
  readonly pingMs?: number
  readonly pongTimeoutMs?: number
  /** Age at which a connection is ended; the venue's limit is 24 hours. */
  readonly connectionMsMax?: number
  /** Messages, pings and pongs that a client may send in a second; the venue's limit is 5. */
  readonly incomingPerSecondMax?: number
  /** A client with more than this unsent is cut, but at speed `max`. */
  readonly unsentBytesMax?: number
  /** Keeps a record of everything that is issued; absent: none is kept. */
  readonly issuedRecord?: IssuedRecordOptions | undefined
  readonly observe?: (event: SimulatorEvent) => void
}

export interface Simulator {
  /** `ws://127.0.0.1:port` */
  readonly url: string
  /** `http://127.0.0.1:port` */
  readonly restUrl: string
  /** What `GET /control` and `POST /control/faults` do. */
  readonly control: SimulatorControl
  /** Trades issued by the venue so far, by symbol, whether or not anybody got them. */
  readonly issued: () => Readonly<Record<string, Readonly<SentRange>>>
}

const defaultUnsentBytesMax = 8 * 1_024 * 1_024
const defaultWeightMax = 6_000
const defaultPingMs = 20_000
const defaultPongTimeoutMs = 60_000
export const defaultConnectionMsMax = 86_400_000
const defaultIncomingPerSecondMax = 5
const tickMs = 10
const loopback = '127.0.0.1'

/** Opens the exchange; it is closed with the scope. */
export const openSimulator = Effect.fnUntraced(function* (options: SimulatorOptions) {
  const server = createServer()
  yield* Effect.acquireRelease(listen(server, options.port), () => closeServer(server))
  const parts = yield* Effect.acquireRelease(
    Effect.try({
      try: () => assemble(server, options),
      catch: (error) =>
        new SimulatorFailed({ port: options.port, reason: `its record: ${String(error)}` })
    }),
    ({ broadcaster, connections, record }) =>
      Effect.sync(() => {
        broadcaster.stop()
        connections.close()
        record?.close()
      })
  )
  const { port } = server.address() as AddressInfo
  const simulator: Simulator = {
    url: `ws://${loopback}:${port}`,
    restUrl: `http://${loopback}:${port}`,
    control: parts.control,
    issued: parts.broadcaster.issued
  }
  return simulator
})

interface Parts {
  readonly broadcaster: Broadcaster
  readonly connections: Connections
  readonly control: SimulatorControl
  readonly record: IssuedRecord | undefined
}

const assemble = (server: Server, options: SimulatorOptions): Parts => {
  const { source, speed, seed, now } = options
  const tell = options.observe ?? (() => undefined)
  const weightMax = () => settings.weightLimit || (options.weightMax ?? defaultWeightMax)
  const playback = source.play(now())
  const record =
    options.issuedRecord === undefined
      ? undefined
      : openIssuedRecord(options.issuedRecord, { source, playback, now, observe: tell })
  const observe = (event: SimulatorEvent): void => {
    if (event.type === 'connection.opened') record?.connectionOpened(event.connection)
    if (event.type === 'connection.closed') record?.connectionClosed(event.connection, event.reason)
    tell(event)
  }
  let settings: FaultSettings = { ...noFaults, ...options.faults }
  const connections = openConnections({
    streams: source.streams,
    settings: () => settings,
    pingMs: options.pingMs ?? defaultPingMs,
    pongTimeoutMs: options.pongTimeoutMs ?? defaultPongTimeoutMs,
    connectionMsMax: options.connectionMsMax ?? defaultConnectionMsMax,
    now,
    incomingPerSecondMax: options.incomingPerSecondMax ?? defaultIncomingPerSecondMax,
    observe,
    onSubscribed: (names) => broadcaster.noteSubscription(names),
    onRelief: () => broadcaster.wake()
  })
  const broadcaster = startBroadcaster({
    source,
    playback,
    speed,
    seed,
    now,
    tickMs,
    unsentBytesMax: options.unsentBytesMax ?? defaultUnsentBytesMax,
    settings: () => settings,
    sessions: connections.open,
    record,
    onStarted: () => observe({ type: 'playback.started', source: source.name }),
    onEnded: () => observe({ type: 'playback.ended', source: source.name })
  })
  const control = makeControl({
    source,
    playback,
    speed,
    seed,
    connections,
    broadcaster,
    settings: () => settings,
    setSettings: (changed) => {
      settings = changed
      observe({ type: 'faults.changed', faults: changed })
    }
  })
  const rest = makeRestRoutes({
    source,
    playback,
    weight: makeRequestWeight(weightMax, now),
    weightMax,
    venueTimeMs: broadcaster.venueTimeMs
  })
  server.on('request', makeRequestHandler({ rest, control, settings: () => settings }))
  server.on('upgrade', (request, socket, head) =>
    connections.accept(request, socket as Socket, head)
  )
  return { broadcaster, connections, control, record }
}

const listen = (server: Server, port: number): Effect.Effect<void, SimulatorFailed> =>
  Effect.callback<void, SimulatorFailed>((resume) => {
    server.once('error', (error) =>
      resume(Effect.fail(new SimulatorFailed({ port, reason: error.message })))
    )
    server.listen(port, loopback, () => resume(Effect.void))
  })

const closeServer = (server: Server): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
