import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  batchBytesMax,
  batchHeaderBytes,
  BatchMalformed,
  BatchOverflow,
  forEachRecord,
  type LogBatch,
  openBatch,
  PackedRecordsBuilder,
  sealBatch,
  startsGroup
} from '../../../src/adapters/log/record-batch.ts'

interface Entry {
  readonly key: string
  readonly value: Uint8Array
}

const fingerprint = '00f1e2d3c4b5a697'
const entries: fc.Arbitrary<readonly Entry[]> = fc.array(
  fc.record({
    key: fc.string({ unit: 'binary', maxLength: 200 }),
    value: fc.uint8Array({ maxLength: 400 })
  }),
  { minLength: 1, maxLength: 60 }
)

const seal = (baseOffset = 0) => ({
  baseOffset,
  appendedMsMin: 1_723_075_200_000,
  appendedMsMax: 1_723_075_200_020,
  startsGroup: true
})

const pack = (records: readonly Entry[], baseOffset = 0): Buffer => {
  const builder = new PackedRecordsBuilder(128)
  for (const { key, value } of records) builder.add(key, value)
  const packed = builder.take(fingerprint)
  sealBatch(packed, seal(baseOffset))
  return packed.bytes
}

const unpack = (batch: LogBatch) => {
  const found: (Entry & { offset: number })[] = []
  forEachRecord(batch, ({ offset, keyStart, keyEnd, valueStart, valueEnd }) => {
    const key = Buffer.from(batch.bytes.subarray(keyStart, keyEnd)).toString('utf8')
    found.push({ offset, key, value: batch.bytes.slice(valueStart, valueEnd) })
  })
  return found
}

const reasonOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof BatchMalformed) return error.reason
    throw error
  }
  return 'accepted'
}

describe('record batch', () => {
  it('holds the same bytes whether a value is copied or written in place', () => {
    const writer = {
      valueBytesMax: 400,
      write: (value: Uint8Array, view: DataView, at: number) => {
        value.forEach((byte, index) => view.setUint8(at + index, byte))
        return at + value.length
      }
    }
    fc.assert(
      fc.property(entries, (records) => {
        const written = new PackedRecordsBuilder(128)
        for (const { key, value } of records) written.addWritten(Buffer.from(key), value, writer)
        const packed = written.take(fingerprint)
        sealBatch(packed, seal())
        expect(packed.recordCount).toBe(records.length)
        expect(packed.bytes.equals(pack(records))).toBe(true)
      })
    )
  })

  it('gives back what was packed, at its offsets', () => {
    fc.assert(
      fc.property(entries, fc.maxSafeNat(), (records, offset) => {
        const baseOffset = Math.min(offset, Number.MAX_SAFE_INTEGER - records.length)
        const bytes = pack(records, baseOffset)
        const batch = openBatch(bytes, 0, bytes.length)
        expect(batch).toMatchObject({
          baseOffset,
          endOffset: baseOffset + records.length,
          recordCount: records.length,
          schemaFingerprint: fingerprint,
          appendedMsMin: 1_723_075_200_000,
          appendedMsMax: 1_723_075_200_020
        })
        expect(startsGroup(batch)).toBe(true)
        const found = unpack(batch).map(({ key, value, offset }) => [
          offset,
          key,
          Buffer.from(value)
        ])
        expect(found).toEqual(
          records.map(({ key, value }, index) => [
            baseOffset + index,
            Buffer.from(key).toString('utf8'),
            Buffer.from(value)
          ])
        )
      })
    )
  })

  it('finds any flipped bit', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (records, at) => {
        const bytes = pack(records)
        const bit = at % (bytes.length * 8)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        expect(reasonOf(() => openBatch(bytes, 0, bytes.length))).not.toBe('accepted')
      }),
      { numRuns: 500 }
    )
  })

  it('finds every truncation', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (records, at) => {
        const bytes = pack(records)
        const end = at % bytes.length
        expect(reasonOf(() => openBatch(bytes, 0, end))).toBe('truncated')
      })
    )
  })

  it('never reads outside of a batch whose inner structure is wrong', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.integer({ min: 0, max: 40 }),
        (inner, recordCount) => {
          const bytes = Buffer.concat([Buffer.alloc(batchHeaderBytes), inner])
          sealBatch({ bytes, recordCount, schemaFingerprint: fingerprint }, seal())
          const batch = openBatch(bytes, 0, bytes.length)
          let last = batchHeaderBytes
          const reason = reasonOf(() =>
            forEachRecord(batch, ({ keyStart, keyEnd, valueStart, valueEnd }) => {
              expect(last < keyStart && keyStart <= keyEnd).toBe(true)
              expect(keyEnd < valueStart && valueStart <= valueEnd).toBe(true)
              expect(valueEnd).toBeLessThanOrEqual(bytes.length)
              last = valueEnd
            })
          )
          expect(reason === 'accepted' ? last : 'records').toBe(
            reason === 'accepted' ? bytes.length : reason
          )
        }
      ),
      { numRuns: 1_000 }
    )
  })

  it.each([
    ['a length that runs past the end', [0x03, 0x41]],
    ['a length without an end', [0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a length in a longer form', [0x80, 0x00, 0x00]],
    ['bytes behind the last record', [0x00, 0x00, 0x07]],
    ['no record at all', []]
  ])('names %s', (_, inner) => {
    const bytes = Buffer.concat([Buffer.alloc(batchHeaderBytes), Buffer.from(inner)])
    sealBatch({ bytes, recordCount: 1, schemaFingerprint: fingerprint }, seal())
    expect(reasonOf(() => unpack(openBatch(bytes, 0, bytes.length)))).toBe('records')
  })

  it('reuses a recycled buffer and refuses it twice', () => {
    const builder = new PackedRecordsBuilder()
    builder.add('BTCUSDT', Buffer.from('one'))
    const first = builder.take(fingerprint)
    builder.recycle(first)
    expect(() => builder.recycle(first)).toThrow('twice')
    builder.take(fingerprint)
    builder.add(Buffer.from('ETHUSDT'), Buffer.from('-two-'), 1, 4)
    const again = builder.take(fingerprint)
    expect(again.bytes.buffer).toBe(first.bytes.buffer)
    sealBatch(again, seal(7))
    const [record] = unpack(openBatch(again.bytes, 0, again.bytes.length))
    expect(record).toMatchObject({ offset: 7, key: 'ETHUSDT' })
    expect(Buffer.from(record!.value).toString()).toBe('two')
  })

  it('refuses the record that makes a batch too large, and keeps the others', () => {
    const builder = new PackedRecordsBuilder()
    builder.add('a', Buffer.alloc(batchBytesMax / 2))
    expect(() => builder.add('b', Buffer.alloc(batchBytesMax / 2))).toThrow(BatchOverflow)
    expect(builder.count).toBe(1)
    const packed = builder.take(fingerprint)
    sealBatch(packed, seal())
    expect(unpack(openBatch(packed.bytes, 0, packed.bytes.length))).toHaveLength(1)
  })

  it('refuses a fingerprint that is none', () => {
    expect(() => new PackedRecordsBuilder().take('abc')).toThrow('sixteen hex digits')
  })
})

it('a copy is not taken back into use: it may lie in memory that Node shares out', () => {
  const builder = new PackedRecordsBuilder()
  builder.add('BTCUSDT', Buffer.from('value'))
  const packed = builder.take('0123456789abcdef')
  const shared = Buffer.from(packed.bytes)
  builder.recycle({ ...packed, bytes: shared })
  for (let take = 0; take < 2; take++) {
    builder.add('BTCUSDT', Buffer.from('next'))
    expect(builder.take('0123456789abcdef').bytes.buffer).not.toBe(shared.buffer)
  }
})
