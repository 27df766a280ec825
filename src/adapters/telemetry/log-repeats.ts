/**
 * Repeats in the log: of an event at most so many lines a minute; the others are counted, and
 * summed up in one line once the minute is over.
 *
 * 1. A minute of an event begins with its first line, and ends with the first line of any event
 *    after it: nothing runs by itself.
 * 2. Beyond `eventsMax` events, what was counted of all of them is told, and they begin anew.
 */
export interface Repeats {
  /** Whether a line may be written. */
  readonly admit: (key: string, atMs: number) => boolean
}

export interface Summary {
  /** Level and event, as `admit` was told. */
  readonly key: string
  /** Lines that were left out. */
  readonly count: number
  readonly seconds: number
}

const windowMs = 60_000
const eventsMax = 1_000

interface Window {
  readonly sinceMs: number
  lines: number
}

export const makeRepeats = (linesMax: number, tell: (summary: Summary) => void): Repeats => {
  const windows = new Map<string, Window>()
  let nextEndMs = Infinity

  const close = (key: string, { sinceMs, lines }: Window, atMs: number): void => {
    windows.delete(key)
    const count = lines - linesMax
    if (count > 0) tell({ key, count, seconds: Math.round(Math.abs(atMs - sinceMs) / 1_000) })
  }

  /** (1) A clock that was set back ends all of them. */
  const closeOld = (atMs: number): void => {
    nextEndMs = Infinity
    for (const [key, window] of windows) {
      if (Math.abs(atMs - window.sinceMs) >= windowMs) close(key, window, atMs)
      else nextEndMs = Math.min(nextEndMs, window.sinceMs + windowMs)
    }
  }

  return {
    admit: (key, atMs) => {
      if (atMs >= nextEndMs || atMs < nextEndMs - 2 * windowMs) closeOld(atMs)
      let window = windows.get(key)
      if (window === undefined) {
        if (windows.size >= eventsMax) for (const it of windows) close(...it, atMs) // (2)
        window = { sinceMs: atMs, lines: 0 }
        windows.set(key, window)
        nextEndMs = Math.min(nextEndMs, atMs + windowMs)
      }
      window.lines += 1
      return window.lines <= linesMax
    }
  }
}
