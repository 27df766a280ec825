/** Serialises the generator's quotes as the venue's combined `@bookTicker` stream sends them. */
import { decimalScale } from '../../market/decimal.ts'
import type { GeneratedSymbol } from './venue-listing.ts'
import type { QuoteValues } from './generator-values.ts'
import type { FrameBytes } from './trade-source.ts'

/** Encoder of one symbol's frames. */
export const makeQuoteFrames = ({
  symbol,
  priceDecimals,
  quantityDecimals
}: GeneratedSymbol): ((quote: QuoteValues) => FrameBytes) => {
  const head = `{"stream":"${symbol.toLowerCase()}@bookTicker","data":`
  return ({ updateId, bidTicks, bidSteps, askTicks, askSteps }) => {
    const bytes = Buffer.from(
      `${head}{"u":${updateId},"s":"${symbol}","b":"${textOf(bidTicks, priceDecimals)}",` +
        `"B":"${textOf(bidSteps, quantityDecimals)}","a":"${textOf(askTicks, priceDecimals)}",` +
        `"A":"${textOf(askSteps, quantityDecimals)}"}}`
    )
    return { bytes, dataStart: head.length, dataEnd: bytes.length - 1 }
  }
}

/** `units × 10^-places` with eight decimals. */
const textOf = (units: number, places: number): string => {
  const scale = 10 ** places
  const fraction = places === 0 ? '' : String(units % scale).padStart(places, '0')
  return `${Math.floor(units / scale)}.${fraction.padEnd(decimalScale, '0')}`
}
