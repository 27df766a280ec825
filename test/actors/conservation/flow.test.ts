/** The counters that production has, under any order of what may happen to records (R16). */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Equation, imbalanceOf } from '../../../src/machines/conservation.ts'
import { Flow, type Loss, type Step } from './flow.ts'

const symbol = fc.constantFrom(0 as const, 1 as const)
const count = fc.integer({ min: 1, max: 5 })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('offered' as const), symbol, count })
  },
  fc.record({
    type: fc.constantFrom('rejected', 'shed', 'refused', 'healed'),
    symbol,
    count
  }),
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom('sealed', 'acknowledged', 'resent', 'setAside', 'spooled', 'drained')
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('crashed', 'spoolReopened', 'landed', 'landerRestarted')
    })
  }
)

const steps = fc.array(step, { minLength: 1, maxLength: 60 })
const longer = fc.array(step, { minLength: 60, maxLength: 120 })

const failing = (equations: readonly Equation[]): readonly string[] => [
  ...new Set(equations.filter((it) => imbalanceOf(it) !== 0).map(({ name }) => name))
]

describe('any order of what may happen', () => {
  test('property: every equation holds at every step', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const flow = new Flow()
        for (const next of all) {
          flow.take(next, undefined)
          expect([next, failing(flow.equations)]).toEqual([next, []])
        }
      }),
      { numRuns: 500 }
    )
  })

  test.each([
    ['handover', 'handover'],
    ['unsettled', 'handover'],
    ['publisher', 'publisher'],
    ['unaccepted', 'publisher'],
    ['unacknowledged', 'publisher'],
    ['unspooled', 'publisher'],
    ['unabandoned', 'publisher'],
    ['spool', 'spool'],
    ['undrained', 'spool'],
    ['append', 'append'],
    ['landing', 'landing'],
    ['table', 'table']
  ] as const)('property: a loss, %s, fails the equation %s alone, at once', (loss, expected) => {
    let losses = 0
    // Repeats make the log have more than is acknowledged: a smaller loss hides behind them.
    const isMeant = ({ type }: Step) => loss !== 'append' || type !== 'resent'
    fc.assert(
      fc.property(longer, fc.nat({ max: 40 }), (drawn, from) => {
        const all = drawn.filter(isMeant)
        const flow = new Flow()
        let isLost = false
        all.forEach((next, index) => {
          const asked: Loss | undefined = !isLost && index >= from ? loss : undefined
          if (flow.take(next, asked)) {
            isLost = true
            losses++
            expect(failing(flow.equations)).toEqual([expected])
          }
          if (!isLost) expect(failing(flow.equations)).toEqual([])
        })
      }),
      { numRuns: 200 }
    )
    expect(losses).toBeGreaterThan(20)
  })
})
