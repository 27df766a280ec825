/**
 * Log lines: one JSON object per line, least severe first left out. A line never throws.
 *
 * 1. What a peer may cause at any rate is written by `logSeldom`: of a kind one line in
 *    `seldomMs`, which says how many were left out before it.
 */

const levels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof levels)[number]

export interface Logger {
  /** `event` is `noun.past_tense`; fields are plain values, large integers as text. */
  readonly log: (level: LogLevel, event: string, fields?: Fields) => void
  /** (1); `kind`: of the event's lines those that say the same. */
  readonly logSeldom: (level: LogLevel, event: string, kind: string, fields?: Fields) => void
}

type Fields = Readonly<Record<string, unknown>>

const seldomMs = 10_000
/** Beyond so many kinds all of them start anew. */
const kindsMax = 1_000

export interface LoggerOptions {
  readonly level: LogLevel
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly write: (line: string) => void
}

export const makeLogger = ({ level, nowMs, write }: LoggerOptions): Logger => {
  const least = levels.indexOf(level)
  const log: Logger['log'] = (lineLevel, event, fields = {}) => {
    if (levels.indexOf(lineLevel) < least) return
    const at = new Date(nowMs()).toISOString()
    write(`${serialise({ at, level: lineLevel, event, ...fields })}\n`)
  }
  const written = new Map<string, WrittenKind>()
  return {
    log,
    logSeldom: (lineLevel, event, kind, fields = {}) => {
      const key = `${lineLevel} ${event} ${kind}`
      const atMs = nowMs()
      const last = written.get(key)
      // A clock that was set back must not silence anything.
      if (last !== undefined && Math.abs(atMs - last.atMs) < seldomMs) {
        last.suppressed += 1
        return
      }
      if (written.size >= kindsMax) written.clear()
      written.set(key, { atMs, suppressed: 0 })
      const suppressed = last?.suppressed ?? 0
      log(lineLevel, event, suppressed === 0 ? fields : { ...fields, suppressed })
    }
  }
}

interface WrittenKind {
  readonly atMs: number
  /** Lines left out since. */
  suppressed: number
}

const serialise = (line: Readonly<Record<string, unknown>>): string => {
  try {
    return JSON.stringify(line, (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value
    )
  } catch (error) {
    const { at, level, event } = line
    return JSON.stringify({ at, level, event, unserialisable: String(error) })
  }
}
