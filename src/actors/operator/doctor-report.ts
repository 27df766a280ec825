/**
 * What `k2 doctor` has found: one result per check, with the first examples.
 *
 * 1. A check that was not made says why; it is never shown as passed.
 * 2. What a table no longer names by the end of the examination is no fault of it: K2 goes on
 *    committing and expiring while it is examined.
 */

/** `fault` makes the doctor's verdict; `notice` is listed only. */
type Weight = 'fault' | 'notice'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** Faults, or notices. */
  readonly count: number
  readonly examples: readonly string[]
  /** Things looked at. */
  readonly checked: number
  /** Why it was not made. */
  readonly skipped?: string
}

export interface DoctorReport {
  readonly ok: boolean
  readonly table: string
  readonly snapshotId: string | null
  readonly rows: number
  readonly files: number
  readonly checks: readonly Check[]
}

const examplesMax = 20
/** Findings that are remembered in full; beyond this many they are only counted. */
const findingsMax = 100_000

interface Finding {
  readonly text: string
  /** Snapshots that name what is missing; absent where it does not depend on any. */
  readonly snapshotIds: readonly bigint[] | undefined
}

export class Findings {
  readonly name: string
  checked = 0
  skipped: string | undefined
  readonly #weight: Weight
  readonly #found: Finding[] = []
  #uncounted = 0

  constructor(name: string, weight: Weight = 'fault') {
    this.name = name
    this.#weight = weight
  }

  add(text: string, snapshotIds?: readonly bigint[]): void {
    if (this.#found.length < findingsMax) this.#found.push({ text, snapshotIds })
    else this.#uncounted++
  }

  /** Adds findings of which only some are named. */
  addAll(texts: readonly string[], count: number): void {
    for (const text of texts) this.add(text)
    this.#uncounted += count - texts.length
  }

  /** @param retained snapshots that the table has now (2) */
  result(retained: ReadonlySet<bigint>): Check {
    const { name, checked, skipped } = this
    const found = this.#found.filter(
      ({ snapshotIds }) => snapshotIds === undefined || snapshotIds.some((it) => retained.has(it))
    )
    const count = found.length + this.#uncounted
    return {
      name,
      ok: this.#weight === 'notice' || count === 0,
      count,
      examples: found.slice(0, examplesMax).map(({ text }) => text),
      checked,
      ...(skipped === undefined ? {} : { skipped })
    }
  }
}
