import { assert, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { genesisMs, makeGeneratorClock } from '../../../src/adapters/simulator/generator-clock.ts'
import { makeGeneratorSource } from '../../../src/adapters/simulator/generator-source.ts'
import type { Playback } from '../../../src/adapters/simulator/trade-source.ts'
import { generatedSymbols } from '../../../src/adapters/simulator/venue-listing.ts'
import { tradeOf } from './exchange-client.ts'
import type { WireTrade } from './exchange-client.ts'

const startMs = Date.UTC(2026, 5, 1, 12)
const seeds = integer({ min: 0, max: 2 ** 32 - 1 })
const rates = integer({ min: 1, max: 5_000 })
const starts = integer({ min: genesisMs + 60_000, max: genesisMs + 10 * 365 * 86_400_000 })

const playNext = (playback: Playback, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, () => {
    expect(playback.advance(Number.POSITIVE_INFINITY)).toBe(true)
    return playback.frame().bytes.toString()
  })

const bySymbol = (
  texts: ReadonlyArray<string>
): ReadonlyMap<string, ReadonlyArray<WireTrade['data']>> => {
  const grouped = new Map<string, Array<WireTrade['data']>>()
  for (const { data } of texts.map(tradeOf))
    grouped.set(data.s, [...(grouped.get(data.s) ?? []), data])
  return grouped
}

describe('the clock of a symbol', () => {
  test('an id is issued at an instant exactly if it is due by then', () => {
    assert(
      property(seeds, rates, starts, integer({ min: 0, max: 50 }), (seed, rate, ms, ahead) => {
        const clock = makeGeneratorClock(rate, seed)
        const last = clock.lastIdAt(ms)
        expect(clock.dueMs(Math.max(1, last))).toBeLessThanOrEqual(Math.max(ms, clock.dueMs(1)))
        expect(clock.dueMs(last + 1)).toBeGreaterThan(ms)
        const due = clock.dueMs(last + 1 + ahead)
        expect(clock.lastIdAt(due)).toBeGreaterThanOrEqual(last + 1 + ahead)
        expect(clock.lastIdAt(due - 1)).toBeLessThan(last + 1 + ahead)
      })
    )
  })

  test('does not depend on what was asked before', () => {
    assert(
      property(seeds, rates, starts, (seed, rate, ms) => {
        const walking = makeGeneratorClock(rate, seed)
        const first = walking.lastIdAt(ms) + 1
        for (let id = first; id < first + 40; id += 1) {
          expect(walking.dueMs(id)).toBe(makeGeneratorClock(rate, seed).dueMs(id))
        }
      }),
      { numRuns: 30 }
    )
  })

  test('a flood multiplies the rate from its instant on and leaves the past alone', () => {
    assert(
      property(seeds, starts, integer({ min: 2, max: 50 }), (seed, ms, times) => {
        const plain = makeGeneratorClock(50, seed)
        const flooded = makeGeneratorClock(50, seed)
        flooded.flood(times, ms)
        const last = plain.lastIdAt(ms)
        expect(flooded.lastIdAt(ms)).toBe(last)
        expect(flooded.dueMs(last)).toBe(plain.dueMs(last))
        const gained = flooded.lastIdAt(ms + 60_000) - last
        expect(Math.abs(gained - times * (plain.lastIdAt(ms + 60_000) - last))).toBeLessThanOrEqual(
          16 * (times + 1)
        )
        flooded.flood(1, ms + 60_000)
        const end = flooded.lastIdAt(ms + 60_000)
        const after = flooded.lastIdAt(ms + 120_000) - end
        const usual = plain.lastIdAt(ms + 120_000) - plain.lastIdAt(ms + 60_000)
        expect(Math.abs(after - usual)).toBeLessThanOrEqual(32)
        for (let id = last; id < last + 30; id += 1) {
          expect(flooded.dueMs(id + 1)).toBeGreaterThanOrEqual(flooded.dueMs(id))
        }
      })
    )
  })

  test('there are bursts and lulls', () => {
    const clock = makeGeneratorClock(30, 5)
    const perSecond = Array.from(
      { length: 300 },
      (_, s) => clock.lastIdAt(startMs + (s + 1) * 1_000) - clock.lastIdAt(startMs + s * 1_000)
    )
    expect(Math.max(...perSecond)).toBeGreaterThan(40)
    expect(Math.min(...perSecond)).toBeLessThan(20)
  })
})

describe('the generated market', () => {
  test('ids are consecutive, times never go back, over all symbols and within each', () => {
    assert(
      property(seeds, rates, starts, (seed, rate, nowMs) => {
        const texts = playNext(makeGeneratorSource({ seed, rate }).play(nowMs), 400)
        const events = texts.map(tradeOf).map(({ data }) => data.E)
        expect(events).toEqual([...events].sort((left, right) => left - right))
        expect(events[0]).toBeGreaterThan(nowMs)
        for (const trades of bySymbol(texts).values()) {
          trades.forEach((trade, index) => {
            expect(trade.t).toBe(trades[0]!.t + index)
            expect(trade.E).toBe(trade.T + 1)
          })
        }
      }),
      { numRuns: 30 }
    )
  })

  test('the same seed gives the same bytes, another seed others', () => {
    assert(
      property(seeds, starts, (seed, nowMs) => {
        const texts = playNext(makeGeneratorSource({ seed }).play(nowMs), 200)
        expect(playNext(makeGeneratorSource({ seed }).play(nowMs), 200)).toEqual(texts)
        expect(playNext(makeGeneratorSource({ seed: seed + 1 }).play(nowMs), 200)).not.toEqual(
          texts
        )
      }),
      { numRuns: 20 }
    )
  })

  test('a restart continues where time is: ids and bytes do not depend on when it began', () => {
    const source = makeGeneratorSource({ seed: 3 })
    const early = playNext(source.play(startMs), 3_000)
    const cut = tradeOf(early[1_499]!).data.E
    const late = playNext(source.play(cut), 500)
    const continued = early.filter((text) => tradeOf(text).data.E > cut).slice(0, 500)
    expect(late).toEqual(continued)
  })

  test('history tells what was sent, and nothing of the future', () => {
    assert(
      property(seeds, starts, integer({ min: 1, max: 60 }), (seed, nowMs, limit) => {
        const playback = makeGeneratorSource({ seed }).play(nowMs)
        const sent = bySymbol(playNext(playback, 500))
        for (const [symbol, trades] of sent) {
          const from = trades[Math.floor(trades.length / 2)]!.t
          const told = playback.trades(symbol, from, limit)
          const expected = trades.filter(({ t }) => t >= from).slice(0, limit)
          expect(told).toEqual(
            expected.map(({ t, T, p, q, m, M }) => ({
              id: t,
              timeMs: T,
              price: p,
              quantity: q,
              buyerIsMaker: m,
              bestMatch: M
            }))
          )
          expect(playback.newestId(symbol)).toBe(trades.at(-1)!.t)
          expect(playback.trades(symbol, trades.at(-1)!.t + 1, limit)).toEqual([])
          expect(playback.trades(symbol, undefined, 1)[0]!.id).toBe(trades.at(-1)!.t)
        }
      }),
      { numRuns: 20 }
    )
  })

  test('prices are near their level, on the tick, and move little from trade to trade', () => {
    const sent = bySymbol(playNext(makeGeneratorSource({ seed: 9 }).play(startMs), 20_000))
    expect([...sent.keys()].sort()).toEqual(generatedSymbols.map(({ symbol }) => symbol).sort())
    for (const { symbol, priceLevel, priceDecimals, quantityDecimals } of generatedSymbols) {
      const trades = sent.get(symbol)!
      const prices = trades.map(({ p }) => Number(p))
      expect(Math.max(...prices)).toBeLessThan(priceLevel * 1.2)
      expect(Math.min(...prices)).toBeGreaterThan(priceLevel * 0.8)
      expect(new Set(prices).size).toBeGreaterThan(1)
      prices.slice(1).forEach((price, index) => {
        expect(Math.abs(price / prices[index]! - 1)).toBeLessThan(0.002)
      })
      for (const { p, q } of trades) {
        expect(p).toMatch(new RegExp(`^\\d+\\.\\d{${priceDecimals}}0{${8 - priceDecimals}}$`))
        expect(q).toMatch(new RegExp(`^\\d+\\.\\d{${quantityDecimals}}0{${8 - quantityDecimals}}$`))
        expect(Number(q)).toBeGreaterThan(0)
      }
    }
    const btc = sent.get('BTCUSDT')!
    expect(btc.filter(({ m }) => m).length / btc.length).toBeGreaterThan(0.3)
    expect(btc.filter(({ m }) => m).length / btc.length).toBeLessThan(0.7)
    const ties = btc.filter(({ T }, index) => T === btc[index - 1]?.T).length
    expect(ties / btc.length).toBeGreaterThan(0.3)
  })

  test('tiers 1 to 3 are there, and a quote asset that is not USDT', () => {
    expect(new Set(generatedSymbols.map(({ tier }) => tier))).toEqual(new Set([1, 2, 3]))
    expect(generatedSymbols.some(({ quoteAsset }) => quoteAsset !== 'USDT')).toBe(true)
  })

  test('the total rate is what was asked for', () => {
    const playback = makeGeneratorSource({ seed: 4, rate: 250 }).play(startMs)
    const dayMs = 86_400_000
    const btc = makeGeneratorSource({ seed: 4, rate: 250 }).play(startMs + dayMs)
    const total = generatedSymbols.reduce(
      (sum, { symbol }) => sum + btc.newestId(symbol) - playback.newestId(symbol),
      0
    )
    expect(total / (dayMs / 1_000) / 250).toBeCloseTo(1, 2)
  })

  test('rates can be stated by tier, and even: at any time they are what is stated', () => {
    const tierRates = { 1: 30, 2: 200, 3: 70 }
    const playback = makeGeneratorSource({ seed: 9, tierRates, isEven: true }).play(startMs)
    const countsAfter = (second: number) => {
      while (playback.advance(startMs + second * 1_000)) continue
      const counts = { 1: 0, 2: 0, 3: 0 }
      for (const { symbol, tier } of generatedSymbols) counts[tier] += playback.newestId(symbol)
      return counts
    }
    let before = countsAfter(0)
    for (const second of [10, 20, 30]) {
      const now = countsAfter(second)
      for (const tier of [1, 2, 3] as const) {
        // Trades come in clusters of up to four a symbol.
        const count = now[tier] - before[tier]
        expect(Math.abs(count - 10 * tierRates[tier]), `tier ${tier}`).toBeLessThanOrEqual(24)
      }
      before = now
    }
  })

  test('a flood of one tier leaves the others as they are', () => {
    const source = makeGeneratorSource({ seed: 2 })
    const counts = (flooded: boolean) => {
      const playback = source.play(startMs)
      if (flooded) playback.flood?.(3, 20)
      const before = new Map(
        generatedSymbols.map(({ symbol }) => [symbol, playback.newestId(symbol)])
      )
      while (playback.advance(startMs + 20_000)) continue
      return generatedSymbols.map(({ symbol, tier }) => ({
        tier,
        count: playback.newestId(symbol) - before.get(symbol)!
      }))
    }
    const plain = counts(false)
    counts(true).forEach(({ tier, count }, index) => {
      if (tier === 3) expect(count / plain[index]!.count).toBeGreaterThan(10)
      else expect(count).toBe(plain[index]!.count)
    })
  })

  test('quotes follow their cluster of trades, which stay as they are', () => {
    const source = makeGeneratorSource({ seed: 11 })
    const plain = playNext(source.play(startMs), 3_000)
    const playback = source.play(startMs)
    playback.playQuotes?.(true)
    const trades: string[] = []
    const quotes: Array<{ readonly u: number } & Readonly<Record<string, string>>> = []
    while (trades.length < plain.length) {
      expect(playback.advance(Number.POSITIVE_INFINITY)).toBe(true)
      const { bytes, dataStart, dataEnd } = playback.frame()
      const stream = source.streams[playback.stream()]!
      expect(JSON.parse(bytes.toString())).toMatchObject({ stream })
      if (stream.endsWith('@trade')) {
        trades.push(bytes.toString())
        continue
      }
      expect(playback.tradeId()).toBe(-1)
      quotes.push(JSON.parse(bytes.toString('utf8', dataStart, dataEnd)) as (typeof quotes)[number])
    }
    expect(trades).toEqual(plain)
    expect(quotes.length).toBeGreaterThan(1_000)
    const last = new Map<string, number>()
    for (const { u, s: symbol, b, B, a, A } of quotes) {
      expect(u).toBeGreaterThan(last.get(symbol!) ?? 0)
      last.set(symbol!, u)
      expect(Number(b)).toBeGreaterThan(0)
      expect(Number(a)).toBeGreaterThan(Number(b))
      for (const text of [b, B, a, A]) expect(text).toMatch(/^\d+\.\d{8}$/)
      expect(Math.min(Number(B), Number(A))).toBeGreaterThan(0)
    }
  })

  test('a restart gives the same quotes as if it had gone on', () => {
    const quotesOf = (nowMs: number, count: number) => {
      const source = makeGeneratorSource({ seed: 5 })
      const playback = source.play(nowMs)
      playback.playQuotes?.(true)
      const found: Array<readonly [dueMs: number, text: string]> = []
      while (found.length < count) {
        playback.advance(Number.POSITIVE_INFINITY)
        if (playback.tradeId() === -1)
          found.push([playback.dueMs(), playback.frame().bytes.toString()])
      }
      return found
    }
    const early = quotesOf(startMs, 1_000)
    const [cut] = early[500]!
    const continued = early.filter(([dueMs]) => dueMs > cut).slice(0, 200)
    expect(quotesOf(cut, 200)).toEqual(continued)
  })
})
