/**
 * Batches put together into one: records lie back to back behind the header, so that many small
 * batches leave by one append, one fsync or one request, in the order in which they came.
 */
import { batchHeaderBytes, type LogBatch, type PackedRecords } from './record-batch.ts'

export interface JoinedBatches {
  readonly packed: PackedRecords
  /** Offset behind the last record. */
  readonly endOffset: number
}

/**
 * Joins the first of the batches, at least one, that have one schema and together no more than
 * `bytesMax`. The result is a copy. Undefined of none.
 */
export const joinBatches = (
  batches: readonly LogBatch[],
  bytesMax: number
): JoinedBatches | undefined => {
  const [first] = batches
  if (first === undefined) return undefined
  const { schemaFingerprint } = first
  let bytes = batchHeaderBytes
  let count = 0
  for (const batch of batches) {
    const more = batch.bytes.length - batchHeaderBytes
    if (count > 0 && bytes + more > bytesMax) break
    if (batch.schemaFingerprint !== schemaFingerprint) break
    bytes += more
    count++
  }
  const joined = Buffer.allocUnsafeSlow(bytes)
  let end = batchHeaderBytes
  let recordCount = 0
  for (const batch of batches.slice(0, count)) {
    const records = batch.bytes.subarray(batchHeaderBytes)
    joined.set(records, end)
    end += records.length
    recordCount += batch.recordCount
  }
  return {
    packed: { bytes: joined, recordCount, schemaFingerprint },
    endOffset: batches[count - 1]!.endOffset
  }
}
