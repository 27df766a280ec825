/**
 * Where a signal stands between its marks: every mark of a level is as far from the next one as
 * those of any other signal, so that all gauges are read alike, whatever their units.
 */

/** Levels above normal. */
export const segments = 4

/** 0 to 1: at rank / (segments + 1) the level of that rank is entered. */
export const positionOf = (value: number, enter: ReadonlyArray<number | null>): number => {
  let below = 0
  let from = 0
  for (const [index, mark] of enter.entries()) {
    if (mark === null) continue
    const rank = index + 1
    if (value < mark) {
      const share = mark === from ? 0 : (value - from) / (mark - from)
      return clamped((below + share * (rank - below)) / (segments + 1))
    }
    below = rank
    from = mark
  }
  // Beyond the last mark: the rest of the scale is twice that mark.
  const share = from === 0 ? 0 : Math.min(1, (value - from) / from)
  return clamped((below + share * (segments + 1 - below)) / (segments + 1))
}

const clamped = (share: number): number => Math.max(0, Math.min(1, share))
