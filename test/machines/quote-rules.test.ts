import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  emptyPartitionState,
  foldRecord,
  type PartitionState
} from '../../src/machines/partition-fold.ts'
import { quoteRules } from '../../src/machines/quote-rules.ts'
import type { QuoteV2 } from '../../src/market/records/quote-v2.ts'
import { defaultSequenceLimits } from '../../src/market/sequence.ts'
import { quote } from '../support/quotes.ts'

const context = { rules: quoteRules, limits: defaultSequenceLimits, ownsKey: () => true }

/** Folds quotes; the state is stored and read back before each of them. */
const foldAll = (quotes: readonly QuoteV2[]) => {
  let state = emptyPartitionState()
  const landed: QuoteV2[] = []
  const letters: DeadLetter[] = []
  quotes.forEach((record, offset) => {
    state = JSON.parse(JSON.stringify(state)) as PartitionState
    foldRecord(state, { offset, key: record.symbol, record }, context, {
      land: (row) => landed.push(row),
      deadLetter: (letter) => letters.push(letter)
    })
  })
  return { state, landed, letters }
}

describe('quotes of a partition', () => {
  test('ids ascend with gaps, which are no holes; repeats land once', () => {
    const batch = [7, 9, 30].map((id) => quote('BTCUSDT', id))
    const { landed, state } = foldAll([...batch, ...batch, quote('ETHUSDT', 3)])
    expect(landed).toEqual([...batch, quote('ETHUSDT', 3)])
    expect(state.counters).toEqual({
      consumed: 7,
      landed: 4,
      late: 0,
      duplicates: 3,
      deadLettered: 0,
      held: 0,
      gapIds: 0,
      epochsOpened: 0
    })
  })

  test('what was held in the state lands with its own values', () => {
    const far = [1, 4, 6].map((more) =>
      quote('BTCUSDT', 50_000_000 + more, { bid_price: 12_345n * BigInt(more), ask_quantity: 0n })
    )
    const { landed, state } = foldAll([quote('BTCUSDT', 1), ...far])
    expect(landed).toEqual([quote('BTCUSDT', 1), ...far])
    expect(state.counters).toMatchObject({ consumed: 4, landed: 4, held: 0 })
  })

  test('a corrupt id is refused, with the record as it was', () => {
    const corrupt = quote('BTCUSDT', 9_000_000_000_000_000, {
      timestamp: 1_700_000_000_000_001
    })
    const { landed, letters, state } = foldAll([
      quote('BTCUSDT', 1),
      corrupt,
      quote('BTCUSDT', 2)
    ])
    expect(landed.map(({ source_sequence: id }) => id)).toEqual([1, 2])
    expect(letters).toMatchObject([{ offset: 1, reason: 'unconfirmed_sequence' }])
    expect(JSON.parse(letters[0]!.heldRecord!)).toMatchObject({
      record: { message_id: corrupt.message_id, bid_price: '100000000' }
    })
    expect(state.counters).toMatchObject({ consumed: 3, landed: 2, deadLettered: 1, held: 0 })
  })

  test('after a restart of the ids they name the epoch', () => {
    const restarted = [1, 2, 5].map((id) =>
      quote('BTCUSDT', id, { timestamp: 1_800_000_000_000_000 + id })
    )
    const { landed, state } = foldAll([quote('BTCUSDT', 70_000_000), ...restarted])
    expect(landed.map(({ message_id: id }) => id)).toEqual([
      'BINANCE:BTCUSDT:70000000',
      'BINANCE:BTCUSDT:1.1',
      'BINANCE:BTCUSDT:1.2',
      'BINANCE:BTCUSDT:1.5'
    ])
    expect(state.counters.epochsOpened).toBe(1)
  })

  test('an empty side and a crossed book land; what does not fit is named', () => {
    const good = [
      quote('BTCUSDT', 1, { bid_price: 0n, bid_quantity: 0n }),
      quote('BTCUSDT', 2, { bid_price: 200_000_000n })
    ]
    const { landed, letters } = foldAll([
      ...good,
      quote('BTCUSDT', 3, { ask_quantity: -1n }),
      quote('BTCUSDT', 4, { bid_price: 10n ** 18n })
    ])
    expect(landed).toEqual(good)
    expect(letters.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual([
      'invalid_field: ask_quantity -1 is negative or too large',
      'invalid_field: bid_price 1000000000000000000 is negative or too large'
    ])
  })
})
