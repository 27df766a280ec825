/**
 * Tells what a parsed Binance frame is: a trade or a quote, an answer to one of our requests, an
 * event of a stream that K2 does not read (by kind, from a closed set), or nothing known.
 */
import type { ControlReply, FrameResult, UnsupportedKind } from './frame-result.ts'

/** The kind of an event that is read further, otherwise the frame's whole result. */
export const classifyFrame = (value: unknown): 'trade' | 'quote' | FrameResult => {
  if (isRecord(value) && typeof value['stream'] === 'string') {
    return classifyEvent(value['data'], value['stream'])
  }
  const reply = readControlReply(value)
  return reply === null ? classifyEvent(value, '') : { kind: 'control', reply }
}

/**
 * Reads an answer to a request: `{"result":null,"id":1}`, `{"error":{"code":2,"msg":"…"},"id":1}`
 * or `{"code":2,"msg":"…"}` (the venue's document, "Live Subscribing"). Null if it is none.
 */
export const readControlReply = (value: unknown): ControlReply | null => {
  if (!isRecord(value) || 'e' in value || 'stream' in value) return null
  const id = Number.isSafeInteger(value['id']) ? Number(value['id']) : null
  const error = isRecord(value['error']) ? value['error'] : value
  if (typeof error['code'] === 'number' && typeof error['msg'] === 'string') {
    const message = error['msg'].slice(0, messageLengthMax)
    return { outcome: 'refused', id, code: error['code'], message }
  }
  return 'result' in value && 'id' in value ? { outcome: 'acknowledged', id } : null
}

const messageLengthMax = 256

const kindByEvent: ReadonlyMap<string, UnsupportedKind> = new Map([
  ['depthUpdate', 'depthUpdate'],
  ['kline', 'kline'],
  ['aggTrade', 'aggTrade'],
  ['24hrTicker', 'ticker'],
  ['24hrMiniTicker', 'miniTicker'],
  ['1hTicker', 'rollingTicker'],
  ['4hTicker', 'rollingTicker'],
  ['1dTicker', 'rollingTicker'],
  ['avgPrice', 'avgPrice'],
  ['markPriceUpdate', 'markPrice'],
  ['serverShutdown', 'serverShutdown']
])

const classifyEvent = (data: unknown, stream: string): 'trade' | 'quote' | FrameResult => {
  // Streams over all symbols (`!ticker@arr`) send arrays of one kind of event.
  const event: unknown = Array.isArray(data) ? data[0] : data
  if (!isRecord(event)) return unknownShape
  const name = event['e']
  if (name === 'trade' && !Array.isArray(data)) return 'trade'
  // The spot book ticker and partial depth have no `e`.
  const isTicker =
    name === 'bookTicker' ||
    (typeof name !== 'string' && 'u' in event && 'b' in event && 'B' in event && 'a' in event)
  if (isTicker) {
    const isOfSymbol = stream === '' || stream.endsWith('@bookTicker')
    return isOfSymbol && !Array.isArray(data) ? 'quote' : unsupported('bookTicker')
  }
  if (typeof name === 'string') return unsupported(kindByEvent.get(name) ?? 'other')
  if ('lastUpdateId' in event && 'bids' in event) return unsupported('depthSnapshot')
  return stream === '' || stream.endsWith('@trade') ? unknownShape : unsupported('other')
}

const unknownShape: FrameResult = { kind: 'rejected', reason: 'unknown_shape' }

const unsupported = (frameKind: UnsupportedKind): FrameResult => ({
  kind: 'unsupported',
  frameKind
})

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
