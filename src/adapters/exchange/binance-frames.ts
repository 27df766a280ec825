/**
 * Binance spot WebSocket frames → trades, quotes, control replies, counted kinds or refusals. Pure.
 * Source: "WebSocket Streams", the venue's document, sections Trade Streams, Individual Symbol Book
 * Ticker Streams and Live Subscribing.
 *
 * 1. Nothing thrown here reaches the caller; a bad frame costs itself only.
 * 2. A trade or quote is given only when the text says it without a second reading: every number is
 *    taken from its digits (never from a double), and a member that is given twice, differently, is
 *    refused.
 * 3. Both ways of reading (the patterns of the venue's own spelling, and JSON) end in the same
 *    checks, so they cannot disagree about a value.
 */
import { isUtf8 } from 'node:buffer'
import { parse as parseLossless } from 'lossless-json'
import {
  type FieldText,
  type InstrumentTable,
  readableId,
  scalar,
  type ScalarText
} from './binance-fields.ts'
import { classifyFrame } from './binance-frame-kinds.ts'
import { type QuoteFields, readQuote } from './binance-quote.ts'
import { readTrade, type TradeFields } from './binance-trade.ts'
import type { FrameResult, RawFrame, RejectedFrame, RejectReason } from './frame-result.ts'

/** Frames above this are refused unread; a trade frame has about 170 bytes. */
export const frameBytesMax = 1024 * 1024

/** Reads one frame. Never throws (1). */
export const parseFrame = (frame: RawFrame, instruments: InstrumentTable): FrameResult => {
  if (frame.isBinary) return reject('binary')
  if (frame.frameBytes > frameBytesMax) return withGlimpse('oversized', frame, instruments)
  if (!isUtf8(frame.bytes)) return withGlimpse('invalid_utf8', frame, instruments)
  try {
    const text = frame.bytes.toString('utf8')
    const match = tradePattern.exec(text)
    if (match !== null) return readTrade(spelledTrade(match), frame.receivedUs, instruments)
    const quote = quotePattern.exec(text)
    if (quote !== null) return readQuote(spelledQuote(quote), frame.receivedUs, instruments)
    return parseJsonFrame(text, frame, instruments)
  } catch {
    return withGlimpse('malformed_json', frame, instruments)
  }
}

const number = '(-?\\d{1,20})'
const decimal = '"(-?[0-9.]{1,40})"'
/** The venue's own spelling, combined or raw, with or without order ids: the hot path. */
const tradePattern = new RegExp(
  `^(?:\\{"stream":"([^"\\\\]{1,64})","data":)?` +
    `\\{"e":"trade","E":${number},"s":"([^"\\\\]{1,32})",` +
    `"t":${number},"p":${decimal},"q":${decimal},(?:"b":${number},"a":${number},)?` +
    `"T":${number},"m":(true|false)(?:,"M":(true|false))?(\\}{1,2})$`
)

const quotePattern = new RegExp(
  `^(?:\\{"stream":"([^"\\\\]{1,52}@bookTicker)","data":)?` +
    `\\{"u":${number},"s":"([^"\\\\]{1,32})",` +
    `"b":${decimal},"B":${decimal},"a":${decimal},"A":${decimal}(\\}{1,2})$`
)

const spelledTrade = (match: RegExpExecArray): TradeFields => {
  const [, stream, E, s, t, p, q, b, a, T, m, M, braces] = match
  checkBraces(stream, braces)
  return {
    stream,
    E: scalar('number', E),
    s: scalar('string', s),
    t: scalar('number', t),
    p: scalar('string', p),
    q: scalar('string', q),
    T: scalar('number', T),
    m: scalar('boolean', m),
    M: scalar('boolean', M),
    b: scalar('number', b),
    a: scalar('number', a)
  }
}

const spelledQuote = (match: RegExpExecArray): QuoteFields => {
  const [, stream, u, s, b, B, a, A, braces] = match
  checkBraces(stream, braces)
  return {
    stream,
    u: scalar('number', u),
    s: scalar('string', s),
    b: scalar('string', b),
    B: scalar('string', B),
    a: scalar('string', a),
    A: scalar('string', A),
    E: undefined,
    T: undefined
  }
}

/** One brace closes a raw event, two a combined one; anything else is not JSON. */
const checkBraces = (stream: string | undefined, braces: string | undefined): void => {
  if ((stream === undefined ? 1 : 2) !== braces?.length) throw new SyntaxError('unbalanced braces')
}

const parseJsonFrame = (
  text: string,
  frame: RawFrame,
  instruments: InstrumentTable
): FrameResult => {
  const value: unknown = JSON.parse(text)
  const kind = classifyFrame(value)
  if (typeof kind !== 'string') return kind
  try {
    const members = losslessMembers(text)
    return kind === 'trade'
      ? readTrade(tradeFields(members), frame.receivedUs, instruments)
      : readQuote(quoteFields(members), frame.receivedUs, instruments)
  } catch (error) {
    if (error instanceof DuplicateField) {
      if (kind === 'quote') {
        return { ...reject('duplicate_field'), isQuote: true, field: error.field }
      }
      const isIdClear = error.field !== 's' && error.field !== 't'
      const refusal = isIdClear
        ? withGlimpse('duplicate_field', frame, instruments)
        : reject('duplicate_field')
      return { ...refusal, field: error.field }
    }
    throw error
  }
}

class DuplicateField extends Error {
  readonly field: string
  constructor(field: string) {
    super(field)
    this.field = field
  }
}

class NumberText {
  readonly digits: string
  constructor(digits: string) {
    this.digits = digits
  }
}

interface Members {
  readonly stream: string | undefined
  readonly field: (name: string) => FieldText
}

/** Reads the event again with every number as its digits and without tolerance for repeats (2). */
const losslessMembers = (text: string): Members => {
  const parsed = parseLossless(text, undefined, {
    parseNumber: (digits) => new NumberText(digits),
    onDuplicateKey: ({ key }) => {
      throw new DuplicateField(key.slice(0, 32))
    }
  })
  const frame = parsed as Readonly<Record<string, unknown>>
  const isCombined = Object.hasOwn(frame, 'stream')
  const data = (isCombined ? frame['data'] : frame) as Readonly<Record<string, unknown>>
  return {
    stream: isCombined ? String(frame['stream']) : undefined,
    field: (name) => (Object.hasOwn(data, name) ? scalarOf(data[name]) : undefined)
  }
}

const tradeFields = ({ stream, field }: Members): TradeFields => ({
  stream,
  E: field('E'),
  s: field('s'),
  t: field('t'),
  p: field('p'),
  q: field('q'),
  T: field('T'),
  m: field('m'),
  M: field('M'),
  b: field('b'),
  a: field('a')
})

const quoteFields = ({ stream, field }: Members): QuoteFields => ({
  stream,
  u: field('u'),
  s: field('s'),
  b: field('b'),
  B: field('B'),
  a: field('a'),
  A: field('A'),
  E: field('E'),
  T: field('T')
})

const scalarOf = (value: unknown): ScalarText => {
  if (typeof value === 'string') return { type: 'string', text: value }
  if (typeof value === 'boolean') return { type: 'boolean', text: String(value) }
  if (value instanceof NumberText) return { type: 'number', text: value.digits }
  return { type: 'other', text: '' }
}

const reject = (reason: RejectReason): RejectedFrame => ({ kind: 'rejected', reason })

const glimpseBytes = 4096
const glimpseSymbol = /"s":"([^"\\]{1,32})"/
const glimpseId = /"t":(\d{1,16})[,}]/

/** A refusal with the symbol and id that the beginning of an unreadable trade frame shows (R29). */
const withGlimpse = (
  reason: RejectReason,
  frame: RawFrame,
  instruments: InstrumentTable
): RejectedFrame => {
  const head = frame.bytes.toString('latin1', 0, Math.min(glimpseBytes, frame.bytes.length))
  const symbol = glimpseSymbol.exec(head)?.[1]
  if (!head.includes('"e":"trade"') || symbol === undefined || !instruments.has(symbol)) {
    return reject(reason)
  }
  const nativeId = readableId(scalar('number', glimpseId.exec(head)?.[1]))
  return { kind: 'rejected', reason, symbol, ...(nativeId === undefined ? {} : { nativeId }) }
}
