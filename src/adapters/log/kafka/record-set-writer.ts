/**
 * Packed records written straight into record batches of Kafka: one pass over the bytes, and no
 * object for a record.
 *
 *     record batch (big-endian)                        records, back to back, maybe compressed
 *      0  base offset, i64: 0                           length, varint
 *      8  bytes behind here, i32                        attributes, i8: 0
 *     12  partition leader epoch, i32: 0                timestamp behind the first, varlong: 0
 *     16  magic, i8: 2                                  offset behind the first, varint
 *     17  CRC32C over everything behind it              key length, varint, key
 *     21  attributes, i16: compression                  value length, varint, value
 *     23  last offset delta, i32                        headers, varint: 0
 *     27  first and last timestamp, two i64, ms
 *     43  producer id, i64: -1    51  its epoch, i16: 0    53  first sequence, i32: 0
 *     57  record count, i32
 *
 * Source: Kafka protocol, "Record Batch" (magic 2, KIP-98). Varints are zigzag.
 *
 * 1. Without compression the bytes are those that kafkajs 2.2.4 writes for the same messages.
 * 2. What is sent has bytes of its own: the log gives the packed records back while a send that was
 *    given up may still be under way.
 * 3. A batch is at most `recordSetBytesMax` before compression, or a single record: the broker
 *    refuses what is larger than its `max.message.bytes`, by default 1 MiB.
 */
import { crc32c } from '@node-rs/crc32'
import { forEachRecord, type PackedRecords } from '../record-batch.ts'

/** Of one partition: records that go into one batch of Kafka. */
export class RecordSet {
  readonly recordCount: number
  /** The batch with its header still to be written. */
  readonly #bytes: Buffer
  readonly #timestampMs: number

  constructor(bytes: Buffer, recordCount: number, timestampMs: number) {
    this.#bytes = bytes
    this.recordCount = recordCount
    this.#timestampMs = timestampMs
  }

  /** The batch as it is sent. `compress` is absent for codec 0. */
  async seal(codec: number, compress?: Compress): Promise<Buffer> {
    if (compress === undefined) return this.#sealed(this.#bytes, 0)
    const records = await compress({ buffer: this.#bytes.subarray(batchHeaderBytes) })
    return this.#sealed(Buffer.concat([new Uint8Array(batchHeaderBytes), records]), codec)
  }

  #sealed(bytes: Buffer, codec: number): Buffer {
    bytes.fill(0, 0, batchHeaderBytes)
    bytes.writeInt32BE(bytes.length - lengthEnd, 8)
    bytes.writeInt8(magic, 16)
    bytes.writeInt16BE(codec, 21)
    bytes.writeInt32BE(this.recordCount - 1, 23)
    writeMs(bytes, this.#timestampMs, 27)
    writeMs(bytes, this.#timestampMs, 35)
    bytes.fill(0xff, 43, 51)
    bytes.writeInt32BE(this.recordCount, 57)
    bytes.writeUInt32BE(crc32c(bytes.subarray(crcEnd)), 17)
    return bytes
  }
}

/** As the codecs of kafkajs are. */
export type Compress = (source: { readonly buffer: Buffer }) => Promise<Buffer>

export interface RecordSetContext {
  /** What stands in front of every record. */
  readonly header: Uint8Array
  readonly timestampMs: number
}

export const recordSetBytesMax = 512 * 1024

/** In the order of the records; none is empty. */
export const recordSetsOf = (
  packed: PackedRecords,
  { header, timestampMs }: RecordSetContext
): readonly RecordSet[] => {
  const { bytes, recordCount } = packed
  const sets: RecordSet[] = []
  const most = bytes.length + recordCount * (header.length + recordOverheadMax)
  // Two batches in succession have more than `recordSetBytesMax` together.
  const batchesMax = 2 * Math.ceil(most / recordSetBytesMax) + 1
  const memory = Buffer.allocUnsafeSlow(most + batchesMax * batchHeaderBytes)
  let start = 0
  let end = batchHeaderBytes
  let count = 0
  const finish = (): void => {
    sets.push(new RecordSet(memory.subarray(start, end), count, timestampMs))
    start = end
    end += batchHeaderBytes
    count = 0
  }
  forEachRecord({ ...packed, baseOffset: 0 }, ({ keyStart, keyEnd, valueStart, valueEnd }) => {
    const keyLength = keyEnd - keyStart
    const valueLength = header.length + valueEnd - valueStart
    const fixed = 3 + lengthBytes(keyLength) + keyLength + lengthBytes(valueLength) + valueLength
    let body = fixed + lengthBytes(count)
    if (count > 0 && end - start + lengthBytes(body) + body > recordSetBytesMax) {
      finish()
      body = fixed + lengthBytes(count)
    }
    end = writeLength(memory, body, end)
    // Attributes, and the time of the first record, which is everyone's.
    memory[end] = 0
    memory[end + 1] = 0
    end = writeLength(memory, count, end + 2)
    end = writeLength(memory, keyLength, end)
    end = copyShort(bytes, keyStart, keyEnd, { to: memory, at: end })
    end = writeLength(memory, valueLength, end)
    for (let index = 0; index < header.length; index++) memory[end++] = header[index]!
    bytes.copy(memory, end, valueStart, valueEnd)
    end += valueEnd - valueStart
    // No headers of Kafka's.
    memory[end++] = 0
    count += 1
  })
  if (count > 0) finish()
  return sets
}

const magic = 2
const batchHeaderBytes = 61
/** Behind the length of the batch, and behind its checksum. */
const lengthEnd = 12
const crcEnd = 21
/** Of a record: what it has beside key, header and value, less their lengths in the packed form. */
const recordOverheadMax = 16
const copyBytesMin = 24

interface Target {
  readonly to: Buffer
  readonly at: number
}

/** Keys are short: a loop costs less than a call into the runtime. */
const copyShort = (from: Buffer, start: number, end: number, { to, at }: Target): number => {
  if (end - start >= copyBytesMin) return at + from.copy(to, at, start, end)
  let position = at
  for (let index = start; index < end; index++) to[position++] = from[index]!
  return position
}

/** A varint is zigzag: a length is written as its double. */
const lengthBytes = (length: number): number =>
  length < 0x40 ? 1 : length < 0x2000 ? 2 : length < 0x100000 ? 3 : length < 0x8000000 ? 4 : 5

const writeLength = (bytes: Buffer, length: number, position: number): number => {
  let rest = length * 2
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}

const writeMs = (bytes: Buffer, ms: number, position: number): void => {
  bytes.writeInt32BE(Math.floor(ms / 0x100000000), position)
  bytes.writeUInt32BE(ms % 0x100000000, position + 4)
}
