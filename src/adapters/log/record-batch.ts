/**
 * Record batches: what a log stores and hands out, as packed bytes and never as one object per
 * record.
 *
 *     header (64 bytes, little-endian)               records, back to back
 *      0  magic `K2RB`                                varint key length, key bytes
 *      4  CRC32C over everything behind it            varint value length, value bytes
 *      8  version, u16    10  flags, u16
 *     12  bytes of the records, u32    16  record count, u32    20  zero, u32
 *     24  base offset, u64
 *     32  Rabin fingerprint of the writer schema (R42)
 *     40  time of append, u64 ms: of the request    48  of the write
 *     56  zero, u64
 *
 * 1. A batch whose CRC holds was written as it is; anything else is a `BatchMalformed`.
 * 2. Reading records never leaves the batch: a length that would is a `BatchMalformed`.
 * 3. Records are written once: the builder leaves room for the header, which is sealed in place.
 */
import { crc32c } from '@node-rs/crc32'
import * as Schema from 'effect/Schema'
import { viewOf } from '../../market/byte-run.ts'

/** Records of one schema, packed and not yet part of a log. */
export interface PackedRecords {
  /** Room for the header, then the records. A log writes the header and then these very bytes. */
  readonly bytes: Buffer
  readonly recordCount: number
  /** Rabin fingerprint of the writer schema, sixteen lower-case hex digits. */
  readonly schemaFingerprint: string
}

/** A batch as a log hands it out. */
export interface LogBatch {
  readonly baseOffset: number
  /** Offset behind the last record: where the next batch starts. */
  readonly endOffset: number
  readonly recordCount: number
  /** Rabin fingerprint of the writer schema, sixteen lower-case hex digits. */
  readonly schemaFingerprint: string
  /** The writer schema as JSON text, where the log knows it (R52). */
  readonly writerSchema?: string | undefined
  /** Why the records are none of ours: they are to be set aside with their bytes as they are. */
  readonly refusal?: string | undefined
  /** When the append was asked for and when it was written, Unix ms. */
  readonly appendedMsMin: number
  readonly appendedMsMax: number
  /** Header and records; ranges that `forEachRecord` gives refer to it. */
  readonly bytes: Uint8Array
}

export const batchHeaderBytes = 64
/** No batch is larger, header included: a length beyond it is damage. */
export const batchBytesMax = 16 * 1024 * 1024
/** First four bytes of a batch. */
export const batchMagic = Buffer.from('K2RB', 'latin1')

/** The bytes are not a whole, undamaged batch. `truncated`: they end before the batch does. */
export class BatchMalformed extends Schema.TaggedError<BatchMalformed>()('BatchMalformed', {
  reason: Schema.Literals(['truncated', 'magic', 'version', 'length', 'checksum', 'records']),
  detail: Schema.String
}) {
  override get message() {
    return `not a record batch (${this.reason}): ${this.detail}`
  }
}

/** The record would make its batch larger than a batch may be. */
export class BatchOverflow extends Schema.TaggedError<BatchOverflow>()('BatchOverflow', {
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  override get message() {
    return `a batch of ${this.bytes} bytes exceeds ${this.bytesMax}: take() the batch before adding`
  }
}

/** What a log writes into the header of a batch. */
export interface BatchSeal {
  readonly baseOffset: number
  readonly appendedMsMin: number
  readonly appendedMsMax: number
  /** Whether everything before this batch was durable when it was written. */
  readonly startsGroup: boolean
}

/** Writes the header in place; afterwards `packed.bytes` is a batch. */
export const sealBatch = (packed: PackedRecords, seal: BatchSeal): void => {
  const { bytes } = packed
  batchMagic.copy(bytes, 0)
  bytes.writeUInt16LE(version, 8)
  bytes.writeUInt16LE(seal.startsGroup ? groupStartFlag : 0, 10)
  bytes.writeUInt32LE(bytes.length - batchHeaderBytes, 12)
  bytes.writeUInt32LE(packed.recordCount, 16)
  bytes.writeUInt32LE(0, 20)
  writeSafeInteger(bytes, seal.baseOffset, 24)
  bytes.write(packed.schemaFingerprint, 32, 8, 'hex')
  writeSafeInteger(bytes, seal.appendedMsMin, 40)
  writeSafeInteger(bytes, seal.appendedMsMax, 48)
  bytes.fill(0, 56, batchHeaderBytes)
  bytes.writeUInt32LE(crc32c(bytes.subarray(8)), 4)
}

/**
 * Bytes of the batch that starts at `start`, header included, by its header alone.
 * @throws BatchMalformed
 */
export const batchBytesAt = (bytes: Buffer, start: number, end: number): number => {
  if (end - start < batchHeaderBytes) {
    throw malformed('truncated', `${end - start} bytes of a header of ${batchHeaderBytes}`)
  }
  if (bytes.compare(batchMagic, 0, 4, start, start + 4) !== 0) {
    throw malformed('magic', 'it does not start with K2RB')
  }
  const total = batchHeaderBytes + bytes.readUInt32LE(start + 12)
  if (total > batchBytesMax) throw malformed('length', `${total} bytes, at most ${batchBytesMax}`)
  return total
}

/**
 * The batch that starts at `start`, its checksum verified, as a view of `bytes`.
 * @throws BatchMalformed
 */
export const openBatch = (bytes: Buffer, start: number, end: number): LogBatch => {
  const total = batchBytesAt(bytes, start, end)
  if (end - start < total) throw malformed('truncated', `${end - start} bytes of ${total}`)
  const batch = bytes.subarray(start, start + total)
  if (crc32c(batch.subarray(8)) !== batch.readUInt32LE(4)) {
    throw malformed('checksum', 'the CRC32C differs')
  }
  if (batch.readUInt16LE(8) !== version || (batch.readUInt16LE(10) & ~groupStartFlag) !== 0) {
    throw malformed('version', `version ${batch.readUInt16LE(8)}, flags ${batch.readUInt16LE(10)}`)
  }
  const recordCount = batch.readUInt32LE(16)
  const baseOffset = readSafeInteger(batch, 24)
  return {
    baseOffset,
    endOffset: baseOffset + recordCount,
    recordCount,
    schemaFingerprint: batch.toString('hex', 32, 40),
    appendedMsMin: readSafeInteger(batch, 40),
    appendedMsMax: readSafeInteger(batch, 48),
    bytes: batch
  }
}

/** Whether everything before this batch was durable when it was written. */
export const startsGroup = (batch: LogBatch): boolean => (batch.bytes[10]! & groupStartFlag) !== 0

/** Where a record lies in `batch.bytes`. One object serves all visits: it is not to be kept. */
export interface RecordRange {
  readonly offset: number
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

/**
 * Visits every record in offset order, without an object per record.
 * @throws BatchMalformed before a record that is not wholly inside the batch
 */
export const forEachRecord = (
  batch: Pick<LogBatch, 'bytes' | 'recordCount' | 'baseOffset'>,
  visit: (record: RecordRange) => void
): void => {
  const { bytes, recordCount, baseOffset } = batch
  const end = bytes.length
  const record = { offset: 0, keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: batchHeaderBytes }
  for (let index = 0; index < recordCount; index++) {
    const keyLength = varintAt(bytes, record.valueEnd, end)
    record.keyStart = record.valueEnd + varintBytes(keyLength)
    record.keyEnd = record.keyStart + keyLength
    if (record.keyEnd > end) throw recordOutside(index)
    const valueLength = varintAt(bytes, record.keyEnd, end)
    record.valueStart = record.keyEnd + varintBytes(valueLength)
    record.valueEnd = record.valueStart + valueLength
    if (record.valueEnd > end) throw recordOutside(index)
    record.offset = baseOffset + index
    visit(record)
  }
  const rest = end - record.valueEnd
  if (rest !== 0) throw malformed('records', `${rest} bytes behind the last of ${recordCount}`)
}

/** Writes values where they belong, instead of handing over bytes that are copied there. */
export interface ValueWriter<A> {
  /** Upper bound of one value's bytes, below 16,384. */
  readonly valueBytesMax: number
  /** Writes the value at `at` and returns its end. */
  readonly write: (value: A, view: DataView, at: number) => number
}

/** Packs records into a growing buffer; `take` hands it over, `recycle` gives it back for reuse. */
export class PackedRecordsBuilder {
  #storage: Buffer
  #view: DataView
  #end = batchHeaderBytes
  #count = 0
  readonly #spare: Buffer[] = []
  /** Memory that was allocated here: nothing else is taken back into use. */
  readonly #own = new WeakSet<ArrayBufferLike>()
  readonly #bytesInitial: number

  constructor(bytesInitial = 64 * 1024) {
    this.#bytesInitial = Math.max(bytesInitial, 2 * batchHeaderBytes)
    this.#storage = this.#allocate(this.#bytesInitial)
    this.#view = viewOf(this.#storage)
  }

  /** Bytes that the batch has now, header included. */
  get byteLength(): number {
    return this.#end
  }

  get count(): number {
    return this.#count
  }

  /**
   * Copies a key and the bytes `start` to `end` of `source` behind the records so far.
   * @throws BatchOverflow, the records so far untouched
   */
  add(key: string | Uint8Array, source: Uint8Array, start = 0, end = source.length): void {
    const keyLength = typeof key === 'string' ? utf8Bytes(key) : key.length
    const valueLength = end - start
    this.#reserve(varintBytes(keyLength) + keyLength + varintBytes(valueLength) + valueLength)
    const storage = this.#storage
    let position = writeVarint(storage, keyLength, this.#end)
    if (typeof key === 'string') writeKey(storage, key, position, keyLength)
    else storage.set(key, position)
    position = writeVarint(storage, valueLength, position + keyLength)
    if (start === 0 && end === source.length) storage.set(source, position)
    else storage.set(source.subarray(start, end), position)
    this.#end = position + valueLength
    this.#count += 1
  }

  /**
   * Writes a record in place, behind the records so far.
   * @throws BatchOverflow, the records so far untouched
   */
  addWritten<A>(key: Uint8Array, value: A, writer: ValueWriter<A>): void {
    const keyBytes = varintBytes(key.length) + key.length
    this.#reserve(keyBytes + lengthBytes + writer.valueBytesMax)
    const storage = this.#storage
    const lengthAt = writeVarint(storage, key.length, this.#end) + key.length
    for (let index = 0; index < key.length; index++) {
      storage[lengthAt - key.length + index] = key[index]!
    }
    const valueAt = lengthAt + lengthBytes
    const valueEnd = writer.write(value, this.#view, valueAt)
    const valueBytes = valueEnd - valueAt
    const start = writeVarint(storage, valueBytes, lengthAt)
    // The length took one byte of the two that were left for it.
    if (start < valueAt) storage.copyWithin(start, valueAt, valueEnd)
    this.#end = start + valueBytes
    this.#count += 1
  }

  /** Hands over the records so far and starts anew. `schemaFingerprint`: sixteen hex digits. */
  take(schemaFingerprint: string): PackedRecords {
    if (!fingerprintPattern.test(schemaFingerprint)) {
      throw new TypeError(`schema fingerprint "${schemaFingerprint}" is not sixteen hex digits`)
    }
    const bytes = this.#storage.subarray(0, this.#end)
    const recordCount = this.#count
    this.#storage = this.#spare.pop() ?? this.#allocate(this.#bytesInitial)
    this.#view = viewOf(this.#storage)
    this.#end = batchHeaderBytes
    this.#count = 0
    return { bytes, recordCount, schemaFingerprint }
  }

  /**
   * Takes the buffer of an append that has succeeded or was refused back into use. Never call it
   * for an append that was interrupted: its write may still be under way.
   */
  recycle(packed: PackedRecords): void {
    const storage = packed.bytes.buffer
    // A copy may lie in memory that Node shares out to others.
    if (!this.#own.has(storage)) return
    if (storage === this.#storage.buffer || this.#spare.some((spare) => spare.buffer === storage)) {
      throw new Error('a batch was recycled twice')
    }
    if (this.#spare.length < sparesMax) this.#spare.push(Buffer.from(storage))
  }

  #allocate(bytes: number): Buffer {
    const storage = Buffer.allocUnsafeSlow(bytes)
    this.#own.add(storage.buffer)
    return storage
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#storage.length) return
    if (needed > batchBytesMax) throw new BatchOverflow({ bytes: needed, bytesMax: batchBytesMax })
    const doubled = Math.min(batchBytesMax, Math.max(needed, this.#storage.length * 2))
    const grown = this.#allocate(doubled)
    this.#storage.copy(grown, 0, 0, this.#end)
    this.#storage = grown
    this.#view = viewOf(grown)
  }
}

const version = 1
/** Room for the length of a value that is written in place. */
const lengthBytes = 2
const groupStartFlag = 1
const sparesMax = 8
const fingerprintPattern = /^[0-9a-f]{16}$/

const malformed = (reason: BatchMalformed['reason'], detail: string): BatchMalformed =>
  new BatchMalformed({ reason, detail })

const recordOutside = (index: number): BatchMalformed =>
  malformed('records', `record ${index} does not end inside the batch`)

/** Bytes that a length takes. */
export const varintBytes = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4

/** Symbols are short and ASCII: a loop over them costs a fraction of a call into the runtime. */
const inlineLengthMax = 32

const utf8Bytes = (text: string): number => {
  if (text.length > inlineLengthMax) return Buffer.byteLength(text)
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return Buffer.byteLength(text)
  }
  return text.length
}

const writeKey = (bytes: Buffer, text: string, position: number, length: number): void => {
  if (length > inlineLengthMax || length !== text.length) {
    bytes.write(text, position, length, 'utf8')
    return
  }
  for (let index = 0; index < length; index++) bytes[position + index] = text.charCodeAt(index)
}

/** Writes a length, and returns its end. */
export const writeVarint = (bytes: Buffer, value: number, position: number): number => {
  let rest = value
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}

/** Lengths have at most four bytes (28 bits), in the shortest form only. */
const varintAt = (bytes: Uint8Array, position: number, end: number): number => {
  let value = 0
  for (let index = 0; index < 4 && position + index < end; index++) {
    const byte = bytes[position + index]!
    value |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) {
      if (byte === 0 && index > 0) break
      return value
    }
  }
  throw malformed('records', `no length at byte ${position}`)
}

const writeSafeInteger = (bytes: Buffer, value: number, position: number): void => {
  bytes.writeUInt32LE(value % 0x100000000, position)
  bytes.writeUInt32LE(Math.floor(value / 0x100000000), position + 4)
}

const readSafeInteger = (bytes: Buffer, position: number): number => {
  const value = bytes.readUInt32LE(position + 4) * 0x100000000 + bytes.readUInt32LE(position)
  if (!Number.isSafeInteger(value)) throw malformed('length', `${value} at byte ${position}`)
  return value
}
