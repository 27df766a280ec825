import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFrame } from '../../../src/adapters/exchange/binance-frames.ts'
import { FrameStreams, tradeIdIn } from '../../../src/adapters/exchange/frame-streams.ts'
import { listed } from '../../support/compact-trades.ts'

const instruments = new Map(listed.slice(0, 3).map((known) => [known.symbol, known]))
const streams = new FrameStreams(instruments)
const frameOf = (text: string, changes: object = {}) => {
  const bytes = Buffer.from(text)
  return { bytes, frameBytes: bytes.length, isBinary: false, receivedUs: 1, ...changes }
}
const told = (text: string, changes: object = {}) => {
  const stream = streams.of(frameOf(text, changes))
  return stream && `${stream.instrument.symbol} ${stream.isQuote ? 'quote' : 'trade'}`
}

describe('the stream of a frame', () => {
  test.each([
    ['{"stream":"btcusdt@trade","data":{}}', 'BTCUSDT trade'],
    ['{"stream":"1000satsfdusd@bookTicker","data":{"u":1}}', '1000SATSFDUSD quote'],
    ['{"stream":"BTCUSDT@trade","data":{}}', undefined],
    ['{"stream":"btcusdt@trade@100ms","data":{}}', undefined],
    ['{"stream":"btcusdt@depth","data":{}}', undefined],
    ['{"stream":"nopeusdt@trade","data":{}}', undefined],
    ['{"stream":"btcusdt@trade", "data":{}}', undefined],
    ['{"stream":"btcusdt@trade","data":[{}]}', undefined],
    ['{"stream": "btcusdt@trade","data":{}}', undefined],
    ['{"e":"trade","s":"BTCUSDT"}', undefined],
    [`{"stream":"${'b'.repeat(100)}@trade","data":{}}`, undefined],
    ['{"stream":"btcusdt@trade","data"', undefined],
    ['', undefined]
  ])('%s: %s', (text, expected) => {
    expect(told(text)).toBe(expected)
  })

  test('is not told of binary frames, nor of those whose end is missing', () => {
    const text = '{"stream":"btcusdt@trade","data":{}}'
    expect(told(text, { isBinary: true })).toBeUndefined()
    expect(told(text, { frameBytes: text.length + 1 })).toBeUndefined()
  })

  test('is one object, however it is asked for', () => {
    const stream = streams.of(frameOf('{"stream":"ethbtc@trade","data":{}}'))
    expect(streams.named({ symbol: 'ETHBTC' }, false)).toBe(stream)
    expect(streams.of(frameOf('{"stream":"ethbtc@trade","data":{"t":1}}'))).toBe(stream)
    expect(streams.named({ symbol: 'NOPE' }, false)).toBeUndefined()
  })
})

const idIn = (bytes: Buffer) => tradeIdIn(bytes, { idAt: 0 })

describe('the id of a trade', () => {
  test.each([
    ['{"stream":"btcusdt@trade","data":{"t":12,"T":3}}', 12],
    ['{"stream":"btcusdt@trade","data":{"t":0}}', 0],
    ['{"stream":"btcusdt@trade","data":{"T":3,"t":9007199254740990}}', 9007199254740990],
    ['{"stream":"btcusdt@trade","data":{"t":9007199254740991}}', -1],
    ['{"stream":"btcusdt@trade","data":{"t":012}}', -1],
    ['{"stream":"btcusdt@trade","data":{"t":-1}}', -1],
    ['{"stream":"btcusdt@trade","data":{"t":1.5}}', -1],
    ['{"stream":"btcusdt@trade","data":{"t":"12"}}', -1],
    ['{"stream":"btcusdt@trade","data":{"t":12', -1],
    ['{"stream":"btcusdt@trade","data":{"t":', -1],
    ['{"stream":"btcusdt@trade","data":{"T":12}}', -1],
    [`{"stream":"btcusdt@trade","data":{"x":"${'x'.repeat(300)}","t":12}}`, -1]
  ])('%s: %i', (text, expected) => {
    expect(idIn(Buffer.from(text))).toBe(expected)
  })

  test('is what reading says, of every frame that is read as a trade', () => {
    const members = fc.shuffledSubarray(
      ['"e":"trade"', '"E":1723161255343', '"s":"ETHBTC"', 't', '"p":"1"', '"q":"2"',
        '"T":1723161255342', '"m":true', '"M":false', '"b":5', '"a":6', '"X":"t"', '"tt":4'],
      { minLength: 9 }
    )
    const id = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))
    let trades = 0
    fc.assert(
      fc.property(members, id, (parts, nativeId) => {
        const data = parts.map((part) => (part === 't' ? `"t":${nativeId}` : part)).join(',')
        const frame = frameOf(`{"stream":"ethbtc@trade","data":{${data}}}`)
        const parsed = parseFrame(frame, instruments)
        if (parsed.kind !== 'trade') return
        trades += 1
        const stream = streams.of(frame)!
        expect(stream.instrument.symbol).toBe(parsed.trade.symbol)
        expect(tradeIdIn(frame.bytes, stream)).toBe(parsed.nativeId)
      }),
      { numRuns: 1_000 }
    )
    expect(trades).toBeGreaterThan(50)
  })
})
