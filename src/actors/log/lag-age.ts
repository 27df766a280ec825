/**
 * How long the oldest record that a table lacks has been in its partition: at least, since when
 * an end of the partition beyond it has been known.
 *
 * 1. Ends are remembered until the table has reached them, `marksMax` of them: where there are
 *    more, every other one is forgotten, so that what is told stays near however far behind it is.
 * 2. A partition of which no end is known has no age.
 */
const marksMax = 64

interface Mark {
  readonly atMs: number
  readonly end: number
}

export class LagAge {
  #marks: Mark[] = []

  /** @param landed the table's next offset, @param end the partition's */
  note(atMs: number, { landed, end }: { readonly landed: number; readonly end: number }): void {
    if (this.#marks.at(-1)?.end !== end) this.#marks.push({ atMs, end })
    this.#marks = this.#marks.filter((mark) => mark.end > landed)
    if (this.#marks.length > marksMax) {
      this.#marks = this.#marks.filter((_, index) => index % 2 === 0) // (1)
    }
  }

  /** Milliseconds; 0 where the table lacks nothing that is known. */
  ageMs(nowMs: number): number {
    const [oldest] = this.#marks
    return oldest === undefined ? 0 : Math.max(0, nowMs - oldest.atMs)
  }
}
