import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  check,
  type Conservation,
  type Equation,
  imbalanceOf,
  nothingChecked
} from '../../src/machines/conservation.ts'
import { appendEquation, handoverEquation } from '../../src/machines/conservation-equations.ts'

const handover = (symbol: string, accepted: number, taken: number): Equation =>
  handoverEquation(
    { exchange: 'BINANCE', dataType: 'trades', symbol, tier: 1 },
    { accepted },
    { accepted: taken }
  )

const symbolsOf = (all: readonly { readonly equation: Equation }[]): readonly string[] =>
  all.map(({ equation }) => equation.symbol!)

describe('an equation', () => {
  test('fails by what one side has and the other has not', () => {
    expect(imbalanceOf(handover('A', 3, 3))).toBe(0)
    expect(imbalanceOf(handover('A', 3, 1))).toBe(2)
    expect(imbalanceOf(handover('A', 1, 3))).toBe(-2)
  })

  test('of the log holds with repeats, which are told, and not with less', () => {
    const place = { exchange: 'BINANCE', dataType: 'trades' } as const
    const resent = appendEquation(place, { appended: 5, acknowledged: 3 })
    expect([imbalanceOf(resent), resent.beside]).toEqual([0, { resent: 2 }])
    expect(imbalanceOf(appendEquation(place, { appended: 3, acknowledged: 5 }))).toBe(-2)
  })
})

describe('a check', () => {
  test('tells once that one begins to fail, and once that it holds again', () => {
    const first = check(nothingChecked, [handover('A', 1, 1), handover('B', 2, 1)], 1_000)
    expect([symbolsOf(first.began), symbolsOf(first.mended)]).toEqual([['B'], []])
    const second = check(first, [handover('A', 1, 1), handover('B', 9, 1)], 2_000)
    expect([second.began, second.mended]).toEqual([[], []])
    expect([...second.broken.values()]).toEqual([
      { equation: handover('B', 9, 1), sinceMs: 1_000 }
    ])
    const third = check(second, [handover('A', 1, 1), handover('B', 9, 9)], 3_000)
    expect([symbolsOf(third.began), third.mended]).toEqual([
      [],
      [{ equation: handover('B', 9, 9), sinceMs: 1_000 }]
    ])
    expect(third.broken.size).toBe(0)
  })

  test('does not take one for mended that is not there to be looked at', () => {
    const first = check(nothingChecked, [handover('A', 2, 1)], 1_000)
    const second = check(first, [], 2_000)
    expect([second.broken.size, second.mended]).toEqual([1, []])
    const third = check(second, [handover('A', 2, 1)], 3_000)
    expect([third.began, [...third.broken.values()][0]?.sinceMs]).toEqual([[], 1_000])
  })

  test('property: what fails is what the newest look at each says; told when it changes', () => {
    const look = fc.dictionary(fc.constantFrom('A', 'B', 'C'), fc.integer({ min: -1, max: 1 }))
    fc.assert(
      fc.property(fc.array(look, { maxLength: 20 }), (looks) => {
        const newest = new Map<string, number>()
        let conservation: Conservation = nothingChecked
        looks.forEach((given, atMs) => {
          const before = new Map(newest)
          for (const [symbol, off] of Object.entries(given)) newest.set(symbol, off)
          const equations = Object.entries(given).map(([symbol, off]) =>
            handover(symbol, 5, 5 + off)
          )
          const checked = check(conservation, equations, atMs)
          conservation = checked
          const failing = (all: ReadonlyMap<string, number>) =>
            [...all].flatMap(([symbol, off]) => (off === 0 ? [] : [symbol])).toSorted()
          expect(symbolsOf([...checked.broken.values()]).toSorted()).toEqual(failing(newest))
          const [was, is] = [failing(before), failing(newest)]
          expect(symbolsOf(checked.began).toSorted()).toEqual(
            is.filter((symbol) => !was.includes(symbol))
          )
          expect(symbolsOf(checked.mended).toSorted()).toEqual(
            was.filter((symbol) => !is.includes(symbol))
          )
        })
      })
    )
  })
})
