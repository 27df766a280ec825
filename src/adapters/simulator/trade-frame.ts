/**
 * Serialises the generator's trades straight into bytes: as text this was most of the cost of a
 * frame, and at full speed the exchange shares two cores with its client.
 *
 * 1. The result is byte for byte what the venue's combined `@trade` stream sends.
 * 2. Times have 13 digits: from 2001 to the year 2286.
 */
import { digitCountOf, putDigits } from '../../market/byte-digits.ts'
import { byteRun, putRun, viewOf } from '../../market/byte-run.ts'
import { decimalScale } from '../../market/decimal.ts'
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
const point = 0x2e
const timeDigits = 13
const timeBlank = '0'.repeat(timeDigits)
const powersOfTen = Array.from({ length: decimalScale + 1 }, (_, places) => 10 ** places)
const runOf = (text: string) => byteRun(Buffer.from(text))
const priceKey = runOf(',"p":"')
const quantityKey = runOf('","q":"')
const tradeTimeKey = '","T":'
/** [buyer is maker][best match] */
const tails = [false, true].map((maker) =>
  [false, true].map((match) => runOf(`${tradeTimeKey}${timeBlank},"m":${maker},"M":${match}}}`))
)

/** Encoder of one symbol's frames. */
export const makeTradeFrames = (
  symbol: string,
  priceDecimals: number,
  quantityDecimals: number
): ((trade: TradeFrameInput) => FrameBytes) => {
  const dataStart = `{"stream":"${symbol.toLowerCase()}@trade","data":`.length
  const beforeTime = `{"stream":"${symbol.toLowerCase()}@trade","data":{"e":"trade","E":`
  const head = runOf(`${beforeTime}${timeBlank},"s":"${symbol}","t":`)
  let pool = Buffer.allocUnsafe(poolBytes)
  let view = viewOf(pool)
  let used = 0
  return ({ id, eventMs, tradeMs, values }) => {
    if (used + frameBytesMax > poolBytes) {
      pool = Buffer.allocUnsafe(poolBytes) // frames handed out keep the old one
      view = viewOf(pool)
      used = 0
    }
    const start = used
    let at = putRun(view, start, head)
    putDigits(view, start + beforeTime.length, eventMs, timeDigits)
    at = putDigits(view, at, id, digitCountOf(id))
    at = putRun(view, at, priceKey)
    at = putDecimal(view, at, values.priceTicks, priceDecimals)
    at = putRun(view, at, quantityKey)
    at = putDecimal(view, at, values.quantitySteps, quantityDecimals)
    const tail = tails[Number(values.buyerIsMaker)]![Number(values.bestMatch)]!
    used = putRun(view, at, tail)
    putDigits(view, at + tradeTimeKey.length, tradeMs, timeDigits)
    return { bytes: pool.subarray(start, used), dataStart, dataEnd: used - start - 1 }
  }
}

/** `units × 10^-places` with eight decimals. */
const putDecimal = (view: DataView, at: number, units: number, places: number): number => {
  const scale = powersOfTen[places]!
  const whole = Math.floor(units / scale)
  const next = putDigits(view, at, whole, digitCountOf(whole))
  view.setUint8(next, point)
  const fraction = (units - whole * scale) * powersOfTen[decimalScale - places]!
  return putDigits(view, next + 1, fraction, decimalScale)
}
