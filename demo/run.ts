/**
 * A whole run: the acts, what is seen meanwhile, and how it ends.
 *
 * 1. Whatever happens, the report is written, and says how far it came.
 * 2. The exit code is 0 only if it came to its end and every promise held.
 * 3. What it was broken off by, a signal or a process that ended by itself, is told in words.
 */
import { isAllHeld } from './promises.ts'
import type { DemoRecord, Mark } from './record.ts'
import { play, type Playing, type Stage } from './script.ts'

export interface RunOptions {
  readonly record: DemoRecord
  readonly stage: Stage
  /** Looks, until the signal aborts. */
  readonly watch: (signal: AbortSignal) => Promise<void>
  readonly tell: (mark: Mark) => void
  /** Aborted to break it off; the reason is an error that says why. */
  readonly signal: AbortSignal
  readonly nowMs: () => number
  /** Fails once the signal aborts. */
  readonly wait: Playing['wait']
  readonly writeReport: (record: DemoRecord) => void
}

/** The exit code (2). */
export const runDemo = async (options: RunOptions): Promise<number> => {
  const { record, stage, signal, nowMs, tell, wait } = options
  const watching = new AbortController()
  let watched: Promise<void> = Promise.resolve()
  const beginWatch = () => {
    watched = options.watch(watching.signal)
  }
  const endWatch = () => watching.abort()
  const playing = play({ stage, record, beginWatch, endWatch, tell, signal, nowMs, wait })
  // Broken off, it is not waited for.
  playing.catch(() => undefined)
  try {
    await Promise.race([playing, brokenOff(signal)])
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error
    record.ending = { type: 'broken_off', why: reasonOf(reason) } // (3)
    const mark: Mark = { atMs: nowMs(), kind: 'fault', text: `broken off: ${reasonOf(reason)}` }
    record.marks.push(mark)
    tell(mark)
  }
  watching.abort()
  await watched
  record.endedMs = nowMs()
  options.writeReport(record) // (1)
  return isAllHeld(record) ? 0 : 1 // (2)
}

const brokenOff = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = () => reject(signal.reason as Error)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
