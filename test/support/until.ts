/** Bounded waiting: a condition is asked for again until it holds, or the wait fails by name. */
import { setTimeout as pause } from 'node:timers/promises'

export interface Wait {
  /** What is waited for, for the error. */
  readonly what: string
  readonly msMax: number
  /** Between two questions; at least 50. */
  readonly everyMs?: number
  /** Seen last, for the error. */
  readonly seen?: () => string
}

const everyMsDefault = 50

/** The first value that is not undefined. What the question throws ends the wait. */
export const until = async <A>(
  ask: () => A | undefined | Promise<A | undefined>,
  { what, msMax, everyMs = everyMsDefault, seen }: Wait
): Promise<A> => {
  const deadlineMs = performance.now() + msMax
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > deadlineMs) {
      const last = seen === undefined ? '' : `; seen last: ${seen()}`
      throw new Error(`${what} did not come about within ${msMax} ms${last}`)
    }
    await pause(everyMs)
  }
}
