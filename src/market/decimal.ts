/**
 * Exact decimals: a bigint scaled by 10^8 inside, decimal text outside, never a double.
 *
 * 1. A value fits decimal(18,8): |scaled| < 10^18, that is at most ten integer digits.
 * 2. `formatDecimal(parseDecimal(text))` is the same number as `text`, digit for digit.
 */
import * as Schema from 'effect/Schema'

export const decimalPrecision = 18
export const decimalScale = 8

/** The number has more than ten integer digits or more than eight significant decimals. */
export class DecimalOverflow extends Schema.TaggedError<DecimalOverflow>()('DecimalOverflow', {
  text: Schema.String
}) {
  override get message() {
    return `"${this.text}" does not fit decimal(${decimalPrecision},${decimalScale})`
  }
}

/** The text is not a plain decimal number. */
export class DecimalMalformed extends Schema.TaggedError<DecimalMalformed>()('DecimalMalformed', {
  text: Schema.String
}) {
  override get message() {
    return `"${this.text}" is not a decimal number`
  }
}

const scaledLimit = 10n ** BigInt(decimalPrecision)
const unitNumber = 10 ** decimalScale
const plainDecimal = /^(-?)(\d+)(?:\.(\d+))?$/
/** Longer texts are refused before they are parsed; the error keeps only their beginning. */
const textLengthMax = 64

/**
 * Scaled value of a decimal text such as `61837.63000000`.
 * @throws DecimalMalformed if it is not a plain decimal, DecimalOverflow if it does not fit.
 */
export const parseDecimal = (text: string): bigint => {
  if (text.length > textLengthMax) {
    throw new DecimalMalformed({ text: text.slice(0, textLengthMax) })
  }
  const match = plainDecimal.exec(text)
  if (match === null) throw new DecimalMalformed({ text })
  const [, sign, whole = '', fraction = ''] = match
  if (fraction.length > decimalScale && !/^0*$/.test(fraction.slice(decimalScale))) {
    throw new DecimalOverflow({ text })
  }
  const scaled = BigInt(whole + fraction.slice(0, decimalScale).padEnd(decimalScale, '0'))
  if (scaled >= scaledLimit) throw new DecimalOverflow({ text })
  return sign === '-' ? -scaled : scaled
}

/** Whether a scaled value fits decimal(18,8). */
export const fitsDecimal = (scaled: bigint): boolean =>
  scaled < scaledLimit && scaled > -scaledLimit

/**
 * Decimal text with all decimals, as exchanges write it: `61837.63000000`.
 *
 * @param scaled by 10^`scale`
 */
export const formatDecimal = (scaled: bigint, scale = decimalScale): string => {
  if (scale === decimalScale && scaled >= 0n && scaled <= Number.MAX_SAFE_INTEGER)
    return formatNumber(Number(scaled))
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(scale + 1, '0')
  return `${scaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Digits of most prices are exact as a number too, which is written much faster than a bigint. */
const formatNumber = (scaled: number): string => {
  const fraction = scaled % unitNumber
  return `${(scaled - fraction) / unitNumber}.${String(fraction).padStart(decimalScale, '0')}`
}
