import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeRateLimits } from '../../../src/adapters/http/rate-limits.ts'

describe('a limit', () => {
  test('is a minute’s worth at once, then as much as time brings', () => {
    const limits = makeRateLimits(3)
    const at = (nowMs: number) => limits.take('a', nowMs)
    expect([at(0), at(0), at(0)].map(({ isAllowed }) => isAllowed)).toEqual([true, true, true])
    expect(at(0)).toEqual({
      isAllowed: false,
      headers: {
        'ratelimit-limit': '3',
        'ratelimit-remaining': '0',
        'ratelimit-reset': '60',
        'retry-after': '20'
      }
    })
    expect(at(19_999).isAllowed).toBe(false)
    expect(at(20_000).isAllowed).toBe(true)
    expect(limits.take('b', 20_000).headers['ratelimit-remaining']).toBe('2')
  })

  test('a clock that is set back neither gives nor takes', () => {
    const limits = makeRateLimits(1)
    expect(limits.take('a', 60_000).isAllowed).toBe(true)
    expect(limits.take('a', 0).isAllowed).toBe(false)
    expect(limits.take('a', 59_999).isAllowed).toBe(false)
    expect(limits.take('a', 60_000).isAllowed).toBe(true)
  })

  test('0 is none, and says nothing', () => {
    expect(makeRateLimits(0).take('a', 0)).toEqual({ isAllowed: true, headers: {} })
  })

  test('callers who come once do not pile up, and cost the others nothing', () => {
    const limits = makeRateLimits(2)
    limits.take('steady', 0)
    limits.take('steady', 0)
    for (let index = 0; index < 20_000; index += 1) {
      limits.take(`passer-by ${index}`, 0)
      if (index % 1_000 === 0) expect(limits.take('steady', 0).isAllowed).toBe(false)
    }
  })

  test('property: never more than a minute’s worth and what the time has brought', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), waits, (perMinute, gaps) => {
        const limits = makeRateLimits(perMinute)
        let nowMs = 0
        let allowed = 0
        for (const gap of gaps) {
          nowMs += gap
          const { isAllowed, headers } = limits.take('a', nowMs)
          if (isAllowed) allowed += 1
          // Whoever waits as long as is said is answered.
          else if (!makeRetry(limits, nowMs, headers['retry-after']!)) return false
          if (allowed > perMinute + (nowMs / 60_000) * perMinute + 1e-6) return false
        }
        return true
      })
    )
  })
})

/** Asked of a copy of the moment: buckets are by caller, so another one is emptied the same way. */
const makeRetry = (
  limits: ReturnType<typeof makeRateLimits>,
  nowMs: number,
  retryAfter: string
): boolean => {
  const caller = `again at ${nowMs}`
  while (limits.take(caller, nowMs).isAllowed);
  return limits.take(caller, nowMs + Number(retryAfter) * 1_000 + 60_000).isAllowed
}
