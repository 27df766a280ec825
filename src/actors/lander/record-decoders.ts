/** How the records of a batch are decoded, whichever version of their schema wrote them (R52). */
import type { LogBatch } from '../../adapters/log/record-batch.ts'
import type { DecodeRecord, RecordCodec } from '../../adapters/schema/record-codec.ts'

const writerSchemasMax = 100

/** A decoder, or why there is none. */
type Decoder<A> = DecodeRecord<A> | string

export class RecordDecoders<A> {
  readonly #codec: RecordCodec<A>
  /** By fingerprint of the writer schema. */
  readonly #decoders = new Map<string, Decoder<A>>()

  constructor(codec: RecordCodec<A>) {
    this.#codec = codec
  }

  of({ schemaFingerprint, writerSchema, refusal }: LogBatch): Decoder<A> {
    if (refusal !== undefined) return refusal
    if (schemaFingerprint === this.#codec.fingerprint) return this.#codec.decode
    if (writerSchema === undefined) return `written with unknown schema ${schemaFingerprint}`
    let decoder = this.#decoders.get(schemaFingerprint)
    if (decoder === undefined) {
      decoder = decoderFor(this.#codec, writerSchema)
      // A schema is published by hand: there are few, unless somebody plays with the log.
      if (this.#decoders.size >= writerSchemasMax) this.#decoders.clear()
      this.#decoders.set(schemaFingerprint, decoder)
    }
    return decoder
  }
}

/** The record in bytes `start` to `end`, or why it cannot be read. */
export const decodedRecord = <A>(
  decode: Decoder<A>,
  bytes: Uint8Array,
  [start, end]: readonly [start: number, end: number]
): A | { readonly undecodable: string } => {
  if (typeof decode === 'string') return { undecodable: decode }
  try {
    return decode(bytes, start, end)
  } catch (error) {
    return { undecodable: messageOf(error) }
  }
}

const decoderFor = <A>(codec: RecordCodec<A>, writerSchema: string): Decoder<A> => {
  try {
    return codec.decoderOf(writerSchema)
  } catch (error) {
    return messageOf(error)
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
