/**
 * Serialises the generator's trades straight into bytes: as text this was half of the cost of a
 * frame, and at full speed the exchange shares two cores with its client.
 *
 * The result is byte for byte what the venue's combined `@trade` stream sends.
 */
import type { FrameBytes } from './trade-source.ts'
import type { TradeValues } from './generator-values.ts'

export interface TradeFrameInput {
  readonly id: number
  readonly eventMs: number
  readonly tradeMs: number
  readonly values: TradeValues
}

const frameBytesMax = 256
const poolBytes = 256 * 1_024
const zero = 0x30
const point = 0x2e
const priceKey = Buffer.from(',"p":"')
const quantityKey = Buffer.from('","q":"')
const tradeTimeKey = Buffer.from('","T":')
const makerKey = Buffer.from(',"m":')
const matchKey = Buffer.from(',"M":')
const end = Buffer.from('}}')
const trueText = Buffer.from('true')
const falseText = Buffer.from('false')

/** Encoder of one symbol's frames. */
export const makeTradeFrames = (
  symbol: string,
  priceDecimals: number,
  quantityDecimals: number
): ((trade: TradeFrameInput) => FrameBytes) => {
  const wrapper = `{"stream":"${symbol.toLowerCase()}@trade","data":`
  const head = Buffer.from(`${wrapper}{"e":"trade","E":`)
  const symbolKey = Buffer.from(`,"s":"${symbol}","t":`)
  let pool = Buffer.allocUnsafe(poolBytes)
  let used = 0
  return ({ id, eventMs, tradeMs, values }) => {
    if (used + frameBytesMax > poolBytes) {
      pool = Buffer.allocUnsafe(poolBytes) // frames handed out keep the old one
      used = 0
    }
    const start = used
    let at = put(pool, start, head)
    at = putWhole(pool, at, eventMs)
    at = put(pool, at, symbolKey)
    at = putWhole(pool, at, id)
    at = put(pool, at, priceKey)
    at = putDecimal(pool, at, values.priceTicks, priceDecimals)
    at = put(pool, at, quantityKey)
    at = putDecimal(pool, at, values.quantitySteps, quantityDecimals)
    at = put(pool, at, tradeTimeKey)
    at = putWhole(pool, at, tradeMs)
    at = put(pool, at, makerKey)
    at = put(pool, at, values.buyerIsMaker ? trueText : falseText)
    at = put(pool, at, matchKey)
    at = put(pool, at, values.bestMatch ? trueText : falseText)
    used = put(pool, at, end)
    const bytes = pool.subarray(start, used)
    return { bytes, dataStart: wrapper.length, dataEnd: bytes.length - 1 }
  }
}

const put = (pool: Buffer, at: number, text: Buffer): number => {
  for (let index = 0; index < text.length; index += 1) pool[at + index] = text[index]!
  return at + text.length
}

const putWhole = (pool: Buffer, at: number, value: number): number => {
  let digits = 1
  for (let bound = 10; bound <= value; bound *= 10) digits += 1
  return putDigits(pool, at, value, digits)
}

const putDigits = (pool: Buffer, at: number, value: number, digits: number): number => {
  let rest = value
  for (let index = at + digits - 1; index >= at; index -= 1) {
    const next = Math.floor(rest / 10)
    pool[index] = zero + rest - next * 10
    rest = next
  }
  return at + digits
}

/** `units × 10^-places` with eight decimals. */
const putDecimal = (pool: Buffer, at: number, units: number, places: number): number => {
  const scale = 10 ** places
  const whole = Math.floor(units / scale)
  let next = putWhole(pool, at, whole)
  pool[next] = point
  next = putDigits(pool, next + 1, units - whole * scale, places)
  for (let index = places; index < 8; index += 1) {
    pool[next] = zero
    next += 1
  }
  return next
}
