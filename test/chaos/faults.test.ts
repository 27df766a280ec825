/** Healing, against parts that remember their state (invariant of `chaos/faults.ts`). */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { faults, type Fault } from '../../chaos/faults.ts'
import { randomFrom } from '../../chaos/random.ts'
import { scenarios } from '../../chaos/scenarios.ts'
import { FakeLab } from './support/fake-lab.ts'

const all: readonly Fault[] = Object.values(faults)

describe.each(all.map((fault) => [fault.name, fault] as const))('%s', (name, fault) => {
  test('breaks something, and heal mends all of it', async () => {
    const lab = new FakeLab()
    await fault.strike(lab, randomFrom(1))
    expect(lab.broken, name).not.toEqual([])
    await fault.heal(lab)
    expect(lab.broken).toEqual([])
  })

  test('heal of what was never struck, and a second one, change nothing', async () => {
    const lab = new FakeLab()
    await fault.heal(lab)
    expect(lab.broken).toEqual([])
    await fault.strike(lab, randomFrom(2))
    await fault.heal(lab)
    await fault.heal(lab)
    expect(lab.broken).toEqual([])
  })
})

test('whatever struck, in any order and half-way: all heals together leave a whole lab', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...all), { maxLength: 6 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      async (struck, seed) => {
        const lab = new FakeLab()
        const random = randomFrom(seed)
        // One that cannot strike now (pausing what is dead) has failed half-way.
        for (const fault of struck) await fault.strike(lab, random).catch(() => undefined)
        for (const fault of all) await fault.heal(lab)
        expect(lab.broken).toEqual([])
      }
    )
  ))

test('each scenario has faults; "everything" has each that needs no disk of its own', () => {
  for (const { faults: used } of Object.values(scenarios)) expect(used.length).toBeGreaterThan(0)
  for (const fault of all) {
    expect(scenarios.everything.faults.includes(fault)).toBe(fault.needsSmallDisk !== true)
  }
})
