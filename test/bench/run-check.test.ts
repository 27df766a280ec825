import { describe, expect, test } from 'vitest'
import { faultsOf, type RunFacts } from '../../bench/run-check.ts'

const exact: RunFacts = {
  table: {
    rows: 30,
    foreignMessages: 0,
    symbols: [
      { symbol: 'BTCUSDT', rows: 20, distinctIds: 20, firstId: 101, lastId: 120 },
      { symbol: 'ETHUSDT', rows: 10, distinctIds: 10, firstId: 1, lastId: 10 }
    ]
  },
  sent: {
    BTCUSDT: { firstId: 101, lastId: 120, count: 20 },
    ETHUSDT: { firstId: 1, lastId: 10, count: 10 }
  },
  received: 30,
  rejected: 0,
  deadLetters: 0,
  exitCode: 0
}

const withBtc = (changes: Partial<RunFacts['table']['symbols'][number]>): RunFacts => ({
  ...exact,
  table: {
    ...exact.table,
    symbols: [{ ...exact.table.symbols[0]!, ...changes }, exact.table.symbols[1]!]
  }
})

describe('check of a run', () => {
  test('an exact run has no fault', () => {
    expect(faultsOf(exact)).toEqual([])
  })

  test.each<[string, RunFacts, RegExp]>([
    ['a repeat', withBtc({ rows: 21 }), /BTCUSDT: 21 rows, 20 ids/],
    ['a repeat that hides a hole', withBtc({ distinctIds: 19 }), /20 rows, 19 ids, 20 from first/],
    ['a hole', withBtc({ rows: 19, distinctIds: 19 }), /19 rows, 19 ids, 20 from first/],
    ['a lost end', withBtc({ rows: 19, distinctIds: 19, lastId: 119 }), /were sent/],
    ['a lost symbol', { ...exact, table: { ...exact.table, symbols: [] } }, /none/],
    ['a dead letter', { ...exact, deadLetters: 1 }, /1 dead letters/],
    ['a rejected frame', { ...exact, rejected: 2 }, /2 frames were rejected/],
    ['a lost trade', { ...exact, received: 31 }, /31 trades were received, 30 landed/],
    [
      'a message id of another trade',
      { ...exact, table: { ...exact.table, foreignMessages: 1 } },
      /1 rows have a message id/
    ],
    ['a kill', { ...exact, exitCode: null }, /ended with null/]
  ])('%s is a fault', (_, facts, fault) => {
    expect(faultsOf(facts).join('\n')).toMatch(fault)
  })
})
