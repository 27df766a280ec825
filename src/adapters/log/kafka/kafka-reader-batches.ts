/**
 * Messages of Kafka as batches of our log: runs of messages that one schema has written, each
 * packed without the frame that Kafka's records carry (R42).
 *
 * 1. Every message becomes exactly one record, in its place: what has no frame, no key, no value or
 *    no known schema becomes one that is refused, with the bytes that it has (R29).
 * 2. No batch is larger than `batchBytesMax`; none but a single record's is much larger than
 *    `runBytesMax`.
 * 3. A message costs no object of ours: only runs do.
 */
import * as Schema from 'effect/Schema'
import {
  batchBytesMax,
  batchHeaderBytes,
  type LogBatch,
  sealBatch,
  varintBytes,
  writeVarint
} from '../record-batch.ts'
import { openFrame } from './wire-format.ts'

/** What is read of a message of kafkajs. */
export interface ReadMessage {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export interface WriterSchema {
  /** Rabin fingerprint, sixteen lower-case hex digits. */
  readonly fingerprint: string
  /** JSON text; undefined where only the fingerprint is known. */
  readonly schema: string | undefined
}

export interface WriterSchemas {
  /**
   * The schema that the registry gave this id; undefined if it gave it to none. Rejects where the
   * registry cannot be asked now.
   */
  readonly ofId: (schemaId: number) => Promise<WriterSchema | undefined>
  /** The schema with this fingerprint as JSON text, if it is known. Rejects as `ofId` does. */
  readonly ofFingerprint: (fingerprint: string) => Promise<string | undefined> | string | undefined
}

/** The registry cannot be asked now which schema has written a message. */
export class SchemaUnavailable extends Schema.TaggedError<SchemaUnavailable>()(
  'SchemaUnavailable',
  { schemaId: Schema.Number, detail: Schema.String }
) {
  override get message() {
    return `the registry cannot be asked for schema ${this.schemaId}: ${this.detail}`
  }
}

/** How a message is read, and what follows it and is read alike. */
export interface RunForm {
  /** What all values begin with, and records do not have. */
  readonly head: Uint8Array
  readonly schema: WriterSchema | undefined
  readonly refusal: string | undefined
}

/** Messages `start` to `end`, offsets without a hole, that are read alike. */
interface Run extends RunForm {
  readonly start: number
  end: number
  bytes: number
}

export const runBytesMax = 1_024 * 1_024
/** Of a message, key and value: what is longer is refused, and cut. A batch has room for two. */
export const messageBytesMax = 8 * 1_024 * 1_024 - 128
const noFingerprint = '0'.repeat(16)
const noBytes = Buffer.alloc(0)

/**
 * Batches of messages with ascending offsets; a hole between two messages stays a hole between two
 * batches. Rejects with SchemaUnavailable.
 */
export const batchesOf = async (
  messages: readonly ReadMessage[],
  schemas: WriterSchemas
): Promise<readonly LogBatch[]> => {
  const batches: LogBatch[] = []
  const last = messages.length - 1
  const hasHoles = last >= 0 && offsetAt(messages, last) - offsetAt(messages, 0) !== last
  for (let at = 0; at < messages.length; ) {
    const form = await formOf(messages[at]!, schemas)
    const run = { ...form, start: at, end: at, bytes: batchHeaderBytes }
    extendRun(run, messages, hasHoles)
    batches.push(pack(run, messages))
    at = run.end
  }
  return batches
}

/** Offsets at which there is no record any more, where that is as it should be. */
export const emptyBatch = (baseOffset: number, endOffset: number): LogBatch => {
  const packed = { bytes: Buffer.alloc(batchHeaderBytes), recordCount: 0 }
  const times = { appendedMsMin: 0, appendedMsMax: 0 }
  const seal = { baseOffset, ...times, startsGroup: true }
  sealBatch({ ...packed, schemaFingerprint: noFingerprint }, seal)
  return { ...packed, baseOffset, endOffset, schemaFingerprint: noFingerprint, ...times }
}

const offsetAt = (messages: readonly ReadMessage[], index: number): number =>
  Number(messages[index]!.offset)

/** Rejects with SchemaUnavailable. */
export const formOf = async (
  { key, value }: Pick<ReadMessage, 'key' | 'value'>,
  schemas: WriterSchemas
): Promise<RunForm> => {
  const refused = (refusal: string): RunForm => ({ head: noBytes, schema: undefined, refusal })
  const shape = shapeRefusal(key, value)
  if (shape !== undefined) return refused(shape)
  const frame = openFrame(value!)
  if (frame.type === 'not_framed') return refused(frame.detail)
  const head = value!.subarray(0, frame.recordStart)
  if (frame.type === 'single_object') {
    const { fingerprint } = frame
    const schema = { fingerprint, schema: await schemas.ofFingerprint(fingerprint) }
    return { head, schema, refusal: undefined }
  }
  const schema = await schemaOfId(frame.schemaId, schemas)
  return schema === undefined
    ? refused(`the registry has no schema ${frame.schemaId}`)
    : { head, schema, refusal: undefined }
}

const schemaOfId = async (schemaId: number, schemas: WriterSchemas) => {
  try {
    return await schemas.ofId(schemaId)
  } catch (error) {
    throw new SchemaUnavailable({
      schemaId,
      detail: error instanceof Error ? error.message : String(error)
    })
  }
}

/** Why a message is no record of ours whatever its value says. */
const shapeRefusal = (key: Buffer | null, value: Buffer | null): string | undefined => {
  if (value === null) return 'the message has no value'
  if (key === null) return 'the message has no key'
  const bytes = key.length + value.length
  return bytes <= messageBytesMax
    ? undefined
    : `the message has ${bytes} bytes, at most ${messageBytesMax} are read; the rest was cut off`
}

/** Takes the first message, and all that follow it and are read alike. */
const extendRun = (run: Run, messages: readonly ReadMessage[], hasHoles: boolean): void => {
  const { start, head, refusal } = run
  for (let at = start; at < messages.length; at++) {
    const { key, value } = messages[at]!
    const bytes = recordBytes(key, value, head.length)
    if (at > start) {
      // One refusal says why of one message: nearly always it is the only one.
      if (refusal !== undefined || run.bytes + bytes > runBytesMax) return
      if (key === null || value === null || !startsWith(value, head)) return
      if (key.length + value.length > messageBytesMax) return
      if (hasHoles && offsetAt(messages, at) !== offsetAt(messages, at - 1) + 1) return
    }
    run.bytes += bytes
    run.end = at + 1
  }
}

const startsWith = (value: Uint8Array, head: Uint8Array): boolean => {
  if (value.length < head.length) return false
  for (let at = 0; at < head.length; at++) if (value[at] !== head[at]) return false
  return true
}

const recordBytes = (key: Buffer | null, value: Buffer | null, headBytes: number): number => {
  const keyBytes = cutLength(key)
  const valueBytes = cutLength(value) - headBytes
  return varintBytes(keyBytes) + keyBytes + varintBytes(valueBytes) + valueBytes
}

const cutLength = (bytes: Buffer | null): number =>
  bytes === null ? 0 : Math.min(bytes.length, messageBytesMax)

const pack = (
  { start, end, bytes, head, schema, refusal }: Run,
  messages: readonly ReadMessage[]
): LogBatch => {
  if (bytes > batchBytesMax) throw new Error(`a batch of ${bytes} bytes exceeds ${batchBytesMax}`)
  const packed = Buffer.allocUnsafeSlow(bytes)
  let position = batchHeaderBytes
  for (let at = start; at < end; at++) {
    const { key, value } = messages[at]!
    const keyBytes = cutLength(key)
    position = writeVarint(packed, keyBytes, position)
    if (key !== null) key.copy(packed, position, 0, keyBytes)
    const valueBytes = cutLength(value) - head.length
    position = writeVarint(packed, valueBytes, position + keyBytes)
    if (value !== null) value.copy(packed, position, head.length, head.length + valueBytes)
    position += valueBytes
  }
  return sealRun(
    { head, schema, refusal },
    {
      bytes: packed,
      recordCount: end - start,
      baseOffset: offsetAt(messages, start),
      firstMs: Number(messages[start]!.timestamp),
      lastMs: Number(messages[end - 1]!.timestamp)
    }
  )
}

interface RunRecords {
  /** Room for the header, then the records. */
  readonly bytes: Buffer
  readonly recordCount: number
  readonly baseOffset: number
  /** Unix ms, as the messages say. */
  readonly firstMs: number
  readonly lastMs: number
}

export const sealRun = (
  { schema, refusal }: RunForm,
  { bytes, recordCount, baseOffset, firstMs, lastMs }: RunRecords
): LogBatch => {
  const schemaFingerprint = schema?.fingerprint ?? noFingerprint
  const times = { appendedMsMin: timeOf(firstMs), appendedMsMax: timeOf(lastMs) }
  const seal = { baseOffset, ...times, startsGroup: true }
  sealBatch({ bytes, recordCount, schemaFingerprint }, seal)
  return {
    baseOffset,
    endOffset: baseOffset + recordCount,
    recordCount,
    schemaFingerprint,
    writerSchema: schema?.schema,
    refusal,
    ...times,
    bytes
  }
}

/** Unix ms; other clients may say anything, also nothing (-1). */
const timeOf = (timeMs: number): number =>
  Number.isSafeInteger(timeMs) && timeMs > 0 ? timeMs : 0
