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
}

export class Venue {
  readonly #environment: Environment
  readonly #sessions = new Set<Session>()
  readonly #nextId = new Map<string, number>()
  /** By `symbol:id`. */
  readonly issued = new Map<string, Issued>()
  #isOpen = false

  constructor(environment: Environment) {
    this.#environment = environment
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

  close(): void {
    this.#isOpen = false
  }

  /** Ends a connection, as venues do. */
  drop(): boolean {
    const sessions = [...this.#sessions]
    if (sessions.length === 0) return false
    this.#environment.pick(sessions).end('venue')
    return true
  }

  connect(process: SimulatedProcess): Effect.Effect<ExchangeSession, ConnectRefused> {
    return Effect.callback<ExchangeSession, ConnectRefused>((resume) => {
      const cancel = process.after(this.#environment.between(5, 200), () => {
        if (this.#environment.isLucky(0.05)) {
          resume(Effect.fail(new ConnectRefused({ venue: name, reason: 'simulated' })))
          return
        }
        const leave = () => this.#sessions.delete(session)
        const session = new Session(this.#environment, process, leave)
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
        const newest = [...this.#nextId].map(([symbol, id]) => [symbol, id - 1] as const)
        resume(Effect.succeed(new Map(newest)))
      })
      return Effect.sync(cancel)
    })
  }

  #trade(): void {
    const environment = this.#environment
    const { symbol } = environment.pick(instruments)
    const id = this.#nextId.get(symbol)!
    this.#nextId.set(symbol, id + 1)
    const trade: Issued = {
      symbol,
      id,
      price: `${Math.floor(environment.between(1, 90_000))}.${10 + (id % 90)}000000`,
      quantity: `0.0${1 + (id % 9)}000000`,
      timeMs: Math.floor(environment.scheduler.nowMs) + venueStartMs,
      isBuyerMaker: environment.isLucky(0.5)
    }
    this.issued.set(`${symbol}:${id}`, trade)
    const text = frameOf(trade)
    for (const session of this.#sessions) session.send(text)
    // Now and then something that cannot be read: it costs itself only.
    if (environment.isLucky(0.01)) {
      for (const session of this.#sessions) session.send(text.replace('"p":"', '"p":"-'))
    }
  }
}

/** The venue's own clock, which does not jump. */
const venueStartMs = 1_768_478_400_000

const frameOf = ({ symbol, id, price, quantity, timeMs, isBuyerMaker }: Issued): string =>
  `{"stream":"${symbol.toLowerCase()}@trade","data":{"e":"trade","E":${timeMs},` +
  `"s":"${symbol}","t":${id},"p":"${price}","q":"${quantity}","T":${timeMs},` +
  `"m":${isBuyerMaker},"M":true}}`

/** One connection: what arrives waits for its reader. */
class Session implements ExchangeSession {
  readonly venue = name
  readonly #environment: Environment
  readonly #process: SimulatedProcess
  readonly #onEnd: () => void
  #frames: RawFrame[] = []
  #lastArrivalMs = 0
  #failure: SessionError | undefined
  #wake: (() => void) | undefined

  constructor(environment: Environment, process: SimulatedProcess, onEnd: () => void) {
    this.#environment = environment
    this.#process = process
    this.#onEnd = onEnd
  }

  /** In order: a connection never lets one frame overtake another. */
  send(text: string): void {
    const { scheduler } = this.#environment
    if (!this.#process.isRunning) {
      this.#onEnd()
      return
    }
    const arrivalMs = Math.max(
      this.#lastArrivalMs + 0.001,
      scheduler.nowMs + this.#environment.between(0.2, 5)
    )
    this.#lastArrivalMs = arrivalMs
    this.#process.after(arrivalMs - scheduler.nowMs, () => this.#receive(Buffer.from(text)))
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

  readonly subscribe = () => Effect.void
  readonly unsubscribe = () => Effect.void
  readonly caughtUp = Effect.succeed(true)
  readonly close = Effect.sync(() => this.end('k2'))
  readonly streams = () => instruments.map(({ symbol }) => `${symbol.toLowerCase()}@trade`)
  readonly queuedBytes = () => this.#frames.reduce((sum, { bytes }) => sum + bytes.length, 0)

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
    this.#process.trace(`receives ${bytes.toString('utf8')}`)
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
