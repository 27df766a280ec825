/** A row of numbers as a row of little bars. Pure. */
const bars = '▁▂▃▄▅▆▇█'

/** The newest `width` values, against a maximum of their own or a given one; null is a gap. */
export const sparkline = (
  values: readonly (number | null)[],
  width: number,
  max?: number
): string => {
  const shown = values.slice(-width)
  const highest = max ?? Math.max(0, ...shown.map((value) => value ?? 0))
  return shown
    .map((value) => {
      if (value === null) return ' '
      const share = highest <= 0 ? 0 : Math.min(1, Math.max(0, value / highest))
      return bars[Math.min(bars.length - 1, Math.floor(share * bars.length))]!
    })
    .join('')
    .padStart(width)
}
