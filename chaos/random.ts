/** Seeded choices, so that a run can be repeated: the same seed strikes at the same places. */
export interface Random {
  /** In [0, 1). */
  readonly next: () => number
  /** In [min, max). */
  readonly between: (min: number, max: number) => number
  readonly pick: <A>(choices: readonly A[]) => A
}

/** mulberry32. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (min, max) => min + next() * (max - min),
    pick: (choices) => {
      const choice = choices[Math.floor(next() * choices.length)]
      if (choice === undefined) throw new RangeError('nothing to pick from')
      return choice
    }
  }
}
