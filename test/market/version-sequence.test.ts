import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptySequence } from '../../src/market/sequence.ts'
import { foldVersion } from '../../src/market/version-sequence.ts'

const arrival = (id: number, timeUs: number) => ({ id, timeUs, payload: () => '' })

const kindsOf = (arrivals: ReadonlyArray<readonly [id: number, timeUs: number]>) => {
  const state = emptySequence()
  return arrivals.map(([id, timeUs]) => foldVersion(state, arrival(id, timeUs)).outcome.kind)
}

test('what is said again is a duplicate; a change, and a change back, are versions', () => {
  expect(
    kindsOf([
      [7, 1],
      [7, 1],
      [7, 2],
      [8, 3],
      [7, 4]
    ])
  ).toEqual(['next', 'duplicate', 'duplicate', 'next', 'next'])
})

test('a late repeat of an older version does not replace the newer one', () => {
  expect(
    kindsOf([
      [7, 1],
      [8, 3],
      [7, 1],
      [9, 3],
      [9, 2]
    ])
  ).toEqual(['next', 'next', 'duplicate', 'duplicate', 'duplicate'])
})

test('property: however the log repeats, a version lands once and the last holds', () => {
  const versions = fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 })
    .map((ids) => ids.filter((id, at) => id !== ids[at - 1]))
  const repeats = fc.array(fc.nat({ max: 40 }), { maxLength: 20 })
  fc.assert(
    fc.property(versions, repeats, (ids, again) => {
      const log: (readonly [number, number])[] = []
      ids.forEach((id, at) => {
        log.push([id, (at + 1) * 10])
        // Repeats of anything that came before.
        for (const pick of again) if (pick % ids.length === at) log.push(log[pick % log.length]!)
      })
      let state = emptySequence()
      const landed: number[] = []
      for (const [id, timeUs] of log) {
        state = JSON.parse(JSON.stringify(state)) as typeof state
        if (foldVersion(state, arrival(id, timeUs)).outcome.kind === 'next') landed.push(id)
      }
      expect(landed).toEqual(ids)
      expect(state.epochs[0]?.high).toBe(ids.at(-1))
    })
  )
})
