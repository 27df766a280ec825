/**
 * Listens for the HTTP API.
 *
 * 1. Without keys no address but loopback is ever bound (R50).
 * 2. Closing stops listening at once, lets running requests finish until the drain deadline, and
 *    closes idle connections; what is left then is cut.
 * 3. Headers, requests, idle connections and the number of connections are bounded; so is how long
 *    a client may take nothing of its answer (`client-limits.ts`).
 */
import { createAdaptorServer } from '@hono/node-server'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { limitClients } from './client-limits.ts'
import { isLoopback } from './guards.ts'
import type { Upgrades } from './inspect-socket.ts'

export interface HttpServerOptions {
  readonly app: { readonly fetch: (request: Request) => Response | Promise<Response> }
  /** Takes connections that are to become WebSockets; without, they are refused. */
  readonly upgrades?: Upgrades
  readonly host: string
  /** Whether requests must carry a key: only then other machines may reach the server. */
  readonly hasKeys: boolean
  /** 0 takes any free port. */
  readonly port: number
  /** Longest time that running requests may take once the scope closes. */
  readonly drainMsMax: number
  /** Time after which a client that takes nothing of its answer is cut, or twice that. */
  readonly stalledMsMax?: number
}

export interface HttpServer {
  readonly host: string
  readonly port: number
  /** For requests from this machine, for example `http://127.0.0.1:8000`. */
  readonly url: string
}

/** Another program listens there. */
export class PortInUse extends Schema.TaggedError<PortInUse>()('PortInUse', {
  host: Schema.String,
  port: Schema.Number
}) {
  readonly isRefusal = true
  override get message() {
    return `port ${this.port} of ${this.host} is in use: stop its program or set K2_HTTP_PORT`
  }
}

/** The address is not this machine's loopback, and there are no keys. */
export class HostNotLoopback extends Schema.TaggedError<HostNotLoopback>()('HostNotLoopback', {
  host: Schema.String
}) {
  override get message() {
    return (
      `K2_HTTP_HOST is ${this.host}, which other machines may reach: set K2_API_KEYS, ` +
      'or a loopback address such as 127.0.0.1'
    )
  }
}

export class ListenFailed extends Schema.TaggedError<ListenFailed>()('ListenFailed', {
  host: Schema.String,
  port: Schema.Number,
  cause: Schema.Defect()
}) {
  override get message() {
    const address = `${this.host}:${this.port}`
    return `cannot listen on ${address}: ${String(this.cause)}. Check K2_HTTP_HOST and K2_HTTP_PORT`
  }
}

/** Listens until the scope closes. */
export const serveHttp = (
  options: HttpServerOptions
): Effect.Effect<HttpServer, PortInUse | HostNotLoopback | ListenFailed, Scope.Scope> =>
  options.hasKeys || isLoopback(options.host) // (1)
    ? Effect.acquireRelease(listen(options), (server) => close(server, options)).pipe(
        Effect.map((server) => describe(server, options.host))
      )
    : Effect.fail(new HostNotLoopback({ host: options.host }))

const connectionsMax = 1_024
const headersMsMax = 10_000
const requestMsMax = 30_000
const idleMsMax = 30_000
const headerBytesMax = 16_384
const stalledMsPreset = 30_000
/** How often requests that come too slowly are looked for. */
const sweepMs = 5_000

const listen = ({
  app,
  upgrades,
  host,
  port,
  stalledMsMax = stalledMsPreset
}: HttpServerOptions): Effect.Effect<Server, PortInUse | ListenFailed> =>
  Effect.callback((resume) => {
    const server = createAdaptorServer({
      fetch: app.fetch,
      createServer,
      serverOptions: {
        headersTimeout: headersMsMax,
        requestTimeout: requestMsMax,
        keepAliveTimeout: idleMsMax,
        connectionsCheckingInterval: sweepMs,
        maxHeaderSize: headerBytesMax
      }
    }) as Server
    server.maxConnections = connectionsMax
    limitClients(server, { stalledMsMax, headerBytesMax })
    if (upgrades !== undefined) server.on('upgrade', upgrades.take)
    server.on('error', (cause: NodeJS.ErrnoException) =>
      resume(
        Effect.fail(
          cause.code === 'EADDRINUSE'
            ? new PortInUse({ host, port })
            : new ListenFailed({ host, port, cause })
        )
      )
    )
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), () => resume(Effect.succeed(server)))
  })

const idleSweepMs = 50

const close = (
  server: Server,
  { drainMsMax, upgrades }: Pick<HttpServerOptions, 'drainMsMax' | 'upgrades'>
): Effect.Effect<void> =>
  Effect.callback((resume) => {
    // The server does not know of them any more.
    upgrades?.close()
    // A connection that becomes idle after the close would hold it up until its own timeout.
    const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs)
    const deadline = setTimeout(() => server.closeAllConnections(), drainMsMax)
    server.close(() => {
      clearInterval(sweep)
      clearTimeout(deadline)
      resume(Effect.void)
    })
    server.closeIdleConnections()
  })

const describe = (server: Server, host: string): HttpServer => {
  const { port } = server.address() as AddressInfo
  const reachable = wildcards[host] ?? host
  const name = reachable.includes(':') && !reachable.startsWith('[') ? `[${reachable}]` : reachable
  return { host, port, url: `http://${name}:${port}` }
}

/** All addresses of this machine: no client can connect to one of these. */
const wildcards: Readonly<Record<string, string>> = {
  '0.0.0.0': '127.0.0.1',
  '::': '::1',
  '[::]': '::1'
}
