/** Rows of answers as lines of CSV, without their ends. */
import { LosslessNumber, stringify } from 'lossless-json'
import { csvCell } from '../../market/csv-text.ts'

/** Of a value as `lossless-json` reads it: digit by digit, and nothing for null. */
export const cellText = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  return value instanceof LosslessNumber ? value.toString() : (stringify(value) ?? '')
}

export const csvLine = (cells: readonly string[]): string => cells.map(csvCell).join(',')
