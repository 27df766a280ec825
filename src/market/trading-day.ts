/**
 * Days as exchanges count them: `1d` and a date mean the exchange's trading day, in its own time
 * zone (R51). Partitions of tables stay days of UTC.
 *
 * 1. Which exchange counts in which time zone is configuration (`K2_TRADING_ZONES`); one that it
 *    does not name counts in UTC, as those of crypto do.
 * 2. A day is a number, days since 1970-01-01 in local time; it begins at its first instant, which
 *    need not be a midnight, and ends where the next one begins: with daylight saving it has 23 or
 *    25 hours.
 */

/** IANA names of time zones by upper-case exchange code (1). */
export type TradingZones = ReadonlyMap<string, string>

export const zoneOf = (zones: TradingZones, exchange: string): string =>
  zones.get(exchange) ?? 'UTC'

export const dayUs = 86_400_000_000

/** A time from which on local time is ahead of UTC by so much; microseconds. */
export interface Offset {
  readonly fromUs: number
  readonly offsetUs: number
}

const cache = new Map<string, readonly Offset[]>()

/** All of a time zone, the first from -Infinity on. */
export const offsetsOf = (timeZone: string): readonly Offset[] => {
  const known = cache.get(timeZone) ?? findOffsets(timeZone)
  cache.set(timeZone, known)
  return known
}

/** Day that a time lies in. */
export const dayOfTime = (timeZone: string, us: number): number =>
  Math.floor((us + offsetsOf(timeZone).findLast(({ fromUs }) => fromUs <= us)!.offsetUs) / dayUs)

/** First instant of a day, microseconds (2). */
export const startOfDay = (timeZone: string, day: number): number => {
  const offsets = offsetsOf(timeZone)
  for (const [index, { fromUs, offsetUs }] of offsets.entries()) {
    const us = Math.max(fromUs, day * dayUs - offsetUs)
    if (us < (offsets[index + 1]?.fromUs ?? Infinity)) return us
  }
  return day * dayUs
}

/** Day of a date such as `2014-03-11`; undefined where there is no such date. */
export const dayOfDate = (date: string): number | undefined => {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date)
  if (match === null) return undefined
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number]
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined
  const before = year - 1
  let days = before * 365 + Math.floor(before / 4) - Math.floor(before / 100)
  days += Math.floor(before / 400) - daysBefore1970
  for (let earlier = 1; earlier < month; earlier++) days += daysOf(year, earlier)
  return days + day - 1
}

/** Days of the years 1 to 1969. */
const daysBefore1970 = 719_162

const daysOf = (year: number, month: number): number => {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (month === 2) return isLeap ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

const weekMs = 7 * 86_400_000
/** Rules of time zones are known for about this long. */
const untilMs = 4_102_444_800_000

const findOffsets = (timeZone: string): readonly Offset[] => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  const offsetAt = (ms: number): number => {
    const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')!.value
    const [, sign, hours, minutes, seconds = '0'] =
      /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? []
    if (sign === undefined) return 0
    const total = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
    return (sign === '-' ? -total : total) * 1_000_000
  }
  const found: Offset[] = [{ fromUs: -Infinity, offsetUs: offsetAt(0) }]
  if (timeZone === 'UTC') return found
  for (let ms = 0; ms < untilMs; ms += weekMs) {
    const offsetUs = offsetAt(ms + weekMs)
    if (offsetUs === found.at(-1)!.offsetUs) continue
    let [low, high] = [ms, ms + weekMs]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (offsetAt(middle) === offsetUs) high = middle
      else low = middle
    }
    found.push({ fromUs: high * 1_000, offsetUs })
  }
  return found
}
