import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DrainRamp, type DrainStep, freeDrain, nextDrain, perSecondMin
} from '../../src/machines/drain-ramp.ts'

const lag = (lagOverdue: number, landedPerSecond: number | null = 60_000) => ({
  lagOverdue, lagLeave: 500_000, landedPerSecond
})
const step = (changes: Partial<DrainStep> = {}): DrainStep => ({
  isSpilling: false, isEmpty: false, lag: lag(100_000), ...changes
})
const after = (...steps: readonly DrainStep[]) =>
  steps.reduce<DrainRamp>((ramp, next) => nextDrain(ramp, next), freeDrain)
const spilled = step({ isSpilling: true })

describe('a spool that was filled on purpose', () => {
  test('is held while landing is behind, and then released at a tenth of what lands', () => {
    const behind = step({ isSpilling: true, lag: lag(600_000) })
    expect(after(spilled)).toEqual({ phase: 'held' })
    expect(after(spilled, behind, behind)).toEqual({ phase: 'held' })
    expect(after(spilled, step({ lag: lag(500_001) }))).toEqual({ phase: 'held' })
    expect(after(spilled, behind, spilled)).toMatchObject({ phase: 'released', perSecond: 6_000 })
  })

  test('goes faster from step to step, and half as fast where more becomes overdue', () => {
    const released = [spilled, step()]
    expect(after(...released, step())).toMatchObject({ perSecond: 7_500 })
    expect(after(...released, step(), step({ lag: lag(100_001) }))).toMatchObject({
      perSecond: 3_750
    })
    const many = Array.from({ length: 60 }, () => step())
    expect(after(...released, ...many)).toMatchObject({ perSecond: 120_000 })
  })

  test('is held again where landing falls behind', () => {
    expect(after(spilled, step(), step({ lag: lag(700_000) }))).toEqual({ phase: 'held' })
  })

  test('where nobody knows, waits for the level, and goes slowly then', () => {
    const unknown = { lag: undefined }
    expect(after(spilled, step({ isSpilling: true, ...unknown }))).toEqual({ phase: 'held' })
    expect(after(spilled, step(unknown))).toMatchObject({ perSecond: perSecondMin })
    expect(after(spilled, step({ lag: lag(0, null) }))).toMatchObject({ perSecond: perSecondMin })
  })

  test('is free once it is empty and nobody asks for it', () => {
    expect(after(spilled, step(), step({ isEmpty: true }))).toEqual(freeDrain)
    expect(after(spilled, step({ isSpilling: true, isEmpty: true }))).toMatchObject({
      phase: 'released'
    })
  })
})

test('a spool that was filled in an outage is never held', () => {
  const changes = [{}, { lag: lag(9e9) }, { lag: undefined }, { isEmpty: true }]
  const states = changes.map((change) => step(change))
  for (const state of states) expect(after(state, state)).toEqual(freeDrain)
})

test('whatever happens: held while behind, and never faster than it may be', () => {
  const steps = fc.array(
    fc.record({
      isSpilling: fc.boolean(),
      isEmpty: fc.boolean(),
      lag: fc.option(
        fc.record({
          lagOverdue: fc.nat(1_000_000),
          lagLeave: fc.constant(500_000),
          landedPerSecond: fc.option(fc.nat(100_000))
        }),
        { nil: undefined }
      )
    })
  )
  fc.assert(
    fc.property(steps, (drawn) => {
      let ramp = freeDrain
      let hasSpilled = false
      for (const next of drawn) {
        const before = ramp
        ramp = nextDrain(ramp, next)
        hasSpilled = next.isSpilling || (hasSpilled && !next.isEmpty)
        expect(ramp.phase === 'free').toBe(!hasSpilled)
        if (ramp.phase !== 'released') continue
        expect(before.phase).not.toBe('free')
        const isCalm =
          next.lag === undefined ? !next.isSpilling : next.lag.lagOverdue <= 500_000
        expect(isCalm).toBe(true)
        const landed = next.lag?.landedPerSecond ?? 0
        const max = landed === 0 ? Infinity : Math.max(perSecondMin, 2 * landed)
        expect(ramp.perSecond >= perSecondMin && ramp.perSecond <= max).toBe(true)
        if (before.phase === 'held') {
          expect(ramp.perSecond).toBe(Math.max(perSecondMin, landed * 0.1))
        }
      }
    })
  )
})
