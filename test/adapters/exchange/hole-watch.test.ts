import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FeedAccount } from '../../../src/adapters/exchange/feed-account.ts'
import { HoleWatch } from '../../../src/adapters/exchange/hole-watch.ts'
import type { GapClaim } from '../../../src/market/gap-claim.ts'

const secondUs = 1_000_000

const setup = (kept: Readonly<Record<string, number>> = {}) => {
  const account = new FeedAccount()
  const claims: GapClaim[] = []
  let nowUs = 100 * secondUs
  const watch = new HoleWatch({
    exchange: 'BINANCE',
    account,
    claims: { note: (claim) => void claims.push(claim) },
    keptId: (symbol) => kept[symbol] ?? null,
    nowUs: () => nowUs
  })
  const trade = (id: number, symbol = 'DOGEUSDT') => {
    if (watch.isOpen) watch.noteTrade(symbol, id, nowUs)
    account.noteReceived(symbol, id)
    watch.noteHeard([symbol], nowUs)
  }
  return {
    watch, claims, trade,
    pass: (seconds: number) => void (nowUs += seconds * secondUs),
    answer: (id: number, symbol = 'DOGEUSDT') => watch.noteNewest(new Map([[symbol, id]])),
    ranges: () => claims.map(({ reason, fromId, toId, count }) => [reason, fromId, toId, count])
  }
}

describe('trades that were not sent', () => {
  test('are those before the next one that comes', () => {
    const { watch, trade, ranges, claims, pass } = setup()
    watch.subscribed(['DOGEUSDT'])
    trade(7)
    pass(3)
    watch.suspect(['DOGEUSDT'], 'disconnect')
    pass(2)
    trade(12)
    trade(15)
    expect(ranges()).toEqual([['disconnect', 8, 11, 4]])
    expect(claims[0]).toMatchObject({ sinceUs: 100 * secondUs, untilUs: 105 * secondUs })
    expect(watch.isOpen).toBe(false)
  })

  test('are none where the next one follows the last, or comes again', () => {
    const { watch, trade, ranges } = setup()
    trade(7)
    watch.suspect(['DOGEUSDT'], 'disconnect')
    trade(8)
    watch.suspect(['DOGEUSDT'], 'disconnect')
    trade(5)
    expect(ranges()).toEqual([])
  })

  test('are asked for where no trade comes, and claimed once nothing can be on its way', () => {
    const { watch, trade, ranges, pass, answer } = setup()
    watch.subscribed(['DOGEUSDT', 'BTCUSDT'])
    trade(7)
    trade(7, 'BTCUSDT')
    watch.suspect(['DOGEUSDT', 'BTCUSDT'], 'paused')
    expect(watch.due()).toEqual([])
    pass(1)
    expect(watch.due()).toEqual(['DOGEUSDT', 'BTCUSDT'])
    answer(20)
    answer(9, 'BTCUSDT')
    watch.settle()
    expect(ranges()).toEqual([])
    trade(9, 'BTCUSDT')
    expect(ranges()).toEqual([['paused', 8, 8, 1]])
    pass(1)
    watch.settle()
    expect(ranges()).toEqual([['paused', 8, 8, 1], ['paused', 8, 20, 13]])
    expect(watch.due()).toEqual([])
  })

  test('are claimed once, though they are found again', () => {
    const { watch, trade, ranges, pass, answer } = setup()
    watch.subscribed(['DOGEUSDT'])
    trade(7)
    for (const newest of [20, 20, 25]) {
      watch.suspect(['DOGEUSDT'], 'disconnect')
      pass(1)
      answer(newest)
      pass(1)
      watch.settle()
    }
    watch.suspect(['DOGEUSDT'], 'paused')
    trade(28)
    expect(ranges()).toEqual([
      ['disconnect', 8, 20, 13],
      ['disconnect', 21, 25, 5],
      ['paused', 26, 27, 2]
    ])
  })

  test('are looked for once a minute while a symbol that is subscribed is silent', () => {
    const { watch, trade, ranges, pass, answer } = setup()
    watch.subscribed(['DOGEUSDT'])
    trade(7)
    pass(59)
    watch.due()
    pass(1)
    expect(watch.isOpen).toBe(false)
    watch.due()
    pass(1)
    expect(watch.due()).toEqual(['DOGEUSDT'])
    answer(9)
    pass(1)
    watch.settle()
    expect(ranges()).toEqual([['disconnect', 8, 9, 2]])
    pass(59)
    watch.due()
    expect(watch.isOpen).toBe(false)
    watch.subscribed([])
    pass(600)
    watch.due()
    expect(watch.isOpen).toBe(false)
  })

  test('after a restart begin where an earlier process ended, if that is known', () => {
    const { watch, trade, ranges } = setup({ DOGEUSDT: 40 })
    watch.suspect(['DOGEUSDT', 'NEWUSDT'], 'disconnect')
    trade(44)
    trade(3, 'NEWUSDT')
    watch.suspect(['DOGEUSDT'], 'disconnect')
    trade(50)
    expect(ranges()).toEqual([['restart', 41, 43, 3], ['disconnect', 45, 49, 5]])
  })

  test('are claimed exactly: whatever is lost between what comes, and nothing else', () => {
    const stretch = fc.record({
      lost: fc.nat(5),
      came: fc.nat(4),
      isAnswered: fc.boolean(),
      reason: fc.constantFrom('disconnect', 'paused', 'shed')
    })
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 12 }), (stretches) => {
        const { watch, trade, claims, pass, answer } = setup()
        watch.subscribed(['DOGEUSDT'])
        trade(1)
        let id = 1
        const missing: number[] = []
        for (const { lost, came, isAnswered, reason } of stretches) {
          watch.suspect(['DOGEUSDT'], reason)
          for (let count = 0; count < lost; count++) missing.push((id += 1))
          pass(1)
          if (isAnswered && watch.due().length > 0) answer(id)
          // What is lost after the answer is on nobody's way: it is found by the next stretch.
          pass(1)
          if (came === 0) watch.settle()
          for (let count = 0; count < came; count++) trade((id += 1))
        }
        watch.suspect(['DOGEUSDT'], 'disconnect')
        trade(id + 1)
        const claimed = claims.flatMap(({ fromId, toId }) =>
          Array.from({ length: toId! - fromId! + 1 }, (_, index) => fromId! + index)
        )
        expect(claimed).toEqual(missing)
      })
    )
  })
})
