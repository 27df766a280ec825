import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldIncreasing } from '../../src/market/increasing-sequence.ts'
import { emptySequence, type SymbolSequence } from '../../src/market/sequence.ts'

const limits = { jumpMax: 1_000, holesMax: 10 }

interface Folded {
  readonly state: SymbolSequence
  /** Epoch and id of what landed, in order. */
  readonly landed: string[]
  readonly refused: number[]
  readonly duplicates: number[]
}

/** Folds ids, one a microsecond unless they say when. */
const fold = (arrivals: readonly (number | readonly [id: number, timeUs: number])[]): Folded => {
  const folded: Folded = { state: emptySequence(), landed: [], refused: [], duplicates: [] }
  arrivals.forEach((arrival, index) => {
    const [id, timeUs] = typeof arrival === 'number' ? [arrival, index] : arrival
    const { outcome, refused } = foldIncreasing(
      folded.state,
      { id, timeUs, payload: () => String(id) },
      limits
    )
    folded.refused.push(...refused.map((held) => held.id))
    if (outcome.kind === 'duplicate') folded.duplicates.push(id)
    if (outcome.kind === 'confirmed') {
      folded.landed.push(...outcome.released.map((held) => `${outcome.epoch}.${held.id}`))
    }
    if ('epoch' in outcome) folded.landed.push(`${outcome.epoch}.${id}`)
  })
  return folded
}

describe('ids that ascend with gaps (R12)', () => {
  test('skipped ids are no holes; what is at or below the high-water is a duplicate', () => {
    const { landed, duplicates, state } = fold([10, 17, 17, 12, 400])
    expect(landed).toEqual(['0.10', '0.17', '0.400'])
    expect(duplicates).toEqual([17, 12])
    expect(state.epochs[0]).toMatchObject({ high: 400, holes: [], writtenOffIds: 0 })
  })

  test('one corrupt id ahead changes nothing and is refused', () => {
    const { landed, refused } = fold([10, 9_000_000_000_000_000, 11, 15])
    expect(landed).toEqual(['0.10', '0.11', '0.15'])
    expect(refused).toEqual([9_000_000_000_000_000])
  })

  test('one corrupt id far below, newer in time, changes nothing and is refused', () => {
    const { landed, refused } = fold([10_000, 3, 10_004])
    expect(landed).toEqual(['0.10000', '0.10004'])
    expect(refused).toEqual([3])
  })

  test('a jump lands once three ascending ids agree, all of them', () => {
    const { landed, state } = fold([10, 50_000, 50_007, 50_030, 50_031])
    expect(landed).toEqual(['0.10', '0.50000', '0.50007', '0.50030', '0.50031'])
    expect(state.held).toEqual([])
  })

  test('a jump that two connections bring lands once', () => {
    const { landed, refused } = fold([10, 50_000, 50_000, 50_007, 50_007, 50_030, 50_030])
    expect(landed).toEqual(['0.10', '0.50000', '0.50007', '0.50030'])
    expect(refused).toEqual([])
  })

  test('a restart of the ids opens an epoch', () => {
    const { landed, state } = fold([1_000_000, 5, 9, 40, 44, 9])
    expect(landed).toEqual(['0.1000000', '1.5', '1.9', '1.40', '1.44'])
    expect(state.epochs.map(({ number }) => number)).toEqual([0, 1])
  })

  test('an older connection that lags behind brings duplicates, newer in time or not', () => {
    const { landed, duplicates } = fold([100, 110, 120, 101, 105, 109, 113, 121])
    expect(landed).toEqual(['0.100', '0.110', '0.120', '0.121'])
    expect(duplicates).toEqual([101, 105, 109, 113])
  })

  test('a batch that is appended again much later is a duplicate, whatever has come since', () => {
    const batch = [5, 6, 9].map((id, at) => [id, at] as const)
    const { landed, refused } = fold([...batch, 500, 1_200, 2_000, 2_900, ...batch, 2_901])
    expect(landed).toEqual(['0.5', '0.6', '0.9', '0.500', '0.1200', '0.2000', '0.2900', '0.2901'])
    expect(refused).toEqual([])
  })

  test('property: repeats of an ascending stream never land, and nothing else is lost', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 40 })
    const repeats = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 })
    fc.assert(
      fc.property(steps, repeats, fc.nat(1_000_000_000), (gaps, again, first) => {
        let id = first
        const ids = [first, ...gaps.map((gap) => (id += gap))]
        const arrivals = ids.map((of, at) => [of, at] as const)
        const resent = [...arrivals]
        // A resend comes after its first time, with the time that it had, or at the end.
        for (const [which, where] of again) {
          const at = which % arrivals.length
          const behind = resent.indexOf(arrivals[at]!) + 1
          resent.splice(behind + (where % (resent.length - behind + 1)), 0, arrivals[at]!)
        }
        const { landed, refused } = fold(resent)
        expect(landed).toEqual(ids.map((of) => `0.${of}`))
        expect(refused).toEqual([])
      })
    )
  })

  test('property: corrupt ids cost themselves only', () => {
    const gap = fc.integer({ min: 1, max: 30 })
    const corrupt = fc.oneof(
      fc.integer({ min: 10_000_000, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: 0, max: 1_000 })
    )
    const steps = fc.array(fc.tuple(gap, fc.option(corrupt)), { minLength: 2, maxLength: 40 })
    fc.assert(
      fc.property(steps, (taken) => {
        let id = 1_000_000
        const sound: number[] = []
        const bad: number[] = []
        const arrivals: number[] = []
        taken.forEach(([by, extra], index) => {
          arrivals.push((id += by))
          sound.push(id)
          // One at a time, between sound ones: behind the last there is nobody to contradict it.
          if (extra !== null && index < taken.length - 1) {
            arrivals.push(extra)
            bad.push(extra)
          }
        })
        const { landed, refused } = fold(arrivals)
        expect(landed).toEqual(sound.map((of) => `0.${of}`))
        expect(refused).toEqual(bad)
      })
    )
  })
})
