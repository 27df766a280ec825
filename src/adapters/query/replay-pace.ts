/**
 * When rows of a paced replay are due: as long after the first one as their exchange times are
 * apart, divided by the speed. Who is late sends at once, and is not late any more.
 */
export interface Pace {
  /** Milliseconds until a row of that time is due; the first one is due at once. */
  readonly waitMs: (timestampUs: number) => number
}

export const makePace = (speed: number, { nowMs }: { readonly nowMs: () => number }): Pace => {
  let origin: { readonly us: number; readonly ms: number } | undefined
  return {
    waitMs: (timestampUs) => {
      origin ??= { us: timestampUs, ms: nowMs() }
      return origin.ms + (timestampUs - origin.us) / 1_000 / speed - nowMs()
    }
  }
}
