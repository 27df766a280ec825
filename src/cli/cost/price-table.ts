/**
 * A file of prices, each with where it was read and when: `deploy/prices.json`, or one's own.
 * Every fault of a file is told with its field.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ArgumentsRejected } from '../command-line.ts'
import { type PriceKey, priceKeys, type Prices } from './cost-model.ts'

interface Price {
  readonly price: number
  /** Of what, as in: 0.048 per vCPU hour. */
  readonly per: string
  readonly what: string
  readonly source: string
  /** A day or a month, as the source says. */
  readonly sourceDate: string
}

export interface PriceTable {
  readonly file: string
  readonly name: string
  readonly currency: string
  readonly prices: Readonly<Record<PriceKey, Price>>
}

export const shippedPrices = resolve(import.meta.dirname, '../../../deploy/prices.json')

export const pricesOf = ({ prices }: PriceTable): Prices =>
  Object.fromEntries(priceKeys.map((key) => [key, prices[key].price])) as Prices

/** @throws ArgumentsRejected if it cannot be read, or with all its faults */
export const readPriceTable = (file: string): PriceTable => {
  let given: unknown
  try {
    given = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ArgumentsRejected(
      `--price-table ${file} cannot be read: ${(error as Error).message}; ` +
        'copy deploy/prices.json and change its prices'
    )
  }
  const faults = faultsOf(given)
  if (faults.length > 0)
    throw new ArgumentsRejected(faults.map((it) => `--price-table ${file}: ${it}`).join('\n'))
  return { ...(given as Omit<PriceTable, 'file'>), file }
}

/** All that is wrong with a table, each fault with its field and what is allowed there. */
export const faultsOf = (given: unknown): readonly string[] => {
  if (!isRecord(given)) return ['it must be an object, as deploy/prices.json is']
  const { version, prices } = given
  const faults = version === 1 ? [] : [`version is ${shown(version)}, but must be 1`]
  for (const field of ['name', 'currency'])
    if (!isText(given[field])) faults.push(`${field} is ${shown(given[field])}, but must be a text`)
  if (!isRecord(prices)) return [...faults, `prices must have ${priceKeys.join(', ')}`]
  const known: readonly string[] = priceKeys
  for (const key of Object.keys(prices))
    if (!known.includes(key)) faults.push(`prices.${key} is unknown; there are ${known.join(', ')}`)
  return [...faults, ...priceKeys.flatMap((key) => priceFaults(key, prices[key]))]
}

const priceFaults = (key: string, given: unknown): readonly string[] => {
  if (!isRecord(given)) return [`prices.${key} is missing`]
  const { price } = given
  const faults = ['per', 'what', 'source'].flatMap((field) =>
    isText(given[field])
      ? []
      : [`prices.${key}.${field} is ${shown(given[field])}, but must be a text`]
  )
  if (typeof price !== 'number' || !Number.isFinite(price) || price < 0)
    faults.push(`prices.${key}.price is ${shown(price)}, but must be a number from 0 up`)
  const date = given['sourceDate']
  if (typeof date !== 'string' || !/^\d{4}-\d{2}(?:-\d{2})?$/.test(date))
    faults.push(`prices.${key}.sourceDate is ${shown(date)}, but must be as 2026-04-24 or 2026-04`)
  return faults
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing'
