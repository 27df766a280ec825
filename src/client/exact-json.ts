/**
 * JSON whose numbers keep their digits: decimals become text, whole numbers that a double cannot
 * hold bigints, all others numbers.
 */
import { parse } from 'lossless-json'
import { decimalMembers } from './api-types.ts'

/** A number as it is written. */
class Digits {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const anyDigitsLost = /[0-9]{16}/

/** @param hasDecimalText whether the server was asked for decimals as text */
export const parseExact = (text: string, hasDecimalText: boolean): unknown =>
  hasDecimalText && !anyDigitsLost.test(text)
    ? JSON.parse(text)
    : withNumbers(parseDigits(text), (digits, name) =>
        name !== undefined && decimalMembers.has(name) ? digits : numberOf(digits)
      )

interface SqlText {
  readonly data: readonly Readonly<Record<string, unknown>>[]
  readonly meta: { readonly columns: readonly Column[] }
}

interface Column {
  readonly name: string
  readonly type: string
}

/** An answer of SQL: its columns say what is a decimal. */
export const parseSqlAnswer = (text: string): unknown => {
  const { data, ...answer } = parseDigits(text) as SqlText
  const rest = withNumbers(answer, numberOf) as Omit<SqlText, 'data'>
  const exact = new Set(
    rest.meta.columns.filter(({ type }) => type.includes('DECIMAL')).map(({ name }) => name)
  )
  const rows = data.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        withNumbers(value, exact.has(name) ? (digits) => digits : numberOf)
      ])
    )
  )
  return { ...rest, data: rows }
}

const parseDigits = (text: string): unknown =>
  parse(text, undefined, (digits) => new Digits(digits))

type Convert = (digits: string, name: string | undefined) => unknown

const withNumbers = (value: unknown, convert: Convert, name?: string): unknown => {
  if (value instanceof Digits) return convert(value.text, name)
  if (Array.isArray(value)) return value.map((item) => withNumbers(item, convert, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withNumbers(member, convert, key)])
  )
}

const numberOf = (digits: string): number | bigint => {
  const number = Number(digits)
  return /^-?[0-9]+$/.test(digits) && !Number.isSafeInteger(number) ? BigInt(digits) : number
}
