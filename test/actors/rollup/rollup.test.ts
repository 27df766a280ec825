/**
 * The table of candles against recomputation: any interleaving of commits, late trades, merged
 * files and kills. What queries answer is what one would make by hand of the trades that have
 * landed, and those of the tail, at every moment (R21).
 */
import * as Effect from 'effect/Effect'
import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TailPart } from '../../../src/adapters/query/query-ports.ts'
import { axisOf, type Candle, type CandleInterval } from '../../../src/market/candle.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { dayOfTime, startOfDay, zoneOf } from '../../../src/market/trading-day.ts'
import { candlesByHand, fixedInterval, type IntervalOf } from '../../support/candles-by-hand.ts'
import { trade } from '../../support/trades.ts'
import { RollupWorld, tailSql, zones } from './rollup-world.ts'

const startUs = 1_723_075_200_000_000
const [minute, hour, day] = [60_000_000, 3_600_000_000, 86_400_000_000]

let world: RollupWorld
beforeEach(async () => {
  world = await RollupWorld.open()
})
afterEach(() => world.close())

/** Few minutes with many trades, and many with few; some at the same time, some at edges. */
const timeUs = fc.oneof(
  fc.integer({ min: 0, max: 3 * minute }),
  fc.integer({ min: 0, max: 2 * day }),
  fc.constantFrom(0, 59_999_999, minute, hour - 1, day, day + 14 * hour - 1, day + 14 * hour)
)
const decimal = fc.oneof(
  fc.bigInt({ min: 1n, max: 10n ** 13n }),
  fc.constantFrom(1n, 10n ** 18n - 1n, 99_999_999n, 10n ** 8n)
)
const draft = fc.record({
  exchange: fc.constantFrom('BINANCE', 'BINANCE', 'ASX'),
  symbol: fc.constantFrom('BTCUSDT', 'ETHUSDT', 'ÄÖ'),
  time: timeUs,
  price: fc.oneof(decimal, fc.constant(-(10n ** 18n) + 1n)),
  quantity: decimal,
  side: fc.constantFrom('BUY' as const, 'SELL' as const, 'SELL_SHORT' as const, 'UNKNOWN' as const)
})
type Draft = typeof draft extends fc.Arbitrary<infer A> ? A : never

const drafts = fc.array(draft, { minLength: 1, maxLength: 30 })
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('land' as const), drafts }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollup' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('kill' as const), at: fc.integer({ min: 0, max: 7 }) })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('step' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('both' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tail' as const), drafts }) }
)

const intervalOf = (interval: CandleInterval, exchange: string): IntervalOf => {
  if (interval !== '1d') return fixedInterval(axisOf(interval, 'UTC').widthUs)
  const zone = zoneOf(zones, exchange)
  return (us) => {
    const day = dayOfTime(zone, us)
    return [startOfDay(zone, day), startOfDay(zone, day + 1)]
  }
}

class Model {
  readonly trades: TradeV2[] = []
  #id = 0

  made(drafts: readonly Draft[]): readonly TradeV2[] {
    return drafts.map(({ exchange, symbol, time, ...values }) => {
      this.#id += 1
      const id = this.#id % 7 === 0 ? null : this.#id
      return trade(symbol, this.#id, {
        ...values,
        exchange,
        source_sequence: id,
        message_id: `${exchange}:${symbol}:${this.#id}`,
        timestamp: startUs + time
      })
    })
  }

  newest(trades: readonly TradeV2[]): ReadonlyMap<string, number> {
    const newest = new Map<string, number>()
    for (const { exchange, symbol, timestamp } of trades) {
      const key = `${exchange}:${symbol}`
      newest.set(key, Math.max(timestamp, newest.get(key) ?? -Infinity))
    }
    return newest
  }

  /** In the order of answers. */
  candles(trades: readonly TradeV2[], symbol: string, interval: CandleInterval) {
    return ['ASX', 'BINANCE']
      .flatMap((exchange) => {
        const own = trades.filter((it) => it.exchange === exchange && it.symbol === symbol)
        const newestUs = Math.max(...own.map(({ timestamp }) => timestamp))
        const candles = candlesByHand(own, intervalOf(interval, exchange), newestUs)
        return candles.map((candle) => ({ exchange, symbol, ...candle }))
      })
      .sort((left, right) => left.startUs - right.startUs)
  }
}

const withoutState = (candle: Candle): Omit<Candle, 'state'> => {
  const { state, ...others } = candle
  expect(['complete', 'provisional']).toContain(state)
  return others
}

const intervals: readonly CandleInterval[] = ['15s', '1m', '5m', '4h', '1d']

const tailOf = (tail: readonly TradeV2[]): TailPart => ({
  sql: tailSql(tail),
  parameters: {},
  rowsMax: tail.length,
  timestampLowerUs: -Infinity,
  timestampUpperUs: Infinity,
  since: () => tailOf(tail)
})

const check = async (model: Model, tail: readonly TradeV2[] = []) => {
  const all = [...model.trades, ...tail]
  const query = await world.query(model.newest(model.trades), (planner) => ({
    acquire: (filter) =>
      Effect.map(planner.acquire(filter), (lease) => ({
        ...lease,
        beyond: {
          ...lease.beyond,
          tail: tail.length === 0 ? undefined : tailOf(tail)
        }
      }))
  }))
  for (const symbol of ['BTCUSDT', 'ÄÖ']) {
    for (const interval of intervals) {
      const { candles } = await Effect.runPromise(
        query.list({ symbols: [symbol], interval }, 10_000)
      )
      const expected = model.candles(all, symbol, interval)
      expect(candles.map(withoutState), `${symbol} ${interval}`).toEqual(expected)
    }
  }
}

/** Of the table alone: leases of the trades have no files. */
const checkTable = async (model: Model) => {
  const query = await world.query(model.newest(model.trades), (planner) => ({
    acquire: (filter) =>
      Effect.map(planner.acquire(filter), (lease) => ({ ...lease, files: [] }))
  }))
  for (const symbol of ['BTCUSDT', 'ETHUSDT', 'ÄÖ']) {
    const { candles } = await Effect.runPromise(
      query.list({ symbols: [symbol], interval: '1m' }, 10_000)
    )
    expect(candles.map(withoutState)).toEqual(model.candles(model.trades, symbol, '1m'))
  }
}

/** A minute that is in memory by then, of which the tail has more. */
const sameMinute: readonly Draft[] = [1n, 2n].map((price) => ({
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  time: 1,
  price,
  quantity: 10n ** 8n,
  side: 'BUY'
}))
const keptMinuteWithTail: (typeof operation extends fc.Arbitrary<infer A> ? A : never)[] = [
  { kind: 'land', drafts: [...sameMinute] },
  { kind: 'rollup' },
  { kind: 'tail', drafts: [] },
  { kind: 'tail', drafts: [...sameMinute] }
]

test('candles are those of the trades, whatever landed when and who was killed', async () => {
  await fc.assert(
    fc
      .asyncProperty(fc.array(operation, { minLength: 4, maxLength: 14 }), async (operations) => {
        const model = new Model()
        for (const operation of operations) {
          if (operation.kind === 'land') {
            const trades = model.made(operation.drafts)
            await world.trades.landTrades(trades)
            model.trades.push(...trades)
          } else if (operation.kind === 'compact') {
            if (model.trades.length > 0) await Effect.runPromise(world.trades.compact())
          } else if (operation.kind === 'rollup') {
            expect(await world.rollup()).toBe('covered')
          } else if (operation.kind === 'both') {
            const outcomes = await Promise.all([world.rollup(), world.rollup()])
            expect(outcomes).toEqual(['covered', 'covered'])
          } else if (operation.kind === 'kill') await world.rollup({ killAt: operation.at })
          else if (operation.kind === 'step') await world.rollup({ stepsMax: 1 })
          else await check(model, model.made(operation.drafts))
          if (operation.kind === 'kill' || operation.kind === 'step') await check(model)
        }
        await check(model)
        expect(await world.rollup()).toBe('covered')
        await checkTable(model)
        const done = world.events.length
        expect(await world.rollup()).toBe('covered')
        expect(world.events.length, 'what is covered is left alone').toBe(done)
      })
      .afterEach(async () => {
        await world.close()
        world = await RollupWorld.open()
      }),
    { numRuns: 6, examples: [[keptMinuteWithTail]] }
  )
}, 170_000)

test('files of a busy minute are covered by one step', async () => {
  const model = new Model()
  const busy = (count: number, minutes: number): readonly Draft[] =>
    Array.from({ length: count }, (_, index) => ({
      exchange: 'BINANCE',
      symbol: 'BTCUSDT',
      time: minutes * minute + index,
      price: 10n ** 8n,
      quantity: 10n ** 8n,
      side: 'BUY'
    }))
  // A step takes about 40 rows; the minute has 300 in ten files.
  for (let file = 0; file < 10; file += 1) await world.trades.landTrades(model.made(busy(30, 0)))
  await world.trades.landTrades(model.made(busy(30, 1)))
  expect(await world.rollup()).toBe('covered')
  const made = world.events.map((event) => ('minutes' in event ? event.minutes : 0))
  expect(made).toEqual([1, 1])
})
