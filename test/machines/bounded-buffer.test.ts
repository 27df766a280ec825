import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BoundedBuffer, type FullPolicy } from '../../src/machines/bounded-buffer.ts'

interface Tick {
  readonly symbol: string
  readonly id: number
  readonly bytes: number
}

const policies: ReadonlyArray<FullPolicy> = ['block', 'drop_oldest', 'drop_newest', 'conflate']

const make = (policy: FullPolicy, bytesMax: number) =>
  new BoundedBuffer<Tick>({
    policy,
    bytesMax,
    bytesOf: ({ bytes }) => bytes,
    keyOf: ({ symbol }) => symbol
  })

const expectBalanced = ({ counters: { offered, queued, ...rest } }: BoundedBuffer<Tick>) => {
  const { taken, dropped, conflated, refused } = rest
  expect(taken + dropped + conflated + refused + queued).toBe(offered)
}

describe('G-10 a byte-bounded queue', () => {
  test('any order of offers and takes: within its bytes, balanced, in order', () => {
    const act = fc.record({
      symbol: fc.constantFrom('BTC', 'ETH', 'SOL'),
      bytes: fc.integer({ min: 0, max: 60 }),
      isTake: fc.boolean()
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...policies),
        fc.array(act, { maxLength: 200 }),
        (policy, acts) => {
          const buffer = make(policy, 100)
          const taken: Array<Tick> = []
          for (const [id, { isTake, ...tick }] of acts.entries()) {
            if (isTake) {
              const next = buffer.take()
              if (next !== undefined) taken.push(next)
            } else if (buffer.offer({ ...tick, id }) === 'full') expect(policy).toBe('block')
            expect(buffer.queuedBytes).toBeLessThanOrEqual(100)
            expect(buffer.queuedBytes).toBeGreaterThanOrEqual(0)
            expectBalanced(buffer)
          }
          for (let next = buffer.take(); next !== undefined; next = buffer.take()) taken.push(next)
          expect(buffer.queuedBytes).toBe(0)
          expectBalanced(buffer)
          for (const symbol of ['BTC', 'ETH', 'SOL']) {
            const ids = taken.filter((tick) => tick.symbol === symbol).map(({ id }) => id)
            expect(ids).toEqual(ids.toSorted((one, other) => one - other))
          }
          if (policy !== 'conflate') {
            const ids = taken.map(({ id }) => id)
            expect(ids).toEqual(ids.toSorted((one, other) => one - other))
          }
        }
      ),
      { numRuns: 500 }
    )
  })

  test.each(policies)('%s: ten times the load never exceeds the cap', (policy) => {
    const buffer = make(policy, 1_000)
    let full = 0
    let bytesMax = 0
    for (let id = 0; id < 100_000; id++) {
      if (buffer.offer({ symbol: `S${id % 300}`, id, bytes: 10 }) === 'full') full += 1
      bytesMax = Math.max(bytesMax, buffer.queuedBytes)
      if (id % 10 === 0) buffer.take()
    }
    expect(bytesMax).toBe(1_000)
    expectBalanced(buffer)
    const { offered, queued, taken } = buffer.counters
    expect([offered + full, queued, taken]).toEqual([100_000, 100, 10_000])
  })

  test('each policy gives way as it says', () => {
    const left = (policy: FullPolicy) => {
      const buffer = make(policy, 30)
      const answers = [1, 2, 3, 4].map((id) =>
        buffer.offer({ symbol: id === 3 ? 'A' : `${id}`, id, bytes: 10 })
      )
      answers.push(buffer.offer({ symbol: 'A', id: 5, bytes: 20 }))
      answers.push(buffer.offer({ symbol: 'B', id: 6, bytes: 31 }))
      const ids: Array<number> = []
      for (let next = buffer.take(); next !== undefined; next = buffer.take()) ids.push(next.id)
      return { answers, ids }
    }
    expect(left('block')).toEqual({
      answers: ['queued', 'queued', 'queued', 'full', 'full', 'refused'],
      ids: [1, 2, 3]
    })
    expect(left('drop_newest')).toEqual({
      answers: ['queued', 'queued', 'queued', 'dropped', 'dropped', 'refused'],
      ids: [1, 2, 3]
    })
    expect(left('drop_oldest')).toEqual({
      answers: ['queued', 'queued', 'queued', 'queued', 'queued', 'refused'],
      ids: [4, 5]
    })
    // 4 pushes out 1; 5 stands where 3 stood, and being larger pushes out 2.
    expect(left('conflate')).toEqual({
      answers: ['queued', 'queued', 'queued', 'queued', 'conflated', 'refused'],
      ids: [5, 4]
    })
  })

  test('options that contradict are refused', () => {
    const options = { bytesMax: 1, bytesOf: () => 1 }
    expect(() => new BoundedBuffer({ ...options, policy: 'conflate' })).toThrow(/needs keyOf/)
    expect(() => new BoundedBuffer({ ...options, bytesMax: 0, policy: 'block' })).toThrow(
      /bytesMax/
    )
  })
})
