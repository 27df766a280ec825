import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { followedOffsets, recordIds } from '../../../src/actors/traces/followed-records.ts'

test('however batches are cut, the same records are followed, each once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.nat(1_000),
      fc.array(fc.nat(120), { maxLength: 20 }),
      (every, start, lengths) => {
        const followed: number[] = []
        let from = start
        for (const length of lengths) {
          followed.push(...followedOffsets(every, from, from + length))
          from += length
        }
        const all = Array.from({ length: from - start }, (_, index) => start + index)
        expect(followed).toEqual(all.filter((offset) => offset % every === 0))
      }
    )
  )
})

const place = { log: 'a', topic: 'market.crypto.trades.binance', partition: 3, offset: 20_000 }

test.each([{ log: 'b' }, { topic: 't' }, { partition: 4 }, { offset: 30_000 }])(
  'a record elsewhere (%j) has another trace; the same one has the same',
  (other) => {
    expect(recordIds({ ...place })).toEqual(recordIds(place))
    expect(recordIds({ ...place, ...other }).traceId).not.toBe(recordIds(place).traceId)
  }
)

test('ids are as W3C Trace Context has them', () => {
  expect(recordIds(place)).toEqual({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string
  })
})
