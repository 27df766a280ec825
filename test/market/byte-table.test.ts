import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteRun, isRunAt, putRun, viewOf } from '../../src/market/byte-run.ts'
import { ByteTable } from '../../src/market/byte-table.ts'

test('property: a table finds what a map by text finds', () => {
  const texts = fc.uniqueArray(fc.string({ unit: 'binary-ascii', maxLength: 6 }), { maxLength: 60 })
  fc.assert(
    fc.property(texts, texts, (added, asked) => {
      const table = new ByteTable<string>()
      for (const text of added) table.add(Buffer.from(text), text)
      for (const text of [...added, ...asked]) {
        const bytes = Buffer.from(`<${text}>`)
        expect(table.find(bytes, 1, bytes.length - 1)).toBe(
          added.includes(text) ? text : undefined
        )
      }
    })
  )
})

test('property: a run is written as its bytes and recognised only there', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(), fc.nat({ max: 255 }), (...given) => {
      const [bytes, at, to] = given
      const run = byteRun(bytes)
      const memory = Buffer.alloc(bytes.length + 6, 0xee)
      const view = viewOf(memory)
      expect(putRun(view, 3, run)).toBe(3 + bytes.length)
      expect(memory).toEqual(Buffer.concat([Buffer.alloc(3, 0xee), bytes, Buffer.alloc(3, 0xee)]))
      expect(isRunAt(view, 3, run)).toBe(true)
      if (bytes.length === 0) return
      memory[3 + (at % bytes.length)] = to
      expect(isRunAt(view, 3, run)).toBe(bytes[at % bytes.length] === to)
    })
  )
})
