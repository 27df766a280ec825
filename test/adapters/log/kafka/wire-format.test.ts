import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  openFrame,
  openValue,
  registryHeader,
  singleObjectHeader
} from '../../../../src/adapters/log/kafka/wire-format.ts'
import { rabinFingerprint } from '../../../../src/adapters/schema/fingerprint.ts'

const fingerprint = '0123456789abcdef'
const known = {
  fingerprintOfId: (id: number) => (id === 17 ? fingerprint : undefined),
  canDecode: (asked: string) => asked === fingerprint
}
const record = Buffer.from('record')
const hexDigits = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((value) => value.toString(16).padStart(16, '0'))

describe('the wire format of Kafka messages', () => {
  test("is Confluent's with a registry", () => {
    expect(registryHeader(0x01020304).toString('hex')).toBe('0001020304')
  })

  test("is Avro's single-object encoding without one", () => {
    // Avro specification: the fingerprint of "int" is 0x7275d51a3f395c8f.
    expect(rabinFingerprint('"int"')).toBe('7275d51a3f395c8f')
    expect(singleObjectHeader('7275d51a3f395c8f').toString('hex')).toBe('c3018f5c393f1ad57572')
  })

  test('property: what a header says is read again, wherever the message lies', () => {
    const headers = fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }).map((schemaId) => ({
        header: registryHeader(schemaId),
        frame: { type: 'registry', schemaId }
      })),
      hexDigits.map((digits) => ({
        header: singleObjectHeader(digits),
        frame: { type: 'single_object', fingerprint: digits }
      }))
    )
    const around = fc.uint8Array({ maxLength: 20 })
    fc.assert(
      fc.property(headers, around, around, around, ({ header, frame }, before, body, behind) => {
        const bytes = Buffer.concat([before, header, body, behind])
        const end = bytes.length - behind.length
        expect(openFrame(bytes, before.length, end)).toEqual({
          ...frame,
          recordStart: before.length + header.length
        })
      })
    )
  })

  test('property: any bytes are a frame that lies inside of them, or none with a reason', () => {
    const starts = fc.constantFrom([], [0], [0xc3], [0xc3, 1], [0xc3, 2])
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 12 }), (first, rest) => {
        const bytes = Buffer.concat([Buffer.from(first), rest])
        const frame = openFrame(bytes)
        if (frame.type === 'not_framed') expect(frame.detail).toContain('carries no schema')
        else expect(frame.recordStart).toBeLessThanOrEqual(bytes.length)
      })
    )
  })

  test('a record of a schema that can be decoded is opened', () => {
    const opened = { schemaFingerprint: fingerprint }
    const confluent = Buffer.concat([registryHeader(17), record])
    expect(openValue(known, confluent)).toEqual({ ...opened, recordStart: 5 })
    const avro = Buffer.concat([singleObjectHeader(fingerprint), record])
    expect(openValue(known, avro)).toEqual({ ...opened, recordStart: 10 })
  })

  test.each([
    ['an id that the registry does not have', registryHeader(18), 'unknown_schema', '18'],
    ['a fingerprint', singleObjectHeader('00000000000000ff'), 'unknown_schema', '00000000000000ff'],
    ['JSON', Buffer.from('{"price":1}'), 'not_framed', 'byte 123'],
    ['nothing', Buffer.alloc(0), 'not_framed', 'empty'],
    ['half a header of the registry', Buffer.from([0, 0, 0]), 'not_framed', '3 bytes'],
    ['half a header of Avro', Buffer.from([0xc3, 1, 0]), 'not_framed', '3 bytes']
  ])('%s is set aside with its reason', (_what, bytes, reason, detail) => {
    expect(openValue(known, bytes)).toEqual({ reason, detail: expect.stringContaining(detail) })
  })

  test('an id or fingerprint that is none is refused', () => {
    expect(() => registryHeader(-1)).toThrow('schema id -1')
    expect(() => singleObjectHeader('xyz')).toThrow('"xyz"')
  })
})
