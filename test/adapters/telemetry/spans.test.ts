import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { secretsOf } from '../../../src/adapters/config/secrets.ts'
import { headersIn } from '../../../src/adapters/config/trace-settings.ts'
import { otlpTraces } from '../../../src/adapters/telemetry/otlp-json.ts'
import { idsOf, type Span } from '../../../src/adapters/telemetry/span.ts'
import { SpanQueue } from '../../../src/adapters/telemetry/span-queue.ts'

const span: Span = {
  ...idsOf('a'),
  parentId: '00f067aa0ba902b7',
  name: 'land',
  kind: 'consumer',
  startMs: 1_723_094_400_000.25,
  endMs: 1_723_094_400_001.5,
  attributes: { text: 'a', count: 7, share: 0.5, yes: true, absent: undefined },
  failure: 'HTTP 503'
}

test('a span is spelled as OTLP has it in JSON', () => {
  expect(JSON.parse(otlpTraces({ 'service.name': 'k2' }, [span]))).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'k2' } }] },
        scopeSpans: [
          {
            scope: { name: 'k2' },
            spans: [
              {
                traceId: span.traceId,
                spanId: span.spanId,
                parentSpanId: '00f067aa0ba902b7',
                name: 'land',
                kind: 5,
                startTimeUnixNano: '1723094400000250000',
                endTimeUnixNano: '1723094400001500000',
                attributes: [
                  { key: 'text', value: { stringValue: 'a' } },
                  { key: 'count', value: { intValue: '7' } },
                  { key: 'share', value: { doubleValue: 0.5 } },
                  { key: 'yes', value: { boolValue: true } }
                ],
                status: { code: 2, message: 'HTTP 503' }
              }
            ]
          }
        ]
      }
    ]
  })
})

test('a queue takes what it has room for, in order, and counts the rest', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.oneof(fc.nat(30), fc.integer({ min: -10, max: -1 })), { maxLength: 40 }),
      (spansMax, steps) => {
        let dropped = 0
        const queue = new SpanQueue(spansMax, (spans) => (dropped += spans))
        const taken: Span[] = []
        let pushed = 0
        for (const step of steps) {
          if (step < 0) taken.push(...queue.take(-step))
          else {
            queue.push(
              Array.from({ length: step }, () => ({ ...span, name: String(pushed++) }))
            )
          }
          expect(queue.length).toBeLessThanOrEqual(spansMax)
        }
        taken.push(...queue.take(spansMax))
        expect(taken.length + dropped).toBe(pushed)
        const names = taken.map(({ name }) => Number(name))
        expect(names).toEqual(names.toSorted((a, b) => a - b))
      }
    )
  )
})

test('headers are read by name, shown to nobody, and blacked out wherever they appear', () => {
  const text = 'authorization=Bearer abc=def, X-Scope-OrgID=7'
  const config = readConfig({ K2_OTLP_HEADERS: text }, [])
  expect(headersIn(config.otlpHeaders)).toEqual({
    authorization: 'Bearer abc=def',
    'x-scope-orgid': '7'
  })
  expect(JSON.stringify(config)).not.toContain('Bearer')
  expect(secretsOf(config)).toContain('Bearer abc=def')
})

test.each(['authorization', 'a=', '=b', 'a=b,', 'na me=b', 'a=b\nc=d'])(
  '%j is no list of headers',
  (text) => {
    expect(() => readConfig({ K2_OTLP_HEADERS: text }, [])).toThrow(/K2_OTLP_HEADERS.*name=value/s)
  }
)
