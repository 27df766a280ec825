/**
 * Local times of a time zone as UTC, by the rules of the platform's time zone data.
 *
 * 1. Exact: a time that exists once is converted by the offset that holds then, also on the days on
 *    which the clocks change.
 * 2. A time that exists twice, in autumn, is the first of the two: sources without an offset do not
 *    tell them apart, and one rule makes a second run the same as the first.
 * 3. A time that never was, in spring, is none: undefined.
 */

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Quarters of an hour whose offset is remembered. */
const quartersMax = 100_000

/** Milliseconds since 1970-01-01 of a calendar time as if it were UTC; undefined if it is none. */
export const calendarMs = (date: CalendarDate, time: CalendarTime): number | undefined => {
  const { year, month, day } = date
  const { hour, minute, second } = time
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const seconds = daysSinceEpoch(date) * 86_400 + hour * 3_600 + minute * 60 + second
  return seconds * 1_000
}

interface CalendarDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
}

interface CalendarTime {
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** UTC of a local time that is given as if it were UTC, both whole seconds in milliseconds. */
export type ToUtc = (localMs: number) => number | undefined

/** @throws RangeError if the platform does not know the zone. */
export const utcOf = (timeZone: string): ToUtc => {
  const offsetAt = offsetsOf(timeZone)
  return (localMs) => {
    // No zone is more than a day from UTC, and none changes its clocks twice within two.
    const earlier = localMs - offsetAt(localMs - dayMs)
    if (earlier + offsetAt(earlier) === localMs) return earlier // (2)
    const later = localMs - offsetAt(localMs + dayMs)
    return later + offsetAt(later) === localMs ? later : undefined // (3)
  }
}

/** How far a zone's clocks are ahead of UTC at a moment. */
const offsetsOf = (timeZone: string): ((utcMs: number) => number) => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric'
  })
  const known = new Map<number, number>()
  return (utcMs) => {
    // Zones change on the quarter of an hour.
    const quarter = Math.floor(utcMs / (hourMs / 4)) * (hourMs / 4)
    let offset = known.get(quarter)
    if (offset === undefined) {
      const parts = new Map(format.formatToParts(quarter).map(({ type, value }) => [type, value]))
      const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type))
      const local = calendarMs(
        { year: part('year'), month: part('month'), day: part('day') },
        { hour: part('hour'), minute: part('minute'), second: part('second') }
      )
      offset = (local ?? Number.NaN) - quarter
      if (known.size >= quartersMax) known.clear()
      known.set(quarter, offset)
    }
    return offset
  }
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const isLeap = (year: number): boolean =>
  year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

const daysInMonth = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : monthDays[month - 1]!

/** Of the Gregorian calendar, counted in years that begin with March. */
const daysSinceEpoch = ({ year, month, day }: CalendarDate): number => {
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
