import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LagHistory, samplesMax } from '../../../src/adapters/log/lag-history.ts'

const limits = { overdueMs: 10_000, staleMs: 3_000 }
const bounds = (endOffset: number, startOffset = 0) => ({ startOffset, endOffset })
const sampled = (...samples: readonly (readonly [atMs: number, endOffset: number])[]) => {
  const history = new LagHistory(limits)
  for (const [atMs, endOffset] of samples) history.note(atMs, bounds(endOffset))
  return history
}

describe('lag', () => {
  test('is unknown before the first sample, and when the newest one is old', () => {
    const history = sampled()
    expect(history.read(0, 0)).toEqual({ type: 'unknown', reason: 'never_sampled' })
    history.note(1_000, bounds(500))
    expect(history.read(4_000, 100)).toMatchObject({ type: 'known', rawRecords: 400 })
    expect(history.read(4_001, 100)).toEqual({ type: 'unknown', reason: 'stale' })
  })

  test('what is overdue is unknown until a sample is two commit ages old', () => {
    const history = sampled([0, 500], [9_999, 900])
    expect(history.read(9_999, 0)).toMatchObject({ rawRecords: 900, overdueRecords: undefined })
    expect(history.read(10_000, 0)).toMatchObject({ rawRecords: 900, overdueRecords: 500 })
  })

  test('what was appended within two commit ages is not overdue (R2)', () => {
    const minute = Array.from({ length: 60 }, (_, s) => [s * 1_000, s * 60_000] as const)
    const steady = sampled(...minute)
    // The last commit brought what the log had five seconds ago.
    expect(steady.read(59_000, 54 * 60_000)).toEqual({
      type: 'known',
      rawRecords: 5 * 60_000,
      overdueRecords: 0,
      ageMs: 0
    })
    expect(steady.read(59_000, 40 * 60_000)).toMatchObject({ overdueRecords: 9 * 60_000 })
  })

  test("a table without an offset counts from the log's start (R25)", () => {
    const history = new LagHistory(limits)
    history.note(0, bounds(1_500, 1_000))
    expect(history.read(0, undefined)).toMatchObject({ rawRecords: 500 })
    history.note(10_000, bounds(2_000, 1_200))
    expect(history.read(10_000, undefined)).toMatchObject({ rawRecords: 800, overdueRecords: 300 })
  })

  test('property: it is that of all samples, within a spacing, in bounded memory', () => {
    const steps = fc.array(
      fc.record({ waitMs: fc.integer({ min: 1, max: 400 }), records: fc.nat(1_000) }),
      { minLength: 1, maxLength: 2_000 }
    )
    fc.assert(
      fc.property(steps, fc.nat(100_000), (all, landed) => {
        const history = new LagHistory({ overdueMs: 10_000, staleMs: 1_000 })
        const samples: (readonly [atMs: number, endOffset: number])[] = []
        let atMs = 0
        let endOffset = 0
        for (const { waitMs, records } of all) {
          atMs += waitMs
          endOffset += records
          samples.push([atMs, endOffset])
          history.note(atMs, bounds(endOffset))
          expect(history.sampleCount).toBeLessThanOrEqual(samplesMax)
        }
        const lag = history.read(atMs, landed)
        if (lag.type !== 'known') throw new Error('it was sampled just now')
        expect(lag.rawRecords).toBe(Math.max(0, endOffset - landed))
        const endAt = (ms: number) => samples.findLast(([at]) => at <= ms)?.[1]
        const exact = endAt(atMs - 10_000)
        const spacingMs = 10_000 / (samplesMax / 2 - 2)
        const early = endAt(atMs - 10_000 - 2 * spacingMs)
        if (exact === undefined) expect(lag.overdueRecords).toBeUndefined()
        else if (lag.overdueRecords === undefined) expect(early).toBeUndefined()
        else {
          expect(lag.overdueRecords).toBeLessThanOrEqual(Math.max(0, exact - landed))
          expect(lag.overdueRecords).toBeGreaterThanOrEqual(Math.max(0, (early ?? 0) - landed))
        }
      })
    )
  })
})
