import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  emptyPartitionState,
  foldRecord,
  type FoldContext,
  type LoggedRecord,
  type PartitionState
} from '../../src/machines/partition-fold.ts'
import { tradeRules } from '../../src/machines/trade-rules.ts'
import type { TradeV2 } from '../../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../../src/market/sequence.ts'
import { trade } from '../support/trades.ts'

const context: FoldContext<TradeV2> = {
  rules: tradeRules,
  limits: defaultSequenceLimits,
  ownsKey: (key) => key !== 'ELSEWHERE'
}

interface Folded {
  readonly state: PartitionState
  readonly landed: { readonly id: string; readonly offset: number }[]
  readonly letters: DeadLetter[]
}

const foldAll = (
  records: readonly Omit<LoggedRecord<TradeV2>, 'offset'>[],
  restartBefore = new Set<number>()
): Folded => {
  let state = emptyPartitionState()
  const landed: Folded['landed'] = []
  const letters: DeadLetter[] = []
  records.forEach((record, offset) => {
    if (restartBefore.has(offset)) state = JSON.parse(JSON.stringify(state)) as PartitionState
    foldRecord(state, { ...record, offset }, context, {
      land: (row, at) => landed.push({ id: row.message_id, offset: at }),
      deadLetter: (letter) => letters.push(letter)
    })
  })
  return { state, landed, letters }
}

const logged = (record: TradeV2): Omit<LoggedRecord<TradeV2>, 'offset'> => ({
  key: record.symbol,
  record
})

describe('partition fold', () => {
  test('a resent batch lands once', () => {
    const batch = [1, 2, 3].map((id) => logged(trade('BTCUSDT', id)))
    const { landed, state } = foldAll([...batch, ...batch])
    expect(landed.map(({ id }) => id)).toEqual([
      'BINANCE:BTCUSDT:1',
      'BINANCE:BTCUSDT:2',
      'BINANCE:BTCUSDT:3'
    ])
    expect(state.counters).toMatchObject({ consumed: 6, landed: 3, duplicates: 3, deadLettered: 0 })
  })

  test.each([
    ['undecodable', { key: 'BTCUSDT', record: { undecodable: 'truncated' } }],
    ['wrong_partition', logged(trade('ELSEWHERE', 2))],
    ['invalid_field', { key: 'ETHUSDT', record: trade('BTCUSDT', 2) }],
    ['invalid_field', logged(trade('BTCUSDT', 2, { price: 0n }))],
    ['invalid_field', logged(trade('BTCUSDT', 2, { quantity: 10n ** 18n }))],
    ['invalid_field', logged(trade('BTCUSDT', 2, { timestamp: 0 }))],
    ['invalid_field', logged(trade('BTCUSDT', 2, { message_id: 'BINANCE:BTCUSDT:3' }))],
    ['no_sequence', logged(trade('BTCUSDT', 2, { source_sequence: null }))]
  ] as const)('%s costs the record alone', (reason, bad) => {
    const { landed, letters, state } = foldAll([
      logged(trade('BTCUSDT', 1)),
      bad,
      logged(trade('BTCUSDT', 3))
    ])
    expect(landed.map(({ offset }) => offset)).toEqual([0, 2])
    expect(letters).toMatchObject([{ offset: 1, reason }])
    expect(state.counters).toMatchObject({ consumed: 3, landed: 2, deadLettered: 1 })
  })

  test('after a confirmed restart of ids, message ids carry the epoch, offsets stay', () => {
    const late = { timestamp: 1_800_000_000_000_000 }
    const { landed, state } = foldAll(
      [
        trade('X', 500),
        trade('X', 501),
        trade('X', 1, late),
        trade('X', 2, late),
        trade('X', 3, late)
      ].map(logged)
    )
    expect(landed).toEqual([
      { id: 'BINANCE:X:500', offset: 0 },
      { id: 'BINANCE:X:501', offset: 1 },
      { id: 'BINANCE:X:1.1', offset: 2 },
      { id: 'BINANCE:X:1.2', offset: 3 },
      { id: 'BINANCE:X:1.3', offset: 4 }
    ])
    expect(state.counters).toMatchObject({ held: 0, epochsOpened: 1, landed: 5 })
  })

  test('rows without ids are numbered per load: two loads land, one load lands once (R26)', () => {
    const row = (load: string, n: number) =>
      logged(trade('BHP', n, { exchange: 'ASX', message_id: `ASX:BHP:${load}-${n}` }))
    const first = [0, 1, 2].map((n) => row('0123456789ab', n))
    const other = [0, 1].map((n) => row('ba9876543210', n))
    const { landed, state } = foldAll([...first, ...first, ...other])
    expect(landed.map(({ id }) => id)).toEqual([
      'ASX:BHP:0123456789ab-0',
      'ASX:BHP:0123456789ab-1',
      'ASX:BHP:0123456789ab-2',
      'ASX:BHP:ba9876543210-0',
      'ASX:BHP:ba9876543210-1'
    ])
    expect(state.counters).toMatchObject({ duplicates: 3, deadLettered: 0 })
  })

  test('property: counters balance, nothing lands twice, a restart changes nothing', () => {
    const record = fc.oneof(
      {
        weight: 8,
        arbitrary: fc
          .tuple(fc.constantFrom('A', 'B'), fc.integer({ min: 1, max: 40 }))
          .map(([s, id]) => logged(trade(s, id)))
      },
      {
        weight: 1,
        arbitrary: fc
          .integer({ min: 5_000_000, max: 9_000_000 })
          .map((id) => logged(trade('A', id)))
      },
      { weight: 1, arbitrary: fc.constant({ key: 'A', record: { undecodable: 'noise' } }) },
      {
        weight: 1,
        arbitrary: fc
          .integer({ min: 1, max: 9 })
          .map((id) => logged(trade('B', id, { timestamp: 1_900_000_000_000_000 })))
      }
    )
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 120 }),
        fc.array(fc.nat(120)),
        (records, restarts) => {
          const whole = foldAll(records)
          const { consumed, landed, duplicates, deadLettered, held } = whole.state.counters
          expect(consumed).toBe(records.length)
          expect(landed + duplicates + deadLettered + held).toBe(consumed)
          expect(whole.landed).toHaveLength(landed)
          expect(new Set(whole.landed.map(({ id }) => id)).size).toBe(landed)
          expect(new Set(whole.landed.map(({ offset }) => offset)).size).toBe(landed)
          expect(foldAll(records, new Set(restarts))).toEqual(whole)
        }
      )
    )
  })
})
