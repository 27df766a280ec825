import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TailClaims } from '../../../src/actors/repair/tail-claims.ts'
import type { ClaimReason, GapClaim } from '../../../src/market/gap-claim.ts'

const claim = (fromId: number | null, toId: number | null, reason: ClaimReason = 'disconnect') =>
  ({
    exchange: 'BINANCE', symbol: 'DOGEUSDT', reason, fromId, toId, count: 1, sinceUs: 7, untilUs: 9
  }) satisfies GapClaim

const spans = (claims: TailClaims, highId: number) =>
  claims.outside('DOGEUSDT', { low: 1, high: highId }).map(({ fromId, toId }) => [fromId, toId])

describe('claims of ids that no later trade reveals', () => {
  test('count beyond the newest id, until that passes them', () => {
    const claims = new TailClaims('BINANCE')
    claims.note(claim(101, 140))
    expect(spans(claims, 100)).toEqual([[101, 140]])
    expect(spans(claims, 120)).toEqual([[121, 140]])
    expect(claims.symbols).toEqual(['DOGEUSDT'])
    expect(spans(claims, 140)).toEqual([])
    expect(claims.symbols).toEqual([])
  })

  test('count before the first id, and are cut by what has landed between', () => {
    const claims = new TailClaims('BINANCE')
    claims.note(claim(90, 140, 'shed'))
    expect(claims.outside('DOGEUSDT', null)).toMatchObject([{ fromId: 90, toId: 140 }])
    const left = claims.outside('DOGEUSDT', { low: 101, high: 120 })
    expect(left.map(({ fromId, toId }) => [fromId, toId])).toEqual([[90, 100], [121, 140]])
    expect(claims.outside('DOGEUSDT', { low: 90, high: 140 })).toEqual([])
    expect(claims.symbols).toEqual([])
  })

  test('what was refused is asked for, so that it is refused for good', () => {
    const claims = new TailClaims('BINANCE')
    claims.note(claim(101, 101, 'rejected'))
    expect(spans(claims, 100)).toEqual([[101, 101]])
  })

  test('of ids that the venue lacks, of no ids, of another exchange: they say nothing', () => {
    const claims = new TailClaims('BINANCE')
    claims.note(claim(1, 5, 'never_issued'))
    claims.note(claim(null, null))
    claims.note(claim(1, null))
    claims.note(claim(5, 4))
    claims.note({ ...claim(1, 5), exchange: 'SIMULATED' })
    expect(claims.symbols).toEqual([])
  })

  test('however many there are, they are bounded and none is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3_000), fc.nat(30)), { maxLength: 300 }),
        fc.integer({ min: -1, max: 3_000 }),
        (ranges, highId) => {
          const claims = new TailClaims('BINANCE')
          for (const [from, more] of ranges) claims.note(claim(from, from + more))
          const left = claims.outside('DOGEUSDT', { low: 0, high: highId })
          expect(left.length).toBeLessThanOrEqual(64)
          for (const [from, more] of ranges) {
            for (let id = Math.max(from, highId + 1); id <= from + more; id++) {
              if (!left.some(({ fromId, toId }) => fromId <= id && id <= toId)) {
                expect.fail(`${id} is lost`)
              }
            }
          }
          for (const [index, { fromId }] of left.entries()) {
            expect(fromId).toBeGreaterThan(left[index - 1]?.toId ?? highId)
          }
        }
      )
    )
  })
})
