/** Numbers, times and names as a person reads them. */

const units = ['', 'k', 'M', 'G', 'T']

/** Three digits: `12.3 k`. */
export const short = (value: number): string => {
  let scaled = Math.abs(value)
  let unit = 0
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1_000
    unit += 1
  }
  const digits = scaled >= 100 || Number.isInteger(scaled) ? 0 : scaled >= 10 ? 1 : 2
  const sign = value < 0 ? '-' : ''
  const text = `${sign}${scaled.toFixed(digits)}`
  return unit === 0 ? text : `${text} ${units[unit]}`
}

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export const bytes = (value: number): string => {
  let scaled = value
  let unit = 0
  while (scaled >= 1_024 && unit < binaryUnits.length - 1) {
    scaled /= 1_024
    unit += 1
  }
  return `${scaled.toFixed(unit === 0 || scaled >= 100 ? 0 : 1)} ${binaryUnits[unit]}`
}

/** A value of a signal or series in its unit. */
export const inUnit = (value: number | null | undefined, unit: string | null): string => {
  if (value == null) return 'unknown'
  switch (unit) {
    case 'bytes':
      return bytes(value)
    case 'share':
      return `${(value * 100).toFixed(1)} %`
    case 'seconds':
    case 's':
      return value < 1 ? `${(value * 1_000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${short(value)} s`
    case null:
    case '':
      return short(value)
    default:
      return `${short(value)} ${unit}`
  }
}

export const clock = (ms: number): string => {
  const at = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export const clockMs = (ms: number): string =>
  `${clock(ms)}.${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`

export const duration = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}

/** `root/landing/lander:trades` → `lander:trades` */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const levels = ['normal', 'soft', 'graceful', 'aggressive', 'circuitBreak'] as const

/** -1 where there is none. */
export const rankOf = (level: string | null | undefined): number =>
  levels.findIndex((it) => it === level)

/** As a person calls an event of a machine. */
export const eventText = (event: string): string => {
  const after = /^xstate\.after\.(.+?)\.[^.]+(?:\..*)?$/.exec(event)
  if (after !== null) return /^\d+$/.test(after[1]!) ? `after ${after[1]} ms` : `after ${after[1]}`
  const ended = /^xstate\.(done|error)\.(?:actor|state)\.(.+)$/.exec(event)
  if (ended !== null) return `${ended[1]}: ${ended[2]}`
  return event === '' ? 'always' : event === 'xstate.init' ? 'start' : event
}
