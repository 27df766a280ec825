import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  backoffDefault,
  backoffFaults,
  backoffMs,
  dependencyWaitMsMax,
  limitFaults,
  nextSeed,
  restartLimitDefault,
  seedFor,
  waitMs
} from '../../src/machines/restart-policy.ts'
import { childSpec, InvalidChildSpec } from '../../src/machines/supervisor-spec.ts'

const policy = { msMin: 100, msMax: 1_500, factor: 2, jitterRatio: 0, upMsMin: 1_000 }

describe('backoff', () => {
  test.each([
    [0, 100],
    [1, 100],
    [2, 200],
    [3, 400],
    [4, 800],
    [5, 1_500],
    [6, 1_500],
    [10_000, 1_500]
  ])('attempt %i waits %i ms', (attempt, ms) => expect(backoffMs(policy, attempt, 1)).toBe(ms))

  test('any sound policy gives a delay between 1 and its cap', () => {
    const sound = fc.record({
      msMin: fc.integer({ min: 1, max: 10_000 }),
      more: fc.integer({ min: 0, max: 3_590_000 }),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      jitterRatio: fc.double({ min: 0, max: 0.5, noNaN: true })
    })
    fc.assert(
      fc.property(
        sound,
        fc.nat(1_000_000),
        fc.integer(),
        ({ msMin, more, ...rest }, attempt, seed) => {
          const any = { msMin, msMax: msMin + more, upMsMin: 1, ...rest }
          expect(backoffFaults(any)).toEqual([])
          const ms = backoffMs(any, attempt, seed)
          expect(ms).toBeGreaterThanOrEqual(Math.max(1, Math.floor(msMin / 2)))
          expect(ms).toBeLessThanOrEqual(any.msMax)
        }
      )
    )
  })

  test('a wait for a dependency grows as a backoff does, to ten seconds', () => {
    const slow = { ...policy, msMin: 1_000, msMax: 60_000 }
    expect([1, 2, 3, 4, 5, 1_000].map((attempt) => waitMs(slow, attempt, 1))).toEqual([
      1_000,
      2_000,
      4_000,
      8_000,
      dependencyWaitMsMax,
      dependencyWaitMsMax
    ])
    expect(waitMs(policy, 1_000, 1)).toBe(policy.msMax)
  })

  test('jitter spreads over its range and repeats with the seed', () => {
    const jittered = { ...policy, jitterRatio: 0.5 }
    const delays: Array<number> = []
    for (let seed = seedFor(1, 'feed'), count = 0; count < 2_000; count++, seed = nextSeed(seed)) {
      delays.push(backoffMs(jittered, 4, seed))
    }
    expect(Math.min(...delays)).toBeLessThan(420)
    expect(Math.max(...delays)).toBeGreaterThan(780)
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
    expect(Math.abs(mean - 600)).toBeLessThan(20)
    expect(backoffMs(jittered, 4, seedFor(1, 'feed'))).toBe(delays[0])
  })

  test('siblings have seeds of their own', () => {
    const names = Array.from({ length: 100 }, (_, index) => `feed:${index}`)
    expect(new Set(names.map((name) => seedFor(7, name))).size).toBe(names.length)
  })
})

describe('specifications', () => {
  test('defaults are sound', () => {
    expect(backoffFaults(backoffDefault)).toEqual([])
    expect(limitFaults('limit', restartLimitDefault)).toEqual([])
    expect(childSpec({ id: 'feed:binance' })).toMatchObject({
      src: 'feed:binance',
      restart: 'permanent',
      drainMsMax: 0
    })
  })

  test('every fault is named', () => {
    const attempt = () =>
      childSpec({
        id: 'a/b',
        startMsMax: 0,
        shutdownMsMax: Infinity,
        drainMsMax: Number.NaN,
        backoff: { msMin: 0, msMax: -1, factor: 0, jitterRatio: 0.6, upMsMin: 0 },
        limit: { restartsMax: 1.5, windowMs: 0 }
      })
    expect(attempt).toThrow(InvalidChildSpec)
    for (const field of [
      'id',
      'startMsMax',
      'shutdownMsMax',
      'drainMsMax',
      'msMin',
      'msMax',
      'factor',
      'jitterRatio',
      'upMsMin',
      'restartsMax',
      'windowMs'
    ]) {
      expect(attempt).toThrow(field)
    }
    expect(() => childSpec({ id: 'subject' })).toThrow('reserved')
  })
})
