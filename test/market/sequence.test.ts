import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  emptySequence,
  foldArrival,
  foldNext,
  type HeldRecord,
  openIds,
  type Outcome,
  type SymbolSequence
} from '../../src/market/sequence.ts'

/** Exchange time grows with the id, as it does at the venue. */
const timeOf = (id: number) => 1_000_000 + id

const fold = (state: SymbolSequence, id: number, timeUs = timeOf(id), jumpMax = 1_000_000) =>
  foldArrival(state, { id, timeUs, payload: () => `p${id}` }, { jumpMax, holesMax: 10_000 })

const kinds = (state: SymbolSequence, ids: readonly number[]): Outcome['kind'][] =>
  ids.map((id) => fold(state, id).outcome.kind)

const holes = (state: SymbolSequence) =>
  state.epochs.at(-1)!.holes.map(([from, to]) => [from, to])

describe('sequence tracking (R7)', () => {
  test('the first id is accepted, what follows it is next', () => {
    expect(kinds(emptySequence(), [500, 501, 502])).toEqual(['next', 'next', 'next'])
  })

  test('a skipped range becomes a hole, and late ids narrow, split and close it', () => {
    const state = emptySequence()
    fold(state, 100)
    expect(fold(state, 110).outcome).toEqual({ kind: 'next', epoch: 0, gapIds: 9 })
    expect(holes(state)).toEqual([[101, 109]])
    expect(kinds(state, [105, 101, 109])).toEqual(['late', 'late', 'late'])
    expect(holes(state)).toEqual([[102, 104], [106, 108]])
    expect(kinds(state, [102, 103, 104, 106, 107, 108])).toEqual(Array(6).fill('late'))
    expect(holes(state)).toEqual([])
    expect(fold(state, 105).outcome.kind).toBe('duplicate')
  })

  test('an id below the first one is late, once, and opens the hole between', () => {
    const state = emptySequence()
    fold(state, 500)
    expect(kinds(state, [499, 499])).toEqual(['late', 'duplicate'])
    expect(kinds(state, [490])).toEqual(['late'])
    expect(holes(state)).toEqual([[491, 498]])
  })

  test('one corrupt id is held, then refused; the real hole after it is still seen', () => {
    const state = emptySequence()
    kinds(state, [100, 101, 102])
    expect(fold(state, 9_000_000_000_000_000, timeOf(103)).outcome.kind).toBe('held')
    const step = fold(state, 110)
    expect(step.outcome).toEqual({ kind: 'next', epoch: 0, gapIds: 7 })
    expect(step.refused.map(({ id }) => id)).toEqual([9_000_000_000_000_000])
    expect(holes(state)).toEqual([[103, 109]])
  })

  test('three consecutive ids confirm a jump and land together', () => {
    const state = emptySequence()
    fold(state, 100)
    const far = 5_000_000
    expect(kinds(state, [far, far + 1])).toEqual(['held', 'held'])
    const step = fold(state, far + 2)
    expect(step.outcome).toMatchObject({ kind: 'confirmed', reason: 'jump', epoch: 0 })
    expect(
      (step.outcome as { released: readonly HeldRecord[] }).released.map(({ payload }) => payload)
    ).toEqual([`p${far}`, `p${far + 1}`])
    expect(holes(state)).toEqual([[101, far - 1]])
    expect(kinds(state, [far, far + 1, far + 2])).toEqual(['duplicate', 'duplicate', 'duplicate'])
  })

  test('ids that restart open a new epoch, and a resend from before is still a duplicate', () => {
    const state = emptySequence()
    kinds(state, [500, 501, 502])
    const later = timeOf(502) + 1_000
    expect(fold(state, 1, later).outcome.kind).toBe('held')
    expect(fold(state, 1, later).outcome.kind).toBe('duplicate')
    expect(fold(state, 2, later + 1).outcome.kind).toBe('held')
    expect(fold(state, 3, later + 2).outcome).toMatchObject({
      kind: 'confirmed',
      reason: 'restart',
      epoch: 1
    })
    expect(fold(state, 4, later + 3).outcome).toEqual({ kind: 'next', epoch: 1, gapIds: 0 })
    expect(fold(state, 501).outcome.kind).toBe('duplicate')
    expect(fold(state, 2, later + 1).outcome.kind).toBe('duplicate')
    expect(state.epochs.map(({ low, high }) => [low, high])).toEqual([[500, 502], [1, 4]])
  })

  test('a hole knows the exchange times of its neighbours, also once it is narrowed', () => {
    const state = emptySequence()
    kinds(state, [100, 110, 105])
    expect(state.epochs[0]!.holes).toEqual([
      [101, 104, timeOf(100), timeOf(105)],
      [106, 109, timeOf(105), timeOf(110)]
    ])
    kinds(state, [90])
    expect(state.epochs[0]!.holes[0]).toEqual([91, 99, timeOf(90), timeOf(100)])
  })

  test('a hole of a state without times is narrowed as any', () => {
    const state = emptySequence()
    kinds(state, [100, 110])
    state.epochs[0]!.holes = [[101, 109]]
    kinds(state, [105])
    expect(state.epochs[0]!.holes).toEqual([
      [101, 104, null, timeOf(105)],
      [106, 109, timeOf(105), null]
    ])
  })

  test('beyond the bound the oldest hole is written off and can never land twice', () => {
    const state = emptySequence()
    const limits = { jumpMax: 1_000_000, holesMax: 2 }
    for (const id of [1, 3, 5, 7]) {
      foldArrival(state, { id, timeUs: timeOf(id), payload: () => '' }, limits)
    }
    expect(holes(state)).toEqual([[4, 4], [6, 6]])
    expect(state.epochs[0]!.writtenOffIds).toBe(1)
    expect(state.epochs[0]!.writtenOff).toEqual([[2, 2, 1]])
    expect(fold(state, 2).outcome.kind).toBe('duplicate')
  })

  test('what was written off is remembered, by spans that stay few', () => {
    const state = emptySequence()
    const limits = { jumpMax: 1_000_000, holesMax: 1 }
    for (let id = 1; id <= 1_001; id += 2) {
      foldArrival(state, { id, timeUs: timeOf(id), payload: () => '' }, limits)
    }
    const { writtenOff, writtenOffIds } = state.epochs[0]!
    expect(writtenOffIds).toBe(499)
    expect(writtenOff).toHaveLength(256)
    expect(writtenOff!.reduce((sum, [, , ids]) => sum + ids, 0)).toBe(499)
    expect(writtenOff![0]).toEqual([2, 488, 244])
    expect(writtenOff!.at(-1)).toEqual([998, 998, 1])
  })

  test('property: in any order, each id lands once and the holes are what is missing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 400 }),
        (base, offsets) => {
          const state = emptySequence()
          const landings = new Map<number, number>()
          for (const offset of offsets) {
            const id = base + offset
            const { kind } = fold(state, id, 1_000).outcome
            if (kind === 'next' || kind === 'late') landings.set(id, (landings.get(id) ?? 0) + 1)
          }
          const seen = new Set(offsets.map((offset) => base + offset))
          expect([...landings.values()].every((count) => count === 1)).toBe(true)
          expect(new Set(landings.keys())).toEqual(seen)
          const span = Math.max(...seen) - Math.min(...seen) + 1
          expect(openIds(state)).toBe(span - seen.size)
        }
      )
    )
  })

  test('property: corrupt ids in between never change what the good ones do', () => {
    const corrupt = fc.integer({ min: 10_000_000, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(fc.array(fc.option(corrupt, { freq: 4 }), { maxLength: 60 }), (slots) => {
        const state = emptySequence()
        let id = 1_000
        fold(state, id)
        let heldOrRefused = 0
        let corruptCount = 0
        for (const slot of slots) {
          if (slot !== null) {
            corruptCount++
            heldOrRefused += fold(state, slot, timeOf(id)).refused.length
          }
          const step = fold(state, ++id)
          expect(step.outcome).toEqual({ kind: 'next', epoch: 0, gapIds: 0 })
          heldOrRefused += step.refused.length
        }
        expect(heldOrRefused).toBe(corruptCount)
        expect(openIds(state)).toBe(0)
      })
    )
  })

  test('state survives a round trip through JSON', () => {
    const state = emptySequence()
    kinds(state, [1, 5, 9_999_999])
    expect(JSON.parse(JSON.stringify(state))).toEqual(state)
  })
})

test('property: the common case alone is what folding says of it, or changes nothing', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.integer({ min: -4, max: 4 }) },
    { weight: 1, arbitrary: fc.constant(2_000_000) }
  )
  let taken = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(step, step), { maxLength: 25 }), (steps) => {
      const state = emptySequence()
      let [id, timeUs] = [100, 100]
      for (const [idStep, timeStep] of steps) {
        id += idStep
        timeUs += timeStep
        const before = structuredClone(state)
        const expected = structuredClone(state)
        const { outcome } = fold(expected, id, timeUs)
        if (foldNext(state, id, timeUs)) {
          taken += 1
          expect(outcome).toEqual({ kind: 'next', epoch: 0, gapIds: 0 })
          expect(state).toEqual(expected)
        } else {
          expect(state).toEqual(before)
          fold(state, id, timeUs)
        }
      }
    })
  )
  expect(taken).toBeGreaterThan(20)
})
