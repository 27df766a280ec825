/**
 * Record batches of Kafka as a fetch brings them: split, verified, decompressed, and their records
 * visited without an object for each. Their form is in record-set-writer.ts.
 *
 * 1. Nothing of a batch is read before its CRC holds. What differs is `RecordSetCorrupt`, which
 *    says where.
 * 2. Reading records never leaves the batch.
 * 3. What was not written by a plain producer (transactions, their markers, the forms of before
 *    Kafka 0.11) is not read here: `splitRecordSet` says so, and who fetched it reads it otherwise.
 */
import { crc32c } from '@node-rs/crc32'
import * as Schema from 'effect/Schema'

/** Bytes that a broker has sent as a record batch are none. */
export class RecordSetCorrupt extends Schema.TaggedError<RecordSetCorrupt>()('RecordSetCorrupt', {
  topicPartition: Schema.String,
  /** First offset of the batch, as it says itself. */
  baseOffset: Schema.Number,
  detail: Schema.String
}) {
  override get message() {
    const where = `${this.topicPartition}, batch at offset ${this.baseOffset}`
    return `${where}: ${this.detail}; it was damaged on the way, or on the brokers' disks`
  }
}

/** A whole batch, not verified. */
export interface FetchedBatch {
  readonly baseOffset: number
  /** Offset behind the batch; it may have records at none of its offsets. */
  readonly endOffset: number
  /** All of the batch; a view of the response. */
  readonly bytes: Buffer
}

/**
 * The whole batches; the last one may have been cut off by the fetch, and is left out. Undefined:
 * there is one that is not read here (3).
 */
export const splitRecordSet = (bytes: Buffer): readonly FetchedBatch[] | undefined => {
  const batches: FetchedBatch[] = []
  for (let start = 0; start + batchHeaderBytes <= bytes.length; ) {
    const end = start + lengthEnd + bytes.readInt32BE(start + 8)
    const isPlain = bytes[start + 16] === magic && (bytes[start + 22]! & notPlainFlags) === 0
    if (!isPlain || end < start + batchHeaderBytes) return undefined
    if (end > bytes.length) break
    const baseOffset = readInt64(bytes, start)
    const endOffset = baseOffset + bytes.readInt32BE(start + 23) + 1
    batches.push({ baseOffset, endOffset, bytes: bytes.subarray(start, end) })
    start = end
  }
  return batches
}

/** The records of a batch, verified and as they were before compression. */
interface OpenedRecords {
  readonly baseOffset: number
  readonly recordCount: number
  /** Unix ms, of the first record. */
  readonly firstMs: number
  /** Unix ms, where the broker has set the time of all records. */
  readonly appendMs: number | undefined
  readonly bytes: Buffer
  /** Where in `bytes` the first record starts. */
  readonly start: number
}

/** As the codecs of kafkajs are; undefined for a number that is no codec's. */
export type DecompressOf = (codec: number) => ((bytes: Buffer) => Promise<Buffer>) | undefined

/** Rejects with RecordSetCorrupt (1). */
export const openFetchedBatch = async (
  { bytes, baseOffset }: FetchedBatch,
  topicPartition: string,
  decompressOf: DecompressOf
): Promise<OpenedRecords> => {
  const corrupt = (detail: string) =>
    new RecordSetCorrupt({ topicPartition, baseOffset, detail })
  if (crc32c(bytes.subarray(crcEnd)) !== bytes.readUInt32BE(17)) {
    throw corrupt('its CRC32C differs')
  }
  const attributes = bytes[22]!
  const opened = {
    baseOffset,
    recordCount: bytes.readInt32BE(57),
    firstMs: readInt64(bytes, 27),
    appendMs: (attributes & appendTimeFlag) === 0 ? undefined : readInt64(bytes, 35)
  }
  const codec = attributes & codecMask
  if (codec === 0) return { ...opened, bytes, start: batchHeaderBytes }
  const decompress = decompressOf(codec)
  if (decompress === undefined) throw corrupt(`its compression is ${codec}, which is unknown`)
  try {
    const records = await decompress(bytes.subarray(batchHeaderBytes))
    return { ...opened, bytes: records, start: 0 }
  } catch (error) {
    throw corrupt(`it cannot be decompressed: ${String(error)}`)
  }
}

/** A record in `bytes` of its batch. One object serves all of a batch. */
export class RecordCursor {
  offset = 0
  /** Unix ms, as the record says; anything is possible. */
  timestampMs = 0
  keyStart = 0
  /** -1: the record has no key. */
  keyLength = 0
  valueStart = 0
  /** -1: the record has no value. */
  valueLength = 0
  readonly #records: OpenedRecords
  readonly #topicPartition: string
  #index = 0
  #position: number

  constructor(records: OpenedRecords, topicPartition: string) {
    this.#records = records
    this.#topicPartition = topicPartition
    this.#position = records.start
  }

  get bytes(): Buffer {
    return this.#records.bytes
  }

  /** Bytes of the records from this one on, itself included: no less than their fields have. */
  get bytesLeft(): number {
    return this.#records.bytes.length - this.keyStart + varintBytesMax
  }

  /**
   * Moves to the next record; false behind the last.
   * @throws RecordSetCorrupt if it is not wholly inside of the batch (2)
   */
  next(): boolean {
    const { bytes, baseOffset, recordCount, firstMs, appendMs } = this.#records
    if (this.#index === recordCount) return false
    const length = this.#varint(bytes.length)
    const end = this.#position + length
    if (length < 0 || end > bytes.length) throw this.#corrupt('does not end inside of the batch')
    // Attributes of a record mean nothing yet.
    this.#position += 1
    const delta = this.#varlong(end)
    this.timestampMs = appendMs ?? firstMs + delta
    this.offset = baseOffset + this.#varint(end)
    this.keyLength = this.#varint(end)
    this.keyStart = this.#position
    this.#position += Math.max(0, this.keyLength)
    this.valueLength = this.#varint(end)
    this.valueStart = this.#position
    this.#position += Math.max(0, this.valueLength)
    if (this.#position > end) throw this.#corrupt('has a field that does not end inside of it')
    // What Kafka's headers say is nobody's here.
    this.#position = end
    this.#index += 1
    return true
  }

  /** At most 32 bits. */
  #varint(end: number): number {
    const { bytes } = this.#records
    let position = this.#position
    let value = 0
    for (let shift = 0; shift < 35 && position < end; shift += 7) {
      const byte = bytes[position++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.#position = position
        return (value >>> 1) ^ -(value & 1)
      }
    }
    throw this.#corrupt('has a number that does not end')
  }

  /** At most 64 bits, of which 53 are exact. */
  #varlong(end: number): number {
    const { bytes } = this.#records
    let position = this.#position
    let value = 0
    for (let factor = 1; factor <= 2 ** 63 && position < end; factor *= 128) {
      const byte = bytes[position++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        this.#position = position
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
    }
    throw this.#corrupt('has a number that does not end')
  }

  #corrupt(detail: string): RecordSetCorrupt {
    const topicPartition = this.#topicPartition
    const { baseOffset } = this.#records
    return new RecordSetCorrupt({
      topicPartition,
      baseOffset,
      detail: `record ${this.#index} ${detail}`
    })
  }
}

const magic = 2
const batchHeaderBytes = 61
/** Behind the length of the batch, and behind its checksum. */
const lengthEnd = 12
const crcEnd = 21
const codecMask = 0x07
const appendTimeFlag = 0x08
/** Of a transaction; a marker of its end. */
const notPlainFlags = 0x30
const varintBytesMax = 5

const readInt64 = (bytes: Buffer, at: number): number =>
  bytes.readInt32BE(at) * 0x100000000 + bytes.readUInt32BE(at + 4)
