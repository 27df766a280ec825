import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  isExactly,
  joined,
  pointCondition,
  type ReadPoint
} from '../../../src/adapters/query/read-point.ts'
import { reaches } from '../../../src/adapters/query/records-view.ts'
import {
  type CursorContent,
  makeTokenCodec,
  queryDigest,
  type TokenContent,
  tokenCharsMax
} from '../../../src/adapters/query/read-token.ts'

const codec = makeTokenCodec({ uuid: '0f0e0d0c-0b0a-4908-8706-050403020100' })

const offsets = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const label = fc.nat(63).map((n) => `5d2c9a/market.crypto.trades.binance/${n}`)
const points: fc.Arbitrary<ReadPoint> = fc.record({
  snapshotId: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String)),
  removals: fc.nat(),
  watermarks: fc.array(fc.tuple(label, offsets), { maxLength: 64 }).map((all) => new Map(all)),
  undecided: fc.constant(new Map<string, readonly number[]>()),
  missing: fc.array(fc.string({ maxLength: 60 }), { maxLength: 3 })
})
/** Held back are partitions that are known. */
const heldBack = points.chain((point) =>
  fc
    .subarray([...point.watermarks.keys()].slice(0, 4))
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc
            .uniqueArray(offsets, { minLength: 1, maxLength: 6 })
            .map((held) => [name, held.toSorted((a, b) => a - b)] as const)
        )
      )
    )
    .map((held): ReadPoint => ({ ...point, undecided: new Map(held) }))
)
const contents: fc.Arbitrary<TokenContent> = fc.record({
  point: heldBack,
  choice: fc.constantFrom('', 'chosen')
})
const cursors: fc.Arbitrary<CursorContent> = fc
  .tuple(
    contents,
    fc.record({
      query: fc.constantFrom(queryDigest([1]), queryDigest([2])),
      after: fc.record({
        timestampUs: fc.maxSafeInteger(),
        symbol: fc.string({ unit: 'grapheme', maxLength: 64 }),
        sourceSequence: fc.option(offsets),
        messageId: fc.string({ maxLength: 120 })
      })
    })
  )
  .map(([content, more]) => ({ ...content, ...more }))

test('property: what is written is read back, and is one text for one point', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const text = codec.token(content)!
      expect(text).toMatch(/^[A-Za-z0-9._-]+$/)
      expect(text.length).toBeLessThanOrEqual(tokenCharsMax)
      expect(codec.readToken(text)).toEqual(content)
      const shuffled = new Map([...content.point.watermarks].reverse())
      expect(codec.token({ ...content, point: { ...content.point, watermarks: shuffled } })).toBe(
        text
      )
      expect(codec.readCursor(text)).toBeUndefined()
    })
  )
  fc.assert(
    fc.property(cursors, (content) => {
      expect(codec.readCursor(codec.cursor(content)!)).toEqual(content)
      expect(codec.readToken(codec.cursor(content)!)).toBeUndefined()
    })
  )
})

test('property: no other text is read, whatever was changed', () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.string({ minLength: 1 }), (content, at, other) => {
      const text = codec.token(content)!
      const index = at % text.length
      const changed = text.slice(0, index) + other + text.slice(index + 1)
      if (changed !== text) expect(codec.readToken(changed)).toBeUndefined()
      expect(codec.readToken(text.slice(0, index))).toBeUndefined()
      expect(codec.readToken(other)).toBeUndefined()
    })
  )
})

test('a token of another table is not read', () => {
  const other = makeTokenCodec({ uuid: '0f0e0d0c-0b0a-4908-8706-050403020101' })
  const content = { point: joined(nothing, undefined), choice: '' }
  expect(codec.readToken(other.token(content)!)).toBeUndefined()
  expect(codec.readToken(codec.token(content)!)).toEqual(content)
})

const nothing = {
  snapshotId: null,
  removals: 0,
  watermarks: new Map<string, number>(),
  undecided: new Map<string, readonly number[]>()
}

test('a point that does not fit has no token; what is missing is shortened', () => {
  const held = Array.from({ length: 20_000 }, (_, n) => n * n)
  const watermarks = new Map([['p', 1e9]])
  const point = { ...nothing, watermarks, undecided: new Map([['p', held]]), missing: [] }
  expect(codec.token({ point, choice: '' })).toBeUndefined()
  const long = { ...nothing, missing: Array.from({ length: 50 }, () => 'x'.repeat(5_000)) }
  const { missing } = codec.readToken(codec.token({ point: long, choice: '' })!)!.point
  expect(missing).toHaveLength(4)
  expect(missing[0]).toHaveLength(200)
})

test('files and tail joined: each partition as whoever is further says', () => {
  const files = {
    ...nothing,
    removals: 2,
    watermarks: new Map([
      ['a', 10],
      ['b', 10],
      ['c', 10]
    ]),
    undecided: new Map([
      ['a', [1]],
      ['b', [2]],
      ['c', [3]]
    ])
  }
  const tail = {
    watermarks: new Map([
      ['a', 11],
      ['b', 9],
      ['d', 4]
    ]),
    undecided: new Map([
      ['b', [5]],
      ['d', [3]]
    ]),
    missing: ['something']
  }
  const point = joined(files, tail)
  expect(point).toMatchObject({ removals: 2, missing: ['something'] })
  expect(Object.fromEntries(point.watermarks)).toEqual({ a: 11, b: 10, c: 10, d: 4 })
  expect(Object.fromEntries(point.undecided)).toEqual({ b: [2], c: [3], d: [3] })
})

test('how far offsets reach', () => {
  const at = (of: Record<string, number>) => new Map(Object.entries(of))
  const watermarks = at({ a: 3, b: 0 })
  const point = { watermarks }
  const told = (of: Record<string, number>) => [
    reaches(at(of), watermarks),
    isExactly(at(of), point)
  ]
  expect(told({ a: 3 })).toEqual([true, true])
  expect(told({ a: 4 })).toEqual([true, false])
  expect(told({ a: 2 })).toEqual([false, false])
  expect(isExactly(at({ a: 3, c: 1 }), point)).toBe(false)
  expect(reaches(at({ b: 9 }), watermarks)).toBe(false)
})

test('the condition binds every value', () => {
  const odd = "x' OR 1=1 --"
  const { sql, parameters } = pointCondition({
    ...nothing,
    watermarks: new Map([[odd, 7]]),
    undecided: new Map([[odd, [5]]]),
    missing: []
  })
  expect(sql).not.toContain('1=1')
  expect(Object.values(parameters).map(({ value }) => value)).toEqual([[odd], [7], [`${odd}/5`]])
})
