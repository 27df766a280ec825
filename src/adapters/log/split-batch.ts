/** A batch as two, for a log that takes none of its size. */
import {
  batchHeaderBytes,
  forEachRecord,
  type PackedRecords
} from './record-batch.ts'

/**
 * The records of a batch of at least two, in their order, about half of its bytes each, in memory
 * of their own.
 */
export const halvesOf = (packed: PackedRecords): readonly [PackedRecords, PackedRecords] => {
  const { bytes, recordCount } = packed
  if (recordCount < 2) throw new RangeError('one record has no halves')
  const middle = (batchHeaderBytes + bytes.length) / 2
  let end = batchHeaderBytes
  let count = 0
  forEachRecord({ ...packed, baseOffset: 0 }, ({ offset: index, valueEnd }) => {
    const isFirst = index === 0
    const leavesNone = index === recordCount - 1
    if (!isFirst && (leavesNone || valueEnd > middle)) return
    end = valueEnd
    count = index + 1
  })
  return [
    partOf(packed, { from: batchHeaderBytes, to: end, recordCount: count }),
    partOf(packed, { from: end, to: bytes.length, recordCount: recordCount - count })
  ]
}

interface Part {
  readonly from: number
  readonly to: number
  readonly recordCount: number
}

const partOf = (packed: PackedRecords, { from, to, recordCount }: Part): PackedRecords => {
  const bytes = Buffer.allocUnsafeSlow(batchHeaderBytes + to - from)
  packed.bytes.copy(bytes, batchHeaderBytes, from, to)
  return { ...packed, bytes, recordCount }
}
