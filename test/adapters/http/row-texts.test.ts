/** Rows of an envelope are the texts that were put into it. */
import { Effect } from 'effect'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { envelopeEnd, envelopeHead } from '../../../src/adapters/http/envelope.ts'
import { rowTextsOf } from '../../../src/adapters/http/row-texts.ts'

const rows = fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()).map(textOf), {
  maxLength: 6
})

function textOf(value: unknown): string {
  return JSON.stringify(value)
}

const end = envelopeEnd({ limit: 1, total: null, hasMore: true }, { correlationId: ']}', nowMs: 0 })

test('property: of an array its rows, of a value the value; the rest is JSON of its own', () =>
  fc.assert(
    fc.asyncProperty(rows, fc.boolean(), async (texts, isOne) => {
      const [one] = texts
      const data = isOne && one !== undefined ? one : `[${texts.join(',')}]`
      const found = await Effect.runPromise(rowTextsOf(`${envelopeHead}${data}${end}`))
      expect(found.rows).toEqual(isOne && one !== undefined ? [one] : texts)
      expect(JSON.parse(found.rest)).toMatchObject({
        pagination: { has_more: true },
        meta: { correlation_id: ']}' }
      })
    }),
    { numRuns: 500 }
  ))

test('much is gone through in turns with others', async () => {
  const texts = Array.from({ length: 3_000 }, (_, n) => JSON.stringify([n, 'x'.repeat(999)]))
  let turns = 0
  const timer = setInterval(() => (turns += 1), 0)
  const found = await Effect.runPromise(rowTextsOf(`${envelopeHead}[${texts.join(',')}]${end}`))
  clearInterval(timer)
  expect(found.rows).toEqual(texts)
  expect(turns).toBeGreaterThan(0)
})
