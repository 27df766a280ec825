import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LagAge } from '../../../src/actors/log/lag-age.ts'

test('of the oldest end that the table has not reached', () => {
  const age = new LagAge()
  expect(age.ageMs(5)).toBe(0)
  age.note(1_000, { landed: 0, end: 10 })
  age.note(2_000, { landed: 0, end: 20 })
  expect(age.ageMs(3_000)).toBe(2_000)
  age.note(3_000, { landed: 10, end: 20 })
  expect(age.ageMs(3_500)).toBe(1_500)
  age.note(4_000, { landed: 20, end: 20 })
  expect(age.ageMs(9_000)).toBe(0)
  // A log that was made anew, or a clock that went back, is no age below nothing.
  age.note(9_000, { landed: 0, end: 5 })
  expect(age.ageMs(8_000)).toBe(0)
})

test('property: never more than it is, and near it, with bounded marks', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(60)), { maxLength: 500 }), (steps) => {
      const age = new LagAge()
      const appendedMs: number[] = []
      let landed = 0
      let nowMs = 0
      for (const [appended, taken] of steps) {
        nowMs += 1_000
        for (let n = 0; n < appended; n++) appendedMs.push(nowMs)
        landed = Math.min(appendedMs.length, landed + taken)
        age.note(nowMs, { landed, end: appendedMs.length })
        const exact = landed < appendedMs.length ? nowMs - appendedMs[landed]! : 0
        expect(age.ageMs(nowMs)).toBeLessThanOrEqual(exact)
        expect(age.ageMs(nowMs)).toBeGreaterThanOrEqual(exact / 2 - 32_000)
      }
    })
  )
})
