/** A plain WebSocket client for tests of the simulator: keeps every frame, waits for counts. */
import * as Effect from 'effect/Effect'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import { makeGeneratorSource } from '../../../src/adapters/simulator/generator-source.ts'
import { openSimulator } from '../../../src/adapters/simulator/simulator.ts'
import type { Simulator, SimulatorOptions } from '../../../src/adapters/simulator/simulator.ts'

export interface ReceivedFrame {
  readonly text: string
  readonly isBinary: boolean
}

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** Runs a test against an exchange that is closed with it. */
export const withSimulator = (
  options: Partial<SimulatorOptions>,
  body: (simulator: Simulator) => Promise<void>
): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const simulator = yield* openSimulator({
          port: 0,
          source: makeGeneratorSource({ seed: 1 }),
          speed: 'max',
          seed: 1,
          now: Date.now,
          ...options
        })
        yield* Effect.promise(() => body(simulator))
      })
    )
  )

export class ExchangeClient {
  readonly frames: Array<ReceivedFrame> = []
  readonly socket: WebSocket
  readonly closed: Promise<Closed>
  pingCount = 0
  private waiters: Array<() => void> = []

  private constructor(socket: WebSocket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        this.wakeAll()
      })
    })
    socket.on('message', (data: Buffer, isBinary) => {
      this.frames.push({ text: data.toString(isBinary ? 'base64' : 'utf8'), isBinary })
      this.wakeAll()
    })
    socket.on('ping', () => {
      this.pingCount += 1
      this.wakeAll()
    })
    socket.on('error', () => undefined)
  }

  /** Connected once the handshake is done; rejects with the refusal. */
  static async open(url: string, options: ClientOptions = {}): Promise<ExchangeClient> {
    const client = new ExchangeClient(new WebSocket(url, options))
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve)
      client.socket.once('error', reject)
    })
    return client
  }

  /** Resolves as soon as the condition holds; rejects if the connection ends before. */
  async until(holds: (client: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the connection has ended')
      await new Promise<void>((resolve) => this.waiters.push(resolve))
    }
  }

  /** The first `count` frames' texts, once they are there. */
  async take(count: number): Promise<ReadonlyArray<string>> {
    await this.until(({ frames }) => frames.length >= count)
    return this.frames.slice(0, count).map(({ text }) => text)
  }

  /** Sends a request and resolves with the reply that follows it. */
  async ask(request: unknown): Promise<unknown> {
    const isReply = (text: string) => !text.includes('"e":')
    const before = this.frames.length
    this.socket.send(typeof request === 'string' ? request : JSON.stringify(request))
    const find = () => this.frames.slice(before).find(({ text }) => isReply(text))
    await this.until(() => find() !== undefined)
    return JSON.parse(find()!.text) as unknown
  }

  private wakeAll(): void {
    const waiters = this.waiters
    this.waiters = []
    for (const wake of waiters) wake()
  }
}

export interface WireTrade {
  readonly stream: string
  readonly data: {
    readonly e: string
    readonly E: number
    readonly s: string
    readonly t: number
    readonly p: string
    readonly q: string
    readonly T: number
    readonly m: boolean
    readonly M: boolean
  }
}

export const tradeOf = (text: string): WireTrade => JSON.parse(text) as WireTrade

/** Native ids of a symbol's trades, in the order received. */
export const idsOf = (texts: ReadonlyArray<string>, symbol: string): ReadonlyArray<number> =>
  texts.map(tradeOf).flatMap(({ data }) => (data.s === symbol ? [data.t] : []))

export const getJson = async (
  url: string
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: any }> => {
  const response = await fetch(url)
  return { status: response.status, headers: response.headers, body: await response.json() }
}

export const postFaults = async (
  restUrl: string,
  body: unknown
): Promise<{ readonly status: number; readonly body: any }> => {
  const response = await fetch(`${restUrl}/control/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  return { status: response.status, body: await response.json() }
}
