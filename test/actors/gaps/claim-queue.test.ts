import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ClaimQueue } from '../../../src/actors/gaps/claim-queue.ts'
import type { GapClaim } from '../../../src/market/gap-claim.ts'

const claim = (changes: Partial<GapClaim> = {}): GapClaim => ({
  exchange: 'BINANCE',
  symbol: 'DOGEUSDT',
  reason: 'shed',
  fromId: 1,
  toId: 3,
  count: 3,
  sinceUs: 10,
  untilUs: 20,
  ...changes
})
const ranges = (claims: readonly GapClaim[]) =>
  claims.map(({ symbol, fromId, toId, count }) => [symbol, fromId, toId, count])

describe('claims that wait', () => {
  test('are taken once, oldest first', () => {
    const queue = new ClaimQueue()
    const one = claim()
    const other = claim({ symbol: 'ADAUSDT' })
    queue.note(one)
    queue.note(other)
    expect(queue.take()).toEqual([one, other])
    expect(queue.take()).toEqual([])
  })

  test('merge where their ids adjoin, and not over ids that nobody let go', () => {
    const queue = new ClaimQueue()
    queue.note(claim())
    queue.note(claim({ fromId: 4, toId: 9, count: 6, sinceUs: 21, untilUs: 30 }))
    queue.note(claim({ fromId: 11, toId: 12, count: 2 }))
    queue.note(claim({ fromId: 13, toId: 13, count: 1 }))
    const [first, ...others] = queue.take()
    expect(first).toEqual(claim({ toId: 9, count: 9, sinceUs: 10, untilUs: 30 }))
    expect(ranges(others)).toEqual([['DOGEUSDT', 11, 13, 3]])
  })

  test('of other reasons, and of records without ids, stay apart', () => {
    const queue = new ClaimQueue()
    queue.note(claim())
    queue.note(claim({ reason: 'paused' }))
    queue.note(claim({ fromId: null, toId: null }))
    queue.note(claim({ fromId: null, toId: null, count: 4 }))
    expect(ranges(queue.take())).toEqual([
      ['DOGEUSDT', 1, 3, 3],
      ['DOGEUSDT', 1, 3, 3],
      ['DOGEUSDT', null, null, 7]
    ])
  })

  test('call back whenever one is noted', () => {
    const queue = new ClaimQueue()
    let calls = 0
    const stop = queue.onNoted(() => (calls += 1))
    queue.note(claim())
    queue.note(claim())
    stop()
    queue.note(claim())
    expect(calls).toBe(2)
  })

  test('are bounded, and lose neither an id nor a record', () => {
    const arbitraryClaim = fc
      .record({
        symbol: fc.constantFrom('ADAUSDT', 'DOGEUSDT'),
        reason: fc.constantFrom('shed', 'disconnect'),
        range: fc.option(fc.tuple(fc.nat(60), fc.nat(4))),
        sinceUs: fc.nat(99)
      })
      .map(({ range, ...facts }) => {
        const [fromId, length] = range ?? [null, 2]
        const toId = fromId === null ? null : fromId + length
        const { sinceUs } = facts
        return claim({ ...facts, fromId, toId, count: length + 1, untilUs: sinceUs + 5 })
      })
    const waitingMax = 3
    const kindsMax = 2 * 2 * 2
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 9, arbitrary: arbitraryClaim }, fc.constant('take' as const))),
        (steps) => {
          const queue = new ClaimQueue(waitingMax)
          const noted: GapClaim[] = []
          const taken: GapClaim[] = []
          const take = () => {
            const claims = queue.take()
            expect(claims.length).toBeLessThanOrEqual(waitingMax + kindsMax)
            taken.push(...claims)
          }
          for (const step of steps) {
            if (step === 'take') {
              take()
              continue
            }
            noted.push(step)
            queue.note(step)
          }
          take()
          const records = (claims: readonly GapClaim[]) =>
            claims.reduce((sum, { count }) => sum + count, 0)
          expect(records(taken)).toBe(records(noted))
          for (const one of noted) expect(taken.some((other) => covers(other, one))).toBe(true)
        }
      )
    )
  })
})

const covers = (one: GapClaim, other: GapClaim): boolean => {
  const isSameKind =
    one.symbol === other.symbol &&
    one.reason === other.reason &&
    (one.fromId === null) === (other.fromId === null)
  const hasIds =
    one.fromId === null || (one.fromId <= other.fromId! && one.toId! >= other.toId!)
  return isSameKind && hasIds && one.sinceUs <= other.sinceUs && one.untilUs >= other.untilUs
}
