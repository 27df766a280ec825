/**
 * Fetched record batches as batches of our log: what kafka-reader-batches.ts makes of messages,
 * made of the bytes in which they come.
 *
 * 1. The same records, refusals and schemas come of it; only runs end with the batch they are in.
 *    What is not a plain record of a known schema goes that way, one at a time.
 * 2. Records from before `fromOffset` are left out: a broker sends whole batches.
 */
import { batchHeaderBytes, type LogBatch, varintBytes, writeVarint } from '../record-batch.ts'
import {
  batchesOf,
  formOf,
  messageBytesMax,
  type ReadMessage,
  type RunForm,
  runBytesMax,
  sealRun,
  type WriterSchemas
} from './kafka-reader-batches.ts'
import {
  type DecompressOf,
  type FetchedBatch,
  openFetchedBatch,
  RecordCursor
} from './record-set-reader.ts'

export interface FetchedFrom {
  readonly topicPartition: string
  readonly fromOffset: number
  readonly decompressOf: DecompressOf
}

/** Rejects with RecordSetCorrupt or SchemaUnavailable. */
export const batchesOfFetched = async (
  fetched: readonly FetchedBatch[],
  from: FetchedFrom,
  schemas: WriterSchemas
): Promise<readonly LogBatch[]> => {
  const { topicPartition, fromOffset, decompressOf } = from
  const batches: LogBatch[] = []
  let form: RunForm | undefined
  for (const batch of fetched) {
    // Also where its end is below `fromOffset`: what it says of itself is verified first.
    const opened = await openFetchedBatch(batch, topicPartition, decompressOf)
    const cursor = new RecordCursor(opened, topicPartition)
    let run: Run | undefined
    while (cursor.next()) {
      if (cursor.offset < fromOffset || run?.take(cursor) === true) continue
      if (run !== undefined) batches.push(run.seal())
      run = undefined
      // Asking what a schema is takes far longer than to see that it is the one before.
      if (form === undefined || !isOf(form, cursor)) {
        const message = messageAt(cursor)
        const found = await formOf(message, schemas)
        if (found.refusal !== undefined) {
          // (1)
          batches.push(...(await batchesOf([message], schemas)))
          continue
        }
        form = found
      }
      run = new Run(form, cursor)
    }
    if (run !== undefined) batches.push(run.seal())
  }
  return batches
}

/** Whether the record at the cursor is plain, and read so. */
const isOf = ({ head }: RunForm, cursor: RecordCursor): boolean => {
  const { bytes, keyLength, valueStart, valueLength } = cursor
  if (keyLength < 0 || valueLength < head.length) return false
  if (keyLength + valueLength > messageBytesMax) return false
  for (let at = 0; at < head.length; at++) if (bytes[valueStart + at] !== head[at]) return false
  return true
}

const messageAt = (cursor: RecordCursor): ReadMessage => {
  const { bytes, offset, timestampMs, keyStart, keyLength, valueStart, valueLength } = cursor
  return {
    offset: String(offset),
    timestamp: String(timestampMs),
    key: keyLength < 0 ? null : bytes.subarray(keyStart, keyStart + keyLength),
    value: valueLength < 0 ? null : bytes.subarray(valueStart, valueStart + valueLength)
  }
}

/** Records that are read alike, without a hole between their offsets. */
class Run {
  readonly #form: RunForm
  readonly #packed: Buffer
  readonly #baseOffset: number
  readonly #firstMs: number
  #lastMs: number
  #count = 0
  #end = batchHeaderBytes

  /** Begins with the record at the cursor, which is of this form. */
  constructor(form: RunForm, cursor: RecordCursor) {
    this.#form = form
    const first = this.#bytesOf(cursor)
    // Packed, records take no more than they do in the batch.
    const most = Math.max(first, Math.min(cursor.bytesLeft, runBytesMax - batchHeaderBytes))
    this.#packed = Buffer.allocUnsafeSlow(batchHeaderBytes + most)
    this.#baseOffset = cursor.offset
    this.#firstMs = cursor.timestampMs
    this.#lastMs = cursor.timestampMs
    this.#pack(cursor)
  }

  /** Takes the record at the cursor if it is read alike, follows on the last one and has room. */
  take(cursor: RecordCursor): boolean {
    if (cursor.offset !== this.#baseOffset + this.#count || !isOf(this.#form, cursor)) return false
    if (this.#end + this.#bytesOf(cursor) > this.#packed.length) return false
    this.#pack(cursor)
    return true
  }

  seal(): LogBatch {
    return sealRun(this.#form, {
      bytes: this.#packed.subarray(0, this.#end),
      recordCount: this.#count,
      baseOffset: this.#baseOffset,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs
    })
  }

  #bytesOf({ keyLength, valueLength }: RecordCursor): number {
    const valueBytes = valueLength - this.#form.head.length
    return varintBytes(keyLength) + keyLength + varintBytes(valueBytes) + valueBytes
  }

  #pack({ bytes, keyStart, keyLength, valueStart, valueLength, timestampMs }: RecordCursor): void {
    const packed = this.#packed
    const headBytes = this.#form.head.length
    let end = writeVarint(packed, keyLength, this.#end)
    // Keys are short: a loop costs less than a call into the runtime.
    if (keyLength < keyCopyMin) {
      for (let at = 0; at < keyLength; at++) packed[end + at] = bytes[keyStart + at]!
    } else bytes.copy(packed, end, keyStart, keyStart + keyLength)
    end = writeVarint(packed, valueLength - headBytes, end + keyLength)
    bytes.copy(packed, end, valueStart + headBytes, valueStart + valueLength)
    this.#end = end + valueLength - headBytes
    this.#count += 1
    this.#lastMs = timestampMs
  }
}

const keyCopyMin = 24
