import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  MetadataMalformed
} from '../../../../src/adapters/log/kafka/topic-metadata.ts'

/** Writes the response as the protocol's definition has it, field by field. */
class Writer {
  readonly #parts: Buffer[] = []
  int16 = (value: number) => this.#put(2, (bytes) => bytes.writeInt16BE(value))
  int32 = (value: number) => this.#put(4, (bytes) => bytes.writeInt32BE(value))
  raw = (bytes: Uint8Array | readonly number[]) => {
    this.#parts.push(Buffer.from(bytes))
    return this
  }
  varint = (value: number): this => {
    if (value < 0x80) return this.raw([value])
    return this.raw([(value & 0x7f) | 0x80]).varint(value >>> 7)
  }
  text = (value: string | null) => {
    if (value === null) return this.varint(0)
    const bytes = Buffer.from(value)
    return this.varint(bytes.length + 1).raw(bytes)
  }
  array = <A>(values: readonly A[], write: (value: A) => unknown) => {
    this.varint(values.length + 1)
    for (const value of values) write(value)
    return this
  }
  tags = (...tags: readonly Uint8Array[]) => {
    this.varint(tags.length)
    for (const [tag, bytes] of tags.entries()) this.varint(tag).varint(bytes.length).raw(bytes)
    return this
  }
  get bytes() {
    return Buffer.concat(this.#parts)
  }
  #put(length: number, write: (bytes: Buffer) => unknown) {
    const bytes = Buffer.alloc(length)
    write(bytes)
    return this.raw(bytes)
  }
}

const partition = fc.record({
  partition: fc.nat(10_000),
  errorCode: fc.integer({ min: -1, max: 120 }),
  leader: fc.integer({ min: -1, max: 1_000 }),
  replicas: fc.array(fc.nat(1_000), { maxLength: 5 })
})
const topic = fc.record({
  topic: fc.string({ maxLength: 300 }),
  errorCode: fc.integer({ min: -1, max: 120 }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  partitions: fc.array(partition, { maxLength: 200 })
})
type AnyTopic = typeof topic extends fc.Arbitrary<infer A> ? A : never
const tags = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 3 })

const response = (topics: readonly AnyTopic[], more: readonly Uint8Array[]) => {
  const writer = new Writer().tags(...more).int32(0)
  writer.array([1, 2], (broker) =>
    writer.int32(broker).text('127.0.0.1').int32(9_092).text(null).tags(...more)
  )
  writer.text('cluster').int32(1)
  writer.array(topics, ({ errorCode, topic: name, uuid, partitions }) => {
    writer.int16(errorCode).text(name).raw(uuid).raw(new Uint8Array(1))
    writer.array(partitions, (each) => {
      writer.int16(each.errorCode).int32(each.partition).int32(each.leader).int32(7)
      writer.array(each.replicas, writer.int32).array([1], writer.int32).array([], writer.int32)
      writer.tags(...more)
    })
    writer.int32(-2_147_483_648).tags(...more)
  })
  return writer.tags(...more).bytes
}

describe('metadata of topics', () => {
  test('a request asks for topics by name and makes none', () => {
    expect(encodeMetadataRequest(['ab']).toString('hex')).toBe(
      ['00', '02', '00'.repeat(16), '03', '6162', '00', '00', '00', '00'].join('')
    )
  })

  test('property: what a response says of topics is read', () => {
    fc.assert(
      fc.property(fc.array(topic, { maxLength: 4 }), tags, (topics, more) => {
        expect(decodeMetadataResponse(response(topics, more))).toEqual(
          topics.map(({ uuid, ...rest }) => ({
            ...rest,
            topicId: Buffer.from(uuid).toString('base64url')
          }))
        )
      })
    )
  })

  test('property: a response that is cut off or damaged is an error, never a crash', () => {
    fc.assert(
      fc.property(
        fc.array(topic, { minLength: 1, maxLength: 2 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 0, max: 255 }),
        (topics, share, byte) => {
          const whole = response(topics, [])
          const at = Math.floor(share * whole.length)
          expect(() => decodeMetadataResponse(whole.subarray(0, at))).toThrow(MetadataMalformed)
          whole[at] = byte
          try {
            decodeMetadataResponse(whole)
          } catch (error) {
            expect(error).toBeInstanceOf(MetadataMalformed)
          }
        }
      )
    )
  })
})
