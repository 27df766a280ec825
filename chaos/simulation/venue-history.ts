/**
 * The venue's REST interface, as far as the healer asks it: listing, limits and history, with
 * weights that add up within windows of the venue's clock. It may fail, refuse, hang, and answer
 * what it was not asked.
 */
import type { SendRequest } from '../../src/adapters/exchange/rest-request.ts'
import type { WeightLimit } from '../../src/machines/weight-budget.ts'
import type { Sometimes } from './coverage.ts'
import type { Environment } from './environment.ts'
import type { FaultChance, FaultPlan } from './faults.ts'
import type { SimulatedProcess } from './process.ts'
import { instruments, type Issued, type Venue } from './venue.ts'

type Answer = Awaited<ReturnType<SendRequest>>

const weights: Readonly<Record<string, number>> = {
  '/api/v3/exchangeInfo': 20,
  '/api/v3/historicalTrades': 25
}
const banMs = 3_000
/** So few that no id is asked for in vain three times, and given up. */
const faultsMax = 2

export class VenueHistory {
  readonly #environment: Environment
  readonly #venue: Venue
  readonly #limit: WeightLimit
  /** Those of the run; here they go on when the others have ended, which is when most is asked. */
  readonly #chances: FaultPlan['chances']
  #faultsLeft = faultsMax
  #window = 0
  #used = 0
  #bannedUntilMs = 0

  constructor(environment: Environment, venue: Venue, limit: WeightLimit) {
    this.#environment = environment
    this.#venue = venue
    this.#limit = limit
    this.#chances = environment.faults.chances
  }

  /** As a process reaches it. */
  sendFrom(process: SimulatedProcess): SendRequest {
    return (url) =>
      new Promise((resolve, reject) => {
        process.after(this.#environment.between(2, 40), () => {
          process.trace(`asks the venue: ${url}`)
          const answer = this.#answerTo(new URL(url))
          if (answer === 'nothing') return
          process.after(this.#environment.between(2, 40), () =>
            answer === 'failure' ? reject(new Error('simulated: reset')) : resolve(answer)
          )
        })
      })
  }

  #answerTo({ pathname, searchParams }: URL): Answer | 'nothing' | 'failure' {
    const refusal = this.#charge(weights[pathname] ?? 1)
    if (refusal !== undefined) return refusal
    if (this.#strikes('historyFails', 'fault: history fails')) return this.#failure()
    if (pathname === '/api/v3/exchangeInfo') return this.#say(this.#info())
    const symbol = searchParams.get('symbol') ?? ''
    const asked = { symbol, fromId: Number(searchParams.get('fromId')) }
    const limit = Number(searchParams.get('limit'))
    const trades = this.#tradesFrom(asked, limit)
    if (!this.#strikes('historyOdd', 'fault: history odd')) return this.#say(trades)
    return this.#odd(asked, limit, trades)
  }

  #strikes(fault: FaultChance, what: Sometimes): boolean {
    const environment = this.#environment
    if (this.#faultsLeft === 0 || !environment.isLucky(this.#chances[fault])) return false
    this.#faultsLeft -= 1
    environment.note(what)
    return true
  }

  /** Whoever asks for too much is refused, and so is, now and then, somebody who does not. */
  #charge(weight: number): Answer | undefined {
    const { nowMs } = this.#venue
    const { limit, intervalMs } = this.#limit
    const window = Math.floor(nowMs / intervalMs)
    if (window !== this.#window) this.#used = 0
    this.#window = window
    this.#used += weight
    const isLimited = this.#strikes('historyLimited', 'fault: history limited')
    if (nowMs < this.#bannedUntilMs || isLimited) {
      this.#bannedUntilMs = Math.max(this.#bannedUntilMs, nowMs + banMs)
      const status = this.#environment.pick([429, 418])
      return this.#say({ code: -1003, msg: 'too much' }, status, { 'retry-after': '3' })
    }
    if (this.#used <= limit) return undefined
    return this.#say({ code: -1003, msg: 'too much' }, 429)
  }

  #failure(): Answer | 'nothing' | 'failure' {
    const environment = this.#environment
    const kind = environment.pick(['nothing', 'failure', 'error', 'no json', 'question'] as const)
    if (kind === 'nothing' || kind === 'failure') return kind
    if (kind === 'error') return this.#say({ code: -1000, msg: 'simulated' }, 503)
    if (kind === 'question') return this.#say({ code: -1100, msg: 'simulated' }, 400)
    return { ...this.#say(null), text: '<html>' }
  }

  #say(body: unknown, status = 200, more: Readonly<Record<string, string>> = {}): Answer {
    const headers = new Headers({ 'x-mbx-used-weight-1m': String(this.#used), ...more })
    return { status, headers, text: JSON.stringify(body) }
  }

  #info() {
    const { limit, intervalMs } = this.#limit
    const intervalNum = intervalMs / 1_000
    return {
      serverTime: this.#venue.nowMs,
      rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'SECOND', intervalNum, limit }],
      symbols: instruments.map(({ symbol, baseAsset, quoteAsset }) => ({
        symbol, baseAsset, quoteAsset, status: 'TRADING'
      }))
    }
  }

  #tradesFrom({ symbol, fromId }: Asked, limit: number): readonly Entry[] {
    const entries: Entry[] = []
    const newestId = this.#venue.newestId(symbol)
    for (let id = fromId; id <= newestId && entries.length < limit; id += 1) {
      const issued = this.#venue.issued.get(`${symbol}:${id}`)
      if (issued !== undefined) entries.push(entryOf(issued))
    }
    return entries
  }

  /** An answer to another question, or a part of this one's. */
  #odd(asked: Asked, limit: number, trades: readonly Entry[]): Answer {
    const environment = this.#environment
    const others = instruments.filter(({ symbol }) => symbol !== asked.symbol)
    const odd: readonly (readonly Entry[])[] = [
      [],
      trades.slice(0, Math.floor(trades.length / 2)),
      trades.toReversed(),
      [...trades, ...trades],
      trades.map((entry) => ({ ...entry, symbol: 'XYZ' })),
      trades.map(({ qty: _qty, ...entry }) => entry as Entry),
      this.#tradesFrom({ symbol: environment.pick(others).symbol, fromId: 1 }, limit),
      this.#tradesFrom({ ...asked, fromId: asked.fromId - 2 }, limit)
    ]
    return this.#say(environment.pick(odd))
  }
}

interface Asked {
  readonly symbol: string
  readonly fromId: number
}

interface Entry {
  readonly id: number
  readonly price: string
  readonly qty: string
  readonly time: number
  readonly isBuyerMaker: boolean
  readonly isBestMatch: boolean
}

const entryOf = ({ id, price, quantity: qty, timeMs: time, isBuyerMaker }: Issued): Entry => ({
  id, price, qty, time, isBuyerMaker, isBestMatch: true
})
