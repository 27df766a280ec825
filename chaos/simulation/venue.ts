/**
 * The venue: trades of a few symbols, sent to whoever is connected. Who is not misses them, and
 * nobody sends them again.
 */
import * as Effect from 'effect/Effect'
import {
  ConnectRefused,
  type SessionError,
  SocketClosed
} from '../../src/adapters/exchange/exchange-errors.ts'
import type { RawFrame } from '../../src/adapters/exchange/frame-result.ts'
import type { ExchangeSession } from '../../src/adapters/exchange/socket-contract.ts'
import type { Instrument } from '../../src/market/instrument.ts'
import type { Environment } from './environment.ts'
import type { SimulatedProcess } from './process.ts'

const baseAssets = ['BTC', 'ETH', 'BNB', 'ADA', 'DOGE'] as const
/** Trades come alone, and in bursts. */
const burst = [1, 2, 6] as const
const batchFramesMax = 50
/** Behind it the socket is not read, and what the venue then sends costs the connection. */
const queueFramesMax = 400
const lastTryMs = 500
const name = 'venue.simulated:443'

export const instruments: readonly Instrument[] = baseAssets.map((baseAsset) => ({
  exchange: 'BINANCE',
  symbol: `${baseAsset}USDT`,
  assetClass: 'crypto',
  baseAsset,
  quoteAsset: 'USDT'
}))

/** A trade as the venue issued it; times in ms, decimals as text. */
export interface Issued {
  readonly symbol: string
  readonly id: number
  readonly price: string
  readonly quantity: string
  readonly timeMs: number
  readonly isBuyerMaker: boolean
  /** No record can have its quantity. */
  readonly isBeyond: boolean
}

export class Venue {
  readonly #environment: Environment
  readonly #sessions = new Set<Session>()
  readonly #nextId = new Map<string, number>()
  readonly #hasOddIds: boolean
  /** By `symbol:id`. */
  readonly issued = new Map<string, Issued>()
  #isOpen = false
  #isDone = false

  /** @param hasOddIds whether it leaves ids out, and issues what cannot be recorded */
  constructor(environment: Environment, { hasOddIds }: { readonly hasOddIds: boolean }) {
    this.#environment = environment
    this.#hasOddIds = hasOddIds
    for (const [index, { symbol }] of instruments.entries()) {
      this.#nextId.set(symbol, 1_000 * (index + 1))
    }
  }

  open(tradesPerSecond: number): void {
    this.#isOpen = true
    const tick = () => {
      if (!this.#isOpen) return
      const count = this.#environment.pick(burst)
      for (let index = 0; index < count; index += 1) this.#trade()
      const pauseMs = (2_000 * count) / tradesPerSecond
      this.#environment.scheduler.after(this.#environment.between(0, pauseMs), tick)
    }
    tick()
  }

  /** With a last trade of each symbol, once somebody hears all of them. */
  close(): void {
    this.#isOpen = false
    const isHeard = [...this.#sessions].some((session) => session.hearsAll)
    if (!isHeard) {
      this.#environment.scheduler.after(lastTryMs, () => this.close())
      return
    }
    for (const { symbol } of instruments) this.#issue(symbol, false)
    this.#isDone = true
  }

  /** Whether nothing more will be issued. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** By its own clock, which does not jump. */
  get nowMs(): number {
    return Math.floor(this.#environment.scheduler.nowMs) + venueStartMs
  }

  newestId(symbol: string): number {
    return this.#nextId.get(symbol)! - 1
  }

  /** Ends a connection, as venues do. */
  drop(): boolean {
    const sessions = [...this.#sessions]
    if (sessions.length === 0) return false
    this.#environment.pick(sessions).end('venue')
    return true
  }

  connect(
    process: SimulatedProcess,
    streams: readonly string[]
  ): Effect.Effect<ExchangeSession, ConnectRefused> {
    return Effect.callback<ExchangeSession, ConnectRefused>((resume) => {
      const cancel = process.after(this.#environment.between(5, 200), () => {
        if (this.#environment.isLucky(0.05)) {
          resume(Effect.fail(new ConnectRefused({ venue: name, reason: 'simulated' })))
          return
        }
        const leave = () => this.#sessions.delete(session)
        const environment = this.#environment
        const session = new Session({ environment, process, onEnd: leave, streams })
        this.#sessions.add(session)
        process.trace('is connected to the venue')
        resume(Effect.succeed(session))
      })
      return Effect.sync(cancel)
    })
  }

  /** As its REST API says it, sometime. */
  newestIds(process: SimulatedProcess): Effect.Effect<ReadonlyMap<string, number>> {
    return Effect.callback<ReadonlyMap<string, number>>((resume) => {
      const cancel = process.after(this.#environment.between(5, 200), () => {
        const symbols = [...this.#nextId.keys()]
        resume(Effect.succeed(new Map(symbols.map((it) => [it, this.newestId(it)]))))
      })
      return Effect.sync(cancel)
    })
  }

  #trade(): void {
    const environment = this.#environment
    const { symbol } = environment.pick(instruments)
    if (this.#hasOddIds && environment.isLucky(oddShare)) {
      this.#nextId.set(symbol, this.#nextId.get(symbol)! + 1)
    }
    this.#issue(symbol, this.#hasOddIds && environment.isLucky(oddShare))
  }

  #issue(symbol: string, isBeyond: boolean): void {
    const environment = this.#environment
    const id = this.#nextId.get(symbol)!
    this.#nextId.set(symbol, id + 1)
    const trade: Issued = {
      symbol,
      id,
      price: `${Math.floor(environment.between(1, 90_000))}.${10 + (id % 90)}000000`,
      quantity: isBeyond ? '10000000000.00000000' : `0.0${1 + (id % 9)}000000`,
      timeMs: this.nowMs,
      isBuyerMaker: environment.isLucky(0.5),
      isBeyond
    }
    this.issued.set(`${symbol}:${id}`, trade)
    const text = frameOf(trade)
    const stream = streamOf(symbol)
    for (const session of this.#sessions) session.send(stream, text)
    // Now and then something that cannot be read: it costs itself only.
    if (environment.isLucky(0.01)) {
      const unreadable = text.replace('"p":"', '"p":"-')
      for (const session of this.#sessions) session.send(stream, unreadable)
    }
  }
}

/** Of ids that the venue leaves out, and of trades that cannot be recorded. */
const oddShare = 0.006

const streamOf = (symbol: string): string => `${symbol.toLowerCase()}@trade`

/** The venue's own clock, which does not jump. */
const venueStartMs = 1_768_478_400_000

const frameOf = ({ symbol, id, price, quantity, timeMs, isBuyerMaker }: Issued): string =>
  `{"stream":"${symbol.toLowerCase()}@trade","data":{"e":"trade","E":${timeMs},` +
  `"s":"${symbol}","t":${id},"p":"${price}","q":"${quantity}","T":${timeMs},` +
  `"m":${isBuyerMaker},"M":true}}`

interface SessionOptions {
  readonly environment: Environment
  readonly process: SimulatedProcess
  readonly onEnd: () => void
  readonly streams: readonly string[]
}

/** One connection: what arrives waits for its reader. */
class Session implements ExchangeSession {
  readonly venue = name
  readonly #environment: Environment
  readonly #process: SimulatedProcess
  readonly #onEnd: () => void
  /** As the venue has them. */
  readonly #streams: Set<string>
  #frames: RawFrame[] = []
  #lastArrivalMs = 0
  #failure: SessionError | undefined
  #wake: (() => void) | undefined

  constructor({ environment, process, onEnd, streams }: SessionOptions) {
    this.#environment = environment
    this.#process = process
    this.#onEnd = onEnd
    this.#streams = new Set(streams)
  }

  /** In order: a connection never lets one frame overtake another. */
  send(stream: string, text: string): void {
    const { scheduler } = this.#environment
    if (!this.#process.isRunning) {
      this.#onEnd()
      return
    }
    if (!this.#streams.has(stream)) return
    const arrivalMs = Math.max(
      this.#lastArrivalMs + 0.001,
      scheduler.nowMs + this.#environment.between(0.2, 5)
    )
    this.#lastArrivalMs = arrivalMs
    this.#process.after(arrivalMs - scheduler.nowMs, () => this.#receive(Buffer.from(text)))
  }

  get hearsAll(): boolean {
    const isRunning = this.#process.isRunning && this.#failure === undefined
    return isRunning && this.#streams.size === instruments.length
  }

  end(closedBy: 'venue' | 'k2'): void {
    this.#onEnd()
    this.#fail(new SocketClosed({ venue: name, code: 1006, reason: '', closedBy }))
  }

  readonly takeFrames: ExchangeSession['takeFrames'] = Effect.callback((resume) => {
    const take = () => resume(this.#next())
    if (this.#frames.length > 0 || this.#failure !== undefined) {
      take()
      return undefined
    }
    this.#wake = take
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  readonly subscribe: ExchangeSession['subscribe'] = (streams) =>
    this.#request(() => streams.forEach((stream) => this.#streams.add(stream)))
  readonly unsubscribe: ExchangeSession['unsubscribe'] = (streams) =>
    this.#request(() => streams.forEach((stream) => this.#streams.delete(stream)))
  readonly caughtUp = Effect.succeed(true)
  readonly close = Effect.sync(() => this.end('k2'))
  readonly streams = () => [...this.#streams]
  readonly queuedBytes = () => this.#frames.reduce((sum, { bytes }) => sum + bytes.length, 0)

  /** The venue does what it is asked for some time later; what was sent comes still. */
  #request(change: () => void): Effect.Effect<void, SessionError> {
    return Effect.callback<void, SessionError>((resume) => {
      const cancel = this.#process.after(this.#environment.between(1, 60), () => {
        if (this.#failure !== undefined) {
          resume(Effect.fail(this.#failure))
          return
        }
        change()
        if (this.#streams.size === 0) this.#environment.note('action: pause')
        this.#process.trace(`is subscribed to [${this.streams().join()}]`)
        resume(Effect.void)
      })
      return Effect.sync(cancel)
    })
  }

  #next(): Effect.Effect<readonly RawFrame[], SessionError> {
    if (this.#frames.length === 0 && this.#failure !== undefined) return Effect.fail(this.#failure)
    return Effect.succeed(this.#frames.splice(0, batchFramesMax))
  }

  #receive(bytes: Buffer): void {
    if (this.#failure !== undefined) return
    if (this.#frames.length >= queueFramesMax) {
      this.end('venue')
      return
    }
    if (this.#environment.isTraced) this.#process.trace(`receives ${bytes.toString('utf8')}`)
    this.#frames.push({
      bytes,
      frameBytes: bytes.length,
      isBinary: false,
      receivedUs: this.#environment.wallMs * 1_000
    })
    this.#wakeReader()
  }

  #fail(error: SessionError): void {
    this.#failure ??= error
    this.#wakeReader()
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
