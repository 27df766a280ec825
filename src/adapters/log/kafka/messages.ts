/**
 * Packed records as the messages of a producer: key, header of the wire format, record.
 *
 * 1. What is sent has bytes of its own: the log gives the batch back while a send that was given up
 *    may still be under way.
 * 2. A chunk has at most `chunkRecordsMax` records, since kafkajs gathers those of a partition in
 *    quadratic time, and about `chunkBytesMax` bytes, so that the broker takes it.
 */
import { forEachRecord, type PackedRecords } from '../record-batch.ts'

export interface KafkaMessage {
  readonly key: Buffer
  readonly value: Buffer
  readonly partition: number
  /** Unix ms, as kafkajs wants it. */
  readonly timestamp: string
}

export interface MessageContext {
  readonly partition: number
  /** What stands in front of every record. */
  readonly header: Uint8Array
  readonly timestampMs: number
}

export const chunkRecordsMax = 1_000
export const chunkBytesMax = 512 * 1024

/** Chunks in the order of the records; none is empty. */
export const messagesOf = (
  { bytes, recordCount }: PackedRecords,
  { partition, header, timestampMs }: MessageContext
): readonly (readonly KafkaMessage[])[] => {
  const timestamp = String(timestampMs)
  const memory = Buffer.allocUnsafeSlow(bytes.length + recordCount * header.length)
  const chunks: KafkaMessage[][] = []
  let chunk: KafkaMessage[] = []
  let chunkBytes = 0
  let end = 0
  const take = (from: Uint8Array): void => {
    memory.set(from, end)
    end += from.length
  }
  forEachRecord({ bytes, recordCount, baseOffset: 0 }, (record) => {
    const keyStart = end
    take(bytes.subarray(record.keyStart, record.keyEnd))
    const valueStart = end
    take(header)
    take(bytes.subarray(record.valueStart, record.valueEnd))
    const messageBytes = end - keyStart
    const isFull = chunk.length === chunkRecordsMax || chunkBytes + messageBytes > chunkBytesMax
    if (chunk.length === 0 || isFull) {
      chunk = []
      chunkBytes = 0
      chunks.push(chunk)
    }
    chunkBytes += messageBytes
    chunk.push({
      key: memory.subarray(keyStart, valueStart),
      value: memory.subarray(valueStart, end),
      partition,
      timestamp
    })
  })
  return chunks
}
