/** Records a second, of counts that grow, begin anew, and come into sight late. */
import { expect, test } from 'vitest'
import { makeTermRate } from '../../../src/actors/watch/record-rates.ts'
import type { Equation } from '../../../src/machines/conservation.ts'

const landing = (partition: number, landed: number): Equation => ({
  name: 'landing',
  exchange: 'SIMULATED',
  dataType: 'trades',
  symbol: null,
  tier: null,
  partition,
  left: {},
  right: { landed },
  relation: 'equal',
  beside: {}
})

const looks = () => makeTermRate(({ right }) => right['landed'])

test('a table that had rows before the first look has landed none since', () => {
  const rate = looks()
  expect(rate([], 1_000)).toBeNull()
  expect(rate([landing(0, 90_000)], 2_000)).toBeNull()
  expect(rate([landing(0, 90_050), landing(1, 70_000)], 3_000)).toBe(50)
  expect(rate([landing(0, 90_050), landing(1, 70_030)], 5_000)).toBe(15)
})

test('between two checks it is what it was', () => {
  const rate = looks()
  rate([landing(0, 0)], 1_000)
  expect(rate([landing(0, 10)], 2_000)).toBe(10)
  expect(rate([landing(0, 99)], 2_000)).toBe(10)
})

test('a count that begins anew is no negative rate', () => {
  const rate = looks()
  rate([landing(0, 500)], 1_000)
  expect(rate([landing(0, 5)], 2_000)).toBe(0)
  expect(rate([landing(0, 25)], 3_000)).toBe(20)
})
