/** JSON whose integers stay exact: those that a double cannot hold are bigints. */
import { isInteger, parse, stringify } from 'lossless-json'

/** @throws SyntaxError if the text is not JSON */
export const parseJson = (text: string): unknown => parse(text, null, numberOf)

/** JSON text; `null` for what JSON does not have. */
export const stringifyJson = (value: unknown): string => stringify(value) ?? 'null'

const numberOf = (text: string): number | bigint => {
  const value = Number(text)
  return isInteger(text) && !Number.isSafeInteger(value) ? BigInt(text) : value
}
