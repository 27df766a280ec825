/** Compares windows of time with and without a watcher. Pure. */

export interface Window {
  readonly isAttached: boolean
  readonly seconds: number
  /** Trades read from the socket. */
  readonly trades: number
  readonly cpuSeconds: number
}

/**
 * Whether the watcher is attached, window by window: A B B A, and the same the other way round. A
 * drift costs neither kind more, be it a line or a parabola (the sequence of Thue and Morse).
 */
export const balanced: readonly boolean[] = [false, true, true, false, true, false, false, true]

interface Total {
  readonly seconds: number
  readonly tradesPerSecond: number
  readonly cpuPerTrade: number
}

export interface Comparison {
  readonly without: Total
  readonly attached: Total
  /** Share of the throughput without a watcher that one costs; below 0 where it was faster. */
  readonly costShare: number
  /** By how much a trade costs more CPU. */
  readonly cpuCostShare: number
}

/** @throws RangeError if a kind of window is missing or saw no trade */
export const compare = (windows: readonly Window[]): Comparison => {
  const without = totalOf(windows.filter(({ isAttached }) => !isAttached))
  const attached = totalOf(windows.filter(({ isAttached }) => isAttached))
  return {
    without,
    attached,
    costShare: 1 - attached.tradesPerSecond / without.tradesPerSecond,
    cpuCostShare: attached.cpuPerTrade / without.cpuPerTrade - 1
  }
}

const totalOf = (windows: readonly Window[]): Total => {
  const sum = (of: 'seconds' | 'trades' | 'cpuSeconds') =>
    windows.reduce((total, window) => total + window[of], 0)
  const [seconds, trades] = [sum('seconds'), sum('trades')]
  if (trades === 0) throw new RangeError(`no trade in ${windows.length} windows`)
  return { seconds, tradesPerSecond: trades / seconds, cpuPerTrade: sum('cpuSeconds') / trades }
}
