import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/adapters/config/config.ts'
import { defaultCryptoTiers, tierOf } from '../../src/market/tier.ts'
import { readFlags } from '../../demo/flags.ts'
import * as Plan from '../../demo/plan.ts'
import { totalOf } from '../../demo/record.ts'
import { demoSettings, memoryBytesMax } from '../../demo/settings.ts'

describe('the flood', () => {
  const capacities = fc.integer({ min: 1_500, max: 500_000 })

  test('is more than lands, also without tier 3, and tier 1 alone at most 30 % of it', () => {
    fc.assert(
      fc.property(capacities, (capacity) => {
        const { rates } = Plan.floodOf(capacity)
        expect(rates[1]).toBeLessThanOrEqual(0.3 * capacity)
        expect(rates[1] + rates[2]).toBeGreaterThan(1.4 * capacity)
        expect(rates[3]).toBeGreaterThanOrEqual(Plan.calmRates[3])
      })
    )
  })

  test('never asks the exchange for what it refuses', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (capacity) => {
        for (const times of Object.values(Plan.floodOf(capacity).times)) {
          expect(times).toBeGreaterThanOrEqual(1)
          expect(times).toBeLessThanOrEqual(1_000)
        }
      })
    )
  })

  test('of what the line of the demonstration carries is some twenty times the calm', () => {
    const { overCalm } = Plan.floodOf(9_000)
    expect(overCalm).toBeGreaterThan(18)
    expect(overCalm).toBeLessThan(24)
    expect(totalOf(Plan.calmRates)).toBe(1_000)
  })
})

test('a flood that grows leaves tier 1 as it is', () => {
  expect(Plan.grown({ 1: 20, 2: 30, 3: 900 })).toEqual({ 1: 20, 2: 45, 3: 1_000 })
  expect(Plan.ratesAt({ 1: 1, 2: 1, 3: 1 })).toEqual(Plan.calmRates)
})

describe('what lands per second', () => {
  const kept = { bytes: 1_000_000, landed: 50_000, seconds: 10, lag: 2_000 }
  test.each([
    ['by what a trade takes of the line', kept, Plan.lineBytesPerSecond / 20],
    ['by what landed, where not more could', { ...kept, landed: 10_000, lag: 12_000 }, 1_000],
    ['nothing', { ...kept, landed: 0 }, 0]
  ])('%s', (_, measured, expected) => {
    expect(Plan.capacityOf(measured)).toBeCloseTo(expected)
  })
})

describe('the weight that the exchange announces', () => {
  test('lets what was shed be healed in about 45 s, by four fifths of it', () => {
    const perSecond = (Plan.weightLimitFor(900_000) * 0.8) / 60
    expect((900 * 25) / perSecond).toBeCloseTo(45, 1)
  })

  test('is never less than what the venue announces', () => {
    expect(Plan.weightLimitFor(0)).toBe(6_000)
  })

  test('at the venue it takes longer', () => {
    expect(Plan.venueSeconds(300_000)).toBeCloseTo(93.75)
  })
})

test('symbols are of all tiers, and tier 1 is what K2 takes for it', () => {
  const tiers = Plan.symbols.map((symbol) =>
    tierOf(defaultCryptoTiers, { baseAsset: symbol.replace('USDT', '') })
  )
  expect(new Set(tiers)).toEqual(new Set([1, 2, 3]))
  expect(Plan.symbols.filter((_, index) => tiers[index] === 1)).toEqual(Plan.tier1Symbols)
  for (const name of ['BTC', 'ETH', 'BNB', 'ADA', 'DOGE'])
    expect(Plan.symbols).toContain(`${name}USDT`)
})

test('K2 takes the settings, and the memory limit is the one that is judged by', () => {
  expect(readConfig(demoSettings, []).memoryBytesMax).toBe(memoryBytesMax)
})

describe('flags', () => {
  test('none', () => {
    const flags = readFlags([])
    expect(flags).toMatchObject({
      isEmbedded: false, isFast: false, installs: false, keeps: false
    })
    expect(flags).toHaveProperty('report', expect.stringMatching(/demo\/report\.html$/))
  })

  test('all', () => {
    const args = ['--embedded', '--fast', '--keep', '--seed', '7', '--report=/tmp/x']
    expect(readFlags(args)).toEqual({
      isEmbedded: true, isFast: true, installs: false, keeps: true, seed: 7, report: '/tmp/x'
    })
    expect(readFlags(['--help', '--fast'])).toBe('help')
  })

  test.each([
    [['--fats'], 1],
    [['embedded'], 1],
    [['--seed', 'x'], 1],
    [['--seed'], 1],
    [['--seed=-1'], 1],
    [['--fast=yes'], 1],
    [['--report='], 1],
    [['--embedded', '--install'], 1],
    [['--fats', '--seed=x', 'y'], 3]
  ])('%j has so many problems: %i', (args, count) => {
    expect(readFlags(args)).toMatchObject({ problems: { length: count } })
  })
})
