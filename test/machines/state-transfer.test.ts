import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  emptyPartitionState,
  foldRecord,
  type PartitionState
} from '../../src/machines/partition-fold.ts'
import { SequenceClaimedTwice, transferStates } from '../../src/machines/state-transfer.ts'
import { tradeRules } from '../../src/machines/trade-rules.ts'
import { trade } from '../support/trades.ts'

const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', 'ADAUSDT']
const limits = { jumpMax: 100, holesMax: 50 }

/** Folds a symbol's ids into a state; how many of them land. */
const fold = (state: PartitionState, symbol: string, ids: readonly number[]): number => {
  let landed = 0
  const context = { rules: tradeRules, limits, ownsKey: () => true }
  const sink = { land: () => (landed += 1), deadLetter: () => undefined }
  ids.forEach((id, offset) =>
    foldRecord(state, { offset, key: symbol, record: trade(symbol, id) }, context, sink)
  )
  return landed
}

const partitionOf = (count: number) => (symbol: string) => symbols.indexOf(symbol) % count

test('what has landed is a duplicate in the new partitions, holes land, counters add up', () => {
  const history = fc.array(fc.tuple(fc.constantFrom(...symbols), fc.integer({ min: 1, max: 40 })))
  const counts = fc.integer({ min: 1, max: 6 })
  fc.assert(
    fc.property(history, counts, counts, (records, before, after) => {
      const states = Array.from({ length: before }, emptyPartitionState)
      const landed = new Map<string, Set<number>>(symbols.map((symbol) => [symbol, new Set()]))
      for (const [symbol, id] of records) {
        if (fold(states[partitionOf(before)(symbol)]!, symbol, [id]) > 0)
          landed.get(symbol)!.add(id)
      }
      const given = states.map((state, partition) => ({ partition, state }))
      const unchanged = structuredClone(given)
      const { states: moved, returned } = transferStates(given, after, partitionOf(after))
      expect(given).toEqual(unchanged)
      expect(returned).toEqual([])
      const sum = (all: readonly PartitionState[]) =>
        all.reduce((total, { counters }) => total + counters.consumed, 0)
      expect(sum(moved)).toBe(records.length)
      for (const symbol of symbols) {
        const ids = Array.from({ length: 40 }, (_, index) => index + 1)
        const state = moved[partitionOf(after)(symbol)]!
        const missing = ids.filter((id) => !landed.get(symbol)!.has(id))
        expect(fold(state, symbol, ids)).toBe(missing.length)
      }
    }),
    { numRuns: 200 }
  )
})

test('records that wait are given back, and counted as dead letters', () => {
  const state = emptyPartitionState()
  fold(state, 'BTCUSDT', [1, 2, 9_000])
  expect(state.counters).toMatchObject({ held: 1, deadLettered: 0 })
  const { states, returned } = transferStates([{ partition: 3, state }], 2, partitionOf(2))
  expect(returned).toMatchObject([{ partition: 3, held: { id: 9_000 } }])
  expect(states[1]!.counters).toMatchObject({ consumed: 3, landed: 2, held: 0, deadLettered: 1 })
  expect(states[0]!.sequences['BINANCE:BTCUSDT']!.held).toEqual([])
})

test('two states of one sequence are refused by name', () => {
  const states = [0, 1].map((partition) => {
    const state = emptyPartitionState()
    fold(state, 'BTCUSDT', [1 + partition])
    return { partition, state }
  })
  const transfer = () => transferStates(states, 2, partitionOf(2))
  expect(transfer).toThrow(SequenceClaimedTwice)
  expect(transfer).toThrow(/BINANCE:BTCUSDT; rebuild them with k2 rebuild-state --force/)
})
