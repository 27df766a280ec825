/**
 * Members of the venue's events as text, and what they must be: shared by all kinds of events.
 * Nothing here makes a number of a decimal or an id in any other way than by its digits.
 */
import { DecimalOverflow, parseDecimal } from '../../market/decimal.ts'
import { type Instrument, longMax } from '../../market/instrument.ts'
import type { RejectReason } from './frame-result.ts'

/** The venue's symbols that this feed may read, by symbol. */
export type InstrumentTable = ReadonlyMap<string, Instrument>

export interface ScalarText {
  readonly type: 'string' | 'number' | 'boolean' | 'other'
  readonly text: string
}
export type FieldText = ScalarText | undefined

export const scalar = (type: ScalarText['type'], text: string | undefined): FieldText =>
  text === undefined ? undefined : { type, text }

export const required = (
  field: FieldText,
  name: string,
  type: ScalarText['type'],
  reason: RejectReason
): string => {
  if (field === undefined) throw new Refusal('missing_field', name)
  if (field.type !== type) throw new Refusal(reason, name)
  return field.text
}

export const wholeNumber = /^(?:0|[1-9]\d*)$/

/** The native id if it is a whole number that a double holds exactly. */
export const readableId = (field: FieldText): number | undefined => {
  if (field?.type !== 'number' || !wholeNumber.test(field.text)) return undefined
  const id = Number(field.text)
  return id <= longMax ? id : undefined
}

const epochMs = /^[1-9]\d{12}$/
const epochUs = /^[1-9]\d{15}$/

/**
 * Exchange time in µs. The unit is told by the number of digits: 13 are milliseconds (2001 to
 * 2286), 16 are microseconds (`timeUnit=MICROSECOND`); any other number of digits is refused.
 */
export const microseconds = (text: string, name: string): number => {
  const value = epochMs.test(text) ? Number(text) * 1000 : epochUs.test(text) ? Number(text) : NaN
  if (!(value <= longMax)) throw new Refusal('bad_time', name)
  return value
}

/** @param name of the member, for the refusal */
export const exactDecimal = (text: string, name: string): bigint => {
  try {
    return parseDecimal(text)
  } catch (error) {
    throw new Refusal(error instanceof DecimalOverflow ? 'decimal_overflow' : 'bad_decimal', name)
  }
}

export const clipped = (field: FieldText): string | undefined =>
  field?.type === 'string' ? field.text.slice(0, 32) : undefined

/** A refusal found while an event is read; caught by who reads it, never seen outside. */
export class Refusal extends Error {
  readonly reason: RejectReason
  readonly field: string
  constructor(reason: RejectReason, field: string) {
    super(reason)
    this.reason = reason
    this.field = field
  }
}
