/**
 * A TCP proxy that misbehaves when told to: bytes of a direction wait, arrive late, get lost or are
 * looked at; connections are reset or refused.
 *
 * 1. Bytes of a direction keep their order whatever is done to it, until it is told to drop them.
 * 2. What one side ends, the other side sees ended, after the bytes before it.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, connect, type Server, type Socket } from 'node:net'

export type Direction = 'toServer' | 'toClient'

interface Target {
  readonly host: string
  readonly port: number
}

/** Looks at the bytes of one direction of one connection; returns what is to go on instead. */
export type Filter = (bytes: Buffer, connection: ProxyConnection, direction: Direction) => Buffer

export interface TcpProxy {
  readonly host: string
  readonly port: number
  readonly connections: ReadonlySet<ProxyConnection>
  /** Bytes of the direction wait, on all connections, until `release`. */
  readonly withhold: (direction: Direction) => void
  readonly release: (direction: Direction) => void
  /** Bytes of the direction that come from now on are lost; 'off' ends it. */
  readonly drop: (direction: Direction, state?: 'on' | 'off') => void
  /** Bytes of the direction that come from now on take so much longer; 0 ends it. */
  readonly delay: (direction: Direction, ms: number) => void
  /** `undefined` ends it. */
  readonly filter: (filter: Filter | undefined) => void
  /** Ends all connections at once, as if a machine had vanished. */
  readonly reset: () => void
  /** New connections are reset; 'off' ends it. */
  readonly refuse: (state?: 'on' | 'off') => void
  /** Everything is as it was in the beginning; connections stay. */
  readonly heal: () => void
  readonly close: () => Promise<void>
}

/** `target` is asked at each connection. With port 0 any free one is taken. */
export const openTcpProxy = async (
  target: () => Target,
  listen: Target = { host: '127.0.0.1', port: 0 }
): Promise<TcpProxy> => {
  const faults = new Faults()
  const connections = new Set<ProxyConnection>()
  const server = createServer((client) => {
    if (faults.refuses) {
      client.resetAndDestroy()
      return
    }
    const { host, port } = target()
    const connection = new ProxyConnection(client, connect({ host, port }), faults)
    connections.add(connection)
    void connection.ended.then(() => connections.delete(connection))
  })
  server.listen(listen.port, listen.host)
  await once(server, 'listening')
  const { address: host, port } = server.address() as AddressInfo
  const reset = () => {
    for (const connection of connections) connection.reset()
  }
  return {
    host,
    port,
    connections,
    withhold: (direction) => faults.withhold(direction),
    release: (direction) => faults.release(direction),
    drop: (direction, state = 'on') => faults.drop(direction, state === 'on'),
    delay: (direction, ms) => faults.delay(direction, ms),
    filter: (filter) => faults.setFilter(filter),
    reset,
    refuse: (state = 'on') => faults.refuse(state === 'on'),
    heal: () => faults.heal(),
    close: async () => {
      faults.heal()
      reset()
      await closed(server)
    }
  }
}

const closed = async (server: Server): Promise<void> => {
  server.close()
  await once(server, 'close')
}

interface DirectionFaults {
  isWithheld: boolean
  isDropped: boolean
  delayMs: number
}

const noFaults = (): DirectionFaults => ({ isWithheld: false, isDropped: false, delayMs: 0 })

/** What is done to the bytes of all connections. */
class Faults {
  readonly #of: Record<Direction, DirectionFaults> = { toServer: noFaults(), toClient: noFaults() }
  readonly #released: Record<Direction, (() => void)[]> = { toServer: [], toClient: [] }
  filter: Filter | undefined
  refuses = false

  of(direction: Direction): Readonly<DirectionFaults> {
    return this.#of[direction]
  }

  withhold(direction: Direction): void {
    this.#of[direction].isWithheld = true
  }

  release(direction: Direction): void {
    this.#of[direction].isWithheld = false
    for (const go of this.#released[direction].splice(0)) go()
  }

  drop(direction: Direction, isDropped: boolean): void {
    this.#of[direction].isDropped = isDropped
  }

  delay(direction: Direction, ms: number): void {
    this.#of[direction].delayMs = ms
  }

  setFilter(filter: Filter | undefined): void {
    this.filter = filter
  }

  refuse(refuses: boolean): void {
    this.refuses = refuses
  }

  heal(): void {
    this.filter = undefined
    this.refuses = false
    for (const direction of ['toServer', 'toClient'] as const) {
      Object.assign(this.#of[direction], noFaults())
      this.release(direction)
    }
  }

  /** Ends when bytes of the direction may go on. */
  async passage(direction: Direction): Promise<void> {
    while (this.#of[direction].isWithheld) {
      await new Promise<void>((resolve) => {
        this.#released[direction].push(resolve)
      })
    }
  }
}

export class ProxyConnection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #faults: Faults
  readonly ended: Promise<unknown>

  constructor(client: Socket, server: Socket, faults: Faults) {
    this.#client = client
    this.#server = server
    this.#faults = faults
    this.ended = Promise.all([closeOf(client), closeOf(server)])
    this.#carry(client, server, 'toServer')
    this.#carry(server, client, 'toClient')
  }

  reset(): void {
    resetSocket(this.#client)
    resetSocket(this.#server)
  }

  #carry(from: Socket, to: Socket, direction: Direction): void {
    // What went before has to go on first (1).
    let before = Promise.resolve()
    const then = (work: () => void) => {
      before = before.then(() => this.#faults.passage(direction)).then(work)
    }
    from.on('data', (bytes) => {
      const { isDropped, delayMs } = this.#faults.of(direction)
      if (isDropped) return
      const filtered = this.#faults.filter?.(bytes, this, direction) ?? bytes
      if (filtered.length === 0) return
      if (delayMs > 0) before = before.then(() => waited(delayMs))
      then(() => {
        if (!to.destroyed) to.write(filtered)
      })
    })
    from.on('end', () => then(() => to.end()))
    from.on('error', () => resetSocket(to))
    from.on('close', () => then(() => to.destroy()))
  }
}

/** libuv resets no socket that has shut down its side: Node then leaves it open, and silent. */
const resetSocket = (socket: Socket): void => {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** Not by `once` of node:events, which an error before it would reject. */
const closeOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once('close', () => resolve())
  })

const waited = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
