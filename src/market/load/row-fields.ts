/**
 * Fields of a row by the names of their columns, and what they must be. A field that is not costs
 * its row, by a reason that names the column and what is there.
 */
import { parseDecimal } from '../decimal.ts'
import { longMax } from '../instrument.ts'
import { calendarMs, type ToUtc } from './zoned-time.ts'

/** Why a row is not loaded. */
export class RowRejected extends Error {}

const midnight = { hour: 0, minute: 0, second: 0 }

/** What of a text is shown in a reason. */
const shownMax = 40

export class RowFields {
  readonly #columns: ReadonlyMap<string, number>
  #fields: readonly string[] = []

  /** @param columns names, in the order of the file. */
  constructor(columns: readonly string[]) {
    this.#columns = new Map(columns.map((name, at) => [name, at]))
  }

  /** @throws RowRejected if the row has not as many fields as there are columns. */
  of(fields: readonly string[]): this {
    const { size } = this.#columns
    if (fields.length !== size) {
      throw new RowRejected(`${fields.length} fields where there are ${size} columns`)
    }
    this.#fields = fields
    return this
  }

  /** The empty text where there is no such column. */
  text(column: string): string {
    const at = this.#columns.get(column)
    return at === undefined ? '' : this.#fields[at]!
  }

  /** @throws RowRejected */
  filled(column: string): string {
    const text = this.text(column)
    if (text === '') throw new RowRejected(`${column} is empty`)
    return text
  }

  /** A symbol, or another short name. @throws RowRejected */
  name(column: string): string {
    const text = this.filled(column)
    if (/^[\w.-]{1,32}$/.test(text)) return text
    throw new RowRejected(`${column} "${shown(text)}" is not up to 32 letters, digits, . _ -`)
  }

  /** Names and values of all columns but the named. */
  except(columns: ReadonlySet<string>): readonly (readonly [string, string])[] {
    return [...this.#columns]
      .filter(([name]) => !columns.has(name))
      .map(([name, at]) => [name, this.#fields[at]!])
  }

  /** `YYYY-MM-DD` of `MM/DD/YYYY`. @throws RowRejected */
  date(column: string): string {
    const text = this.filled(column)
    const [, month, day, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(text) ?? []
    const date = { year: Number(year), month: Number(month), day: Number(day) }
    if (year !== undefined && calendarMs(date, midnight) !== undefined)
      return `${year}-${month}-${day}`
    throw new RowRejected(`${column} "${shown(text)}" is no date such as 03/31/2014`)
  }

  /** @throws RowRejected unless it is an exact decimal(18,8) of at least `min`. */
  decimal(column: string, min: bigint): bigint {
    const text = this.filled(column)
    let value: bigint
    try {
      value = parseDecimal(text)
    } catch (error) {
      throw new RowRejected(`${column}: ${(error as Error).message}`)
    }
    if (value >= min) return value
    throw new RowRejected(`${column} "${text}" is ${min > 0n ? 'not above zero' : 'negative'}`)
  }

  /** @throws RowRejected unless it is a whole number from 0 that is kept exactly. */
  id(column: string): number {
    const text = this.filled(column)
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (value <= longMax) return value
    throw new RowRejected(`${column} "${shown(text)}" is not a whole number up to ${longMax}`)
  }

  /**
   * Microseconds of `MM/DD/YYYY` and `HH:MM:SS[.ffffff]`, local time.
   * @throws RowRejected
   */
  localDateTime(dateColumn: string, timeColumn: string, toUtc: ToUtc): number {
    const text = `${this.filled(dateColumn)} ${this.filled(timeColumn)}`
    const match = /^(\d\d)\/(\d\d)\/(\d{4}) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text)
    if (match === null) {
      throw new RowRejected(`"${shown(text)}" is not MM/DD/YYYY and HH:MM:SS.mmm`)
    }
    const [, month, day, year, time, fraction] = match
    return utcMicros({ text, date: `${year}-${month}-${day}`, time: time!, fraction }, toUtc)
  }

  /**
   * Microseconds of an ISO 8601 time; one without an offset is local.
   * @throws RowRejected
   */
  isoTime(column: string, toUtc: ToUtc): number {
    const text = this.filled(column)
    const match = isoPattern.exec(text)
    if (match === null) {
      throw new RowRejected(`${column} "${shown(text)}" is not an ISO 8601 time up to microseconds`)
    }
    const [, date, time, fraction, zone] = match
    const offsetMs = zone === undefined ? undefined : zoneMs(zone)
    const shift: ToUtc = offsetMs === undefined ? toUtc : (localMs) => localMs - offsetMs
    return utcMicros({ text, date: date!, time: time!, fraction }, shift)
  }
}

const isoPattern =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})0*)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/

const zoneMs = (zone: string): number => {
  if (zone === 'Z') return 0
  const [hours, minutes] = zone.slice(1).split(':').map(Number) as [number, number]
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

const utcMicros = (
  parts: {
    readonly text: string
    readonly date: string
    readonly time: string
    readonly fraction: string | undefined
  },
  toUtc: ToUtc
): number => {
  const { text, date, time, fraction = '' } = parts
  const [year, month, day] = date.split('-').map(Number) as [number, number, number]
  const [hour, minute, second] = time.split(':').map(Number) as [number, number, number]
  const localMs = calendarMs({ year, month, day }, { hour, minute, second })
  if (localMs === undefined) throw new RowRejected(`"${text}" is no time of the calendar`)
  const utcMs = toUtc(localMs)
  if (utcMs === undefined) {
    throw new RowRejected(`"${text}" never was: the clocks were put forward over it`)
  }
  if (utcMs <= 0 || utcMs > utcMsMax) throw new RowRejected(`"${text}" is out of range`)
  return utcMs * 1_000 + Number(fraction.padEnd(6, '0'))
}

/** Below 2200-01-01: what is later does not land. */
const utcMsMax = 7_258_118_400_000 - 1_000

const shown = (text: string): string => text.slice(0, shownMax)
