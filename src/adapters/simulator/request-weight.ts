/** The venue's REST budget: weights add up within each minute of the clock; beyond it, 429. */

export interface RequestWeight {
  /** Charges a request; says what is used now and, where refused, when to come back. */
  readonly charge: (weight: number) => {
    readonly used: number
    readonly retryAfterS: number | undefined
  }
}

const minuteMs = 60_000

/** @param now wall clock in ms. */
export const makeRequestWeight = (weightMax: () => number, now: () => number): RequestWeight => {
  let minute = -1
  let used = 0
  return {
    charge: (weight) => {
      const nowMs = now()
      if (Math.floor(nowMs / minuteMs) !== minute) {
        minute = Math.floor(nowMs / minuteMs)
        used = 0
      }
      used += weight
      const isOver = used > weightMax()
      return {
        used,
        retryAfterS: isOver
          ? Math.max(1, Math.ceil(((minute + 1) * minuteMs - nowMs) / 1_000))
          : undefined
      }
    }
  }
}
