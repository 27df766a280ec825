/**
 * What stands in front of an Avro record in a Kafka message: which schema wrote it (R42).
 *
 *     with a registry       0x00, id of the schema in the registry (u32, big-endian), record
 *     without one           0xC3 0x01, Rabin fingerprint (eight bytes, little-endian), record
 *
 * Sources: Confluent, "Wire Format" of the schema registry's serialisers; Avro specification
 * 1.11, "Single-object encoding".
 *
 * 1. Both are readable always, so that a topic may hold records from before there was a registry.
 * 2. Whatever bytes a message has, opening it ends in a frame or in the reason why it is none.
 */
import { viewOf } from '../../../market/byte-run.ts'

/** Where the record of a message begins, and how its writer named the schema. */
export type Frame =
  | { readonly type: 'registry'; readonly schemaId: number; readonly recordStart: number }
  | {
      readonly type: 'single_object'
      /** Rabin fingerprint of the writer schema, sixteen lower-case hex digits. */
      readonly fingerprint: string
      readonly recordStart: number
    }
  | { readonly type: 'not_framed'; readonly detail: string }

/** What is known of schemas, the registry's included. */
export interface KnownSchemas {
  /** Fingerprint of the schema that the registry gave this id; undefined if it is not known. */
  readonly fingerprintOfId: (schemaId: number) => string | undefined
  /** Whether records of the schema with this fingerprint can be decoded. */
  readonly canDecode: (fingerprint: string) => boolean
}

/** A record whose schema can be decoded, or why it has to be set aside. */
export type OpenedValue =
  | { readonly schemaFingerprint: string; readonly recordStart: number }
  | { readonly reason: 'unknown_schema' | 'not_framed'; readonly detail: string }

const schemaIdMax = 0xffffffff

/** @throws RangeError if the id is none that a registry gives */
export const registryHeader = (schemaId: number): Buffer => {
  if (!Number.isInteger(schemaId) || schemaId < 0 || schemaId > schemaIdMax) {
    throw new RangeError(`schema id ${schemaId} is not in 0 to ${schemaIdMax}`)
  }
  const header = Buffer.alloc(registryHeaderBytes)
  header.writeUInt32BE(schemaId, 1)
  return header
}

/** `fingerprint`: sixteen hex digits. */
export const singleObjectHeader = (fingerprint: string): Buffer => {
  if (!/^[0-9a-f]{16}$/.test(fingerprint)) {
    throw new TypeError(`schema fingerprint "${fingerprint}" is not sixteen hex digits`)
  }
  // The digits read from the most significant byte on, the header from the least.
  return Buffer.concat([singleObjectMarker, Buffer.from(fingerprint, 'hex').reverse()])
}

/** The frame of the message in bytes `start` to `end`; `recordStart` refers to `bytes`. */
export const openFrame = (bytes: Uint8Array, start = 0, end = bytes.length): Frame => {
  const length = end - start
  if (length === 0) return notFramed('the message is empty')
  const first = bytes[start]!
  if (first === registryMagic) {
    if (length < registryHeaderBytes) return notFramed(`${length} bytes, its header has 5`)
    return {
      type: 'registry',
      schemaId: viewOf(bytes).getUint32(start + 1),
      recordStart: start + registryHeaderBytes
    }
  }
  if (first !== singleObjectMarker[0] || bytes[start + 1] !== singleObjectMarker[1]) {
    return notFramed(`it starts with byte ${first}: neither 0x00 nor 0xC3 0x01`)
  }
  if (length < singleObjectHeaderBytes) return notFramed(`${length} bytes, its header has 10`)
  const fingerprint = viewOf(bytes).getBigUint64(start + 2, true)
  return {
    type: 'single_object',
    fingerprint: fingerprint.toString(16).padStart(16, '0'),
    recordStart: start + singleObjectHeaderBytes
  }
}

/** The record of the message in bytes `start` to `end`. */
export const openValue = (
  schemas: KnownSchemas,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length
): OpenedValue => {
  const frame = openFrame(bytes, start, end)
  if (frame.type === 'not_framed') return { reason: 'not_framed', detail: frame.detail }
  const { recordStart } = frame
  if (frame.type === 'registry') {
    const schemaFingerprint = schemas.fingerprintOfId(frame.schemaId)
    return schemaFingerprint === undefined
      ? unknownSchema(`the registry's schema ${frame.schemaId}`)
      : openedValue(schemas, schemaFingerprint, recordStart)
  }
  return openedValue(schemas, frame.fingerprint, recordStart)
}

const registryMagic = 0
const registryHeaderBytes = 5
const singleObjectMarker = Buffer.from([0xc3, 0x01])
const singleObjectHeaderBytes = 10

const openedValue = (
  schemas: KnownSchemas,
  schemaFingerprint: string,
  recordStart: number
): OpenedValue =>
  schemas.canDecode(schemaFingerprint)
    ? { schemaFingerprint, recordStart }
    : unknownSchema(`the schema with fingerprint ${schemaFingerprint}`)

const unknownSchema = (what: string): OpenedValue => ({
  reason: 'unknown_schema',
  detail: `${what} is not known here`
})

const notFramed = (detail: string): Frame => ({
  type: 'not_framed',
  detail: `the message carries no schema: ${detail}`
})
