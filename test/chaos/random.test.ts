import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomFrom } from '../../chaos/random.ts'

const seeds = fc.integer({ min: 1, max: 2 ** 31 })

describe('seeded choices', () => {
  test('the same seed makes the same choices', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [one, other] = [randomFrom(seed), randomFrom(seed)]
        for (let count = 0; count < 20; count += 1) expect(one.next()).toBe(other.next())
      })
    )
  })

  test('numbers and picks stay within what was asked for', () => {
    fc.assert(
      fc.property(seeds, fc.array(fc.integer(), { minLength: 1 }), (seed, choices) => {
        const random = randomFrom(seed)
        for (let count = 0; count < 20; count += 1) {
          const value = random.between(-3, 5)
          expect(value).toBeGreaterThanOrEqual(-3)
          expect(value).toBeLessThan(5)
          expect(choices).toContain(random.pick(choices))
        }
      })
    )
  })

  test('every choice is picked, about as often as the others', () => {
    const random = randomFrom(1)
    const counts = new Map<string, number>()
    for (let count = 0; count < 3_000; count += 1) {
      const picked = random.pick(['a', 'b', 'c'])
      counts.set(picked, (counts.get(picked) ?? 0) + 1)
    }
    for (const name of ['a', 'b', 'c']) {
      expect(counts.get(name)).toBeGreaterThan(900)
      expect(counts.get(name)).toBeLessThan(1_100)
    }
  })

  test('nothing to pick from is an error', () => {
    expect(() => randomFrom(1).pick([])).toThrow('nothing to pick from')
  })
})
