/**
 * Serialises the generator's trades straight into bytes: as text this was most of the cost of a
 * frame, and at full speed the exchange shares two cores with its client.
 *
 * 1. The result is byte for byte what the venue's combined `@trade` stream sends.
 * 2. Times have 13 digits: from 2001 to the year 2286.
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
const decimals = 8
const timeDigits = 13
const timeBlank = '0'.repeat(timeDigits)
/** Integers below it are handled as 32-bit numbers, which is several times as fast. */
const smallMax = 1_000_000_000
const smallDigits = 9
const powersOfTen = Array.from({ length: decimals + 1 }, (_, places) => 10 ** places)
const priceKey = Buffer.from(',"p":"')
const quantityKey = Buffer.from('","q":"')
const tradeTimeKey = '","T":'
/** [buyer is maker][best match] */
const tails = [false, true].map((maker) =>
  [false, true].map((match) =>
    Buffer.from(`${tradeTimeKey}${timeBlank},"m":${maker},"M":${match}}}`)
  )
)

/** Encoder of one symbol's frames. */
export const makeTradeFrames = (
  symbol: string,
  priceDecimals: number,
  quantityDecimals: number
): ((trade: TradeFrameInput) => FrameBytes) => {
  const dataStart = `{"stream":"${symbol.toLowerCase()}@trade","data":`.length
  const beforeTime = `{"stream":"${symbol.toLowerCase()}@trade","data":{"e":"trade","E":`
  const head = Buffer.from(`${beforeTime}${timeBlank},"s":"${symbol}","t":`)
  let pool = Buffer.allocUnsafe(poolBytes)
  let used = 0
  return ({ id, eventMs, tradeMs, values }) => {
    if (used + frameBytesMax > poolBytes) {
      pool = Buffer.allocUnsafe(poolBytes) // frames handed out keep the old one
      used = 0
    }
    const start = used
    const tail = tails[Number(values.buyerIsMaker)]![Number(values.bestMatch)]!
    pool.set(head, start)
    putDigits(pool, start + beforeTime.length, eventMs, timeDigits)
    let at = putWhole(pool, start + head.length, id)
    at = putKey(pool, at, priceKey)
    at = putDecimal(pool, at, values.priceTicks, priceDecimals)
    at = putKey(pool, at, quantityKey)
    at = putDecimal(pool, at, values.quantitySteps, quantityDecimals)
    pool.set(tail, at)
    putDigits(pool, at + tradeTimeKey.length, tradeMs, timeDigits)
    used = at + tail.length
    return { bytes: pool.subarray(start, used), dataStart, dataEnd: used - start - 1 }
  }
}

const putKey = (pool: Buffer, at: number, key: Buffer): number => {
  for (let index = 0; index < key.length; index += 1) pool[at + index] = key[index]!
  return at + key.length
}

const putWhole = (pool: Buffer, at: number, value: number): number => {
  if (value >= smallMax) {
    const high = Math.floor(value / smallMax)
    return putSmall(pool, putWhole(pool, at, high), value - high * smallMax, smallDigits)
  }
  let digits = 1
  for (let bound = 10; bound <= value; bound *= 10) digits += 1
  return putSmall(pool, at, value, digits)
}

/** Exactly so many digits, more than `smallDigits` of them. */
const putDigits = (pool: Buffer, at: number, value: number, digits: number): void => {
  const high = Math.floor(value / smallMax)
  const next = putSmall(pool, at, high, digits - smallDigits)
  putSmall(pool, next, value - high * smallMax, smallDigits)
}

const putSmall = (pool: Buffer, at: number, value: number, digits: number): number => {
  let rest = value | 0
  for (let index = at + digits - 1; index >= at; index -= 1) {
    const next = (rest / 10) | 0
    pool[index] = zero + rest - next * 10
    rest = next
  }
  return at + digits
}

/** `units × 10^-places` with eight decimals. */
const putDecimal = (pool: Buffer, at: number, units: number, places: number): number => {
  const scale = powersOfTen[places]!
  const whole = Math.floor(units / scale)
  let next = putWhole(pool, at, whole)
  pool[next] = point
  next = putSmall(pool, next + 1, units - whole * scale, places)
  for (let index = places; index < decimals; index += 1) {
    pool[next] = zero
    next += 1
  }
  return next
}
