/** Times of requests and answers: microseconds since 1970-01-01 UTC inside, ISO 8601 outside. */

/**
 * Microseconds of an ISO 8601 time or of a whole number of microseconds; undefined for others.
 * A date alone is its midnight; a time without zone is UTC; a `+` that a query string turned into a
 * space is read as the `+` it was.
 */
export const parseTimeUs = (text: string): number | undefined => {
  if (microseconds.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined
  const match = isoTime.exec(text)
  if (match === null) return undefined
  const parts = match.groups as unknown as Parts
  const { year, month, day, hour = '00', minute = '00', second = '00', fraction = '' } = parts
  const wholeMs = Date.UTC(+year, +month - 1, +day, +hour, +minute, +second)
  // Date.UTC rolls a thirtieth of February over: what comes back must be what went in.
  const back = new Date(wholeMs).toISOString()
  if (back.slice(0, 19) !== `${year}-${month}-${day}T${hour}:${minute}:${second}`) return undefined
  return (wholeMs - zoneMinutes(parts) * 60_000) * 1_000 + Number(fraction.padEnd(6, '0'))
}

/** For example `2024-08-08T00:00:00.123Z`. */
export const isoOfMs = (ms: number): string => new Date(ms).toISOString()

/** With microseconds, as times of records are: `2024-08-08T00:00:00.123456Z`. */
export const isoOfUs = (us: number): string => {
  const wholeMs = Math.floor(us / 1_000_000) * 1_000
  const micros = us - wholeMs * 1_000
  return `${isoOfMs(wholeMs).slice(0, -'.000Z'.length)}.${String(micros).padStart(6, '0')}Z`
}

interface Parts {
  readonly year: string
  readonly month: string
  readonly day: string
  readonly hour?: string
  readonly minute?: string
  readonly second?: string
  readonly fraction?: string
  readonly sign?: string
  readonly zoneHour?: string
  readonly zoneMinute?: string
}

const microsecondsPattern = '-?[0-9]{1,16}'
const isoPattern =
  '(?<year>[0-9]{4})-(?<month>0[1-9]|1[0-2])-(?<day>0[1-9]|[12][0-9]|3[01])' +
  '(?:[Tt ](?<hour>[01][0-9]|2[0-3]):(?<minute>[0-5][0-9])' +
  '(?::(?<second>[0-5][0-9])(?:[.](?<fraction>[0-9]{1,6}))?)?' +
  '(?:[Zz]|(?<sign>[+ -])(?<zoneHour>0[0-9]|1[0-8]):?(?<zoneMinute>[0-5][0-9]))?)?'
const microseconds = new RegExp(`^${microsecondsPattern}$`)
const isoTime = new RegExp(`^${isoPattern}$`)

/** Of all texts that are times; a day that no month has is none, which no pattern says. */
export const timePattern = `^(?:${microsecondsPattern}|${isoPattern.replaceAll(/\?<\w+>/g, '?:')})$`

const zoneMinutes = ({ sign, zoneHour, zoneMinute }: Parts): number => {
  if (sign === undefined) return 0
  return (sign === '-' ? -1 : 1) * (Number(zoneHour) * 60 + Number(zoneMinute))
}
