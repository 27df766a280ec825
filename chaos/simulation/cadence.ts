/**
 * Whether whatever tries again waits as its policy says: the breaker before it probes, a keeper
 * before it starts its child again. The delay grows with each failure in a row, and starts anew
 * only after all was well for long enough: a dependency that comes and goes is not hammered.
 */
import type { Transition } from '../../src/actors/inspector.ts'
import { backoffDefault } from '../../src/machines/restart-policy.ts'

/** How a machine's states are read. */
interface Reading {
  readonly isWell: (state: string) => boolean
  readonly isWaiting: (state: string) => boolean
  /** The wait is over, and not cut short by the end. */
  readonly triesAgain: (state: string) => boolean
}

const breaker: Reading = {
  isWell: (state) => state === 'closed',
  isWaiting: (state) => state === 'open',
  triesAgain: (state) => state.startsWith('halfOpen')
}
const keeper: Reading = {
  isWell: (state) => state === 'up.running',
  isWaiting: (state) => state === 'backingOff' || state === 'waiting',
  triesAgain: (state) => state === 'standingBy'
}

interface Line {
  /** Waits since all was last well for long enough. */
  attempt: number
  wellSinceMs: number | undefined
  waitingSinceMs: number | undefined
}

const slackMs = 2

export class Cadence {
  readonly #lines = new Map<string, Line>()
  /** The first wait that was too short. */
  breach: string | undefined

  /** @param transition with its time on a clock that does not jump */
  note({ path, to, event, atMs }: Transition): void {
    const reading = readingOf(path)
    if (reading === undefined) return
    // A machine that is made anew has no past.
    if (event === 'xstate.init') this.#lines.delete(path)
    const line = this.#lines.get(path) ?? newLine()
    this.#lines.set(path, line)
    if (line.waitingSinceMs !== undefined && !reading.isWaiting(to)) {
      if (reading.triesAgain(to)) this.#checkWait(path, line.attempt, atMs - line.waitingSinceMs)
      line.waitingSinceMs = undefined
    }
    if (reading.isWaiting(to)) {
      line.attempt += 1
      line.waitingSinceMs = atMs
    }
    if (reading.isWell(to)) line.wellSinceMs ??= atMs
    else if (line.wellSinceMs !== undefined) {
      if (atMs - line.wellSinceMs >= backoffDefault.upMsMin - slackMs) {
        line.attempt = reading.isWaiting(to) ? 1 : 0
      }
      line.wellSinceMs = undefined
    }
  }

  #checkWait(path: string, attempt: number, waitedMs: number): void {
    const { msMin, msMax, factor, jitterRatio } = backoffDefault
    const least = Math.min(msMax, msMin * factor ** (attempt - 1)) * (1 - jitterRatio)
    if (waitedMs >= least - slackMs) return
    const facts = `${waitedMs.toFixed(0)} ms before try ${attempt}, at least ${least} are due`
    this.breach ??= `${path} waited ${facts}`
  }
}

const newLine = (): Line => ({ attempt: 0, wellSinceMs: undefined, waitingSinceMs: undefined })

const readingOf = (path: string): Reading | undefined => {
  if (path.endsWith('/publisher:trades#')) return breaker
  return path.endsWith('#') || path.split('/').length > 3 ? undefined : keeper
}
