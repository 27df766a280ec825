import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ClaimQueue } from '../../../src/actors/gaps/claim-queue.ts'
import type { ClaimReason, GapClaim } from '../../../src/market/gap-claim.ts'

const claim = (
  reason: ClaimReason,
  [fromId, toId]: readonly [number | null, number | null],
  more: Partial<GapClaim> = {}
): GapClaim => ({
  exchange: 'BINANCE',
  symbol: 'BTCUSDT',
  reason,
  fromId,
  toId,
  count: fromId === null || toId === null ? 1 : toId - fromId + 1,
  sinceUs: 1,
  untilUs: 2,
  ...more
})

const ranges = (claims: readonly GapClaim[]) =>
  claims.map(({ reason, fromId, toId, count }) => [reason, fromId, toId, count])

test('claims whose ids touch become one, others stay apart', () => {
  const queue = new ClaimQueue()
  queue.note(claim('shed', [1, 5], { sinceUs: 10, untilUs: 20 }))
  queue.note(claim('shed', [6, 9], { sinceUs: 15, untilUs: 30 }))
  queue.note(claim('shed', [20, 21]))
  queue.note(claim('rejected', [22, 22]))
  queue.note(claim('shed', [22, 22], { symbol: 'ETHUSDT' }))
  queue.note(claim('shed', [22, 22], { dataType: 'quotes' }))
  const taken = queue.take()
  expect(ranges(taken)).toEqual([
    ['shed', 1, 9, 9],
    ['shed', 20, 21, 2],
    ['rejected', 22, 22, 1],
    ['shed', 22, 22, 1],
    ['shed', 22, 22, 1]
  ])
  expect(taken[0]).toMatchObject({ sinceUs: 10, untilUs: 30 })
  expect(queue.take()).toEqual([])
})

test('those without ids are counted together', () => {
  const queue = new ClaimQueue()
  queue.note(claim('disconnect', [null, null]))
  queue.note(claim('disconnect', [null, null], { untilUs: 9 }))
  queue.note(claim('disconnect', [4, 5]))
  expect(ranges(queue.take())).toEqual([
    ['disconnect', null, null, 2],
    ['disconnect', 4, 5, 2]
  ])
})

test('a listener hears of each claim until it stops', () => {
  const queue = new ClaimQueue()
  let heard = 0
  const stop = queue.onNoted(() => heard++)
  queue.note(claim('shed', [1, 1]))
  queue.note(claim('shed', [2, 2]))
  stop()
  queue.note(claim('shed', [3, 3]))
  expect(heard).toBe(2)
})

test('when it is full, ranges grow, and what is said of single ids is never said of others', () => {
  const queue = new ClaimQueue(4)
  for (let id = 0; id < 100; id += 10) queue.note(claim('shed', [id, id]))
  for (let id = 0; id < 100; id += 10) queue.note(claim('rejected', [id, id]))
  const taken = queue.take()
  const shed = taken.filter(({ reason }) => reason === 'shed')
  expect(shed.reduce((sum, { count }) => sum + count, 0)).toBe(10)
  const rejected = taken.filter(({ reason }) => reason === 'rejected')
  expect(rejected.every(({ fromId, toId }) => fromId === toId)).toBe(true)
  expect(rejected.at(-1)).toMatchObject({ fromId: 90 })
})

test('property: it stays bounded, and covers every id that was shed', () => {
  const note = fc.record({
    symbol: fc.constantFrom('BTCUSDT', 'ETHUSDT'),
    reason: fc.constantFrom('shed' as const, 'paused' as const, 'rejected' as const),
    from: fc.nat(200),
    ids: fc.nat(5)
  })
  // One for each symbol and reason has room.
  const bound = fc.integer({ min: 6, max: 12 })
  fc.assert(
    fc.property(fc.array(note, { maxLength: 120 }), bound, (notes, max) => {
      const queue = new ClaimQueue(max)
      for (const { symbol, reason, from, ids } of notes) {
        queue.note(claim(reason, [from, from + ids], { symbol }))
      }
      const taken = queue.take()
      expect(taken.length).toBeLessThanOrEqual(max)
      for (const { symbol, reason, from, ids } of notes) {
        if (reason === 'rejected') continue
        const isCovered = taken.some(
          (it) =>
            it.symbol === symbol &&
            it.reason === reason &&
            it.fromId! <= from &&
            it.toId! >= from + ids
        )
        expect(isCovered).toBe(true)
      }
    })
  )
})
