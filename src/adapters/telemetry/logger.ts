/** Log lines: one JSON object per line, least severe first left out. A line never throws. */

const levels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof levels)[number]

export interface Logger {
  /** `event` is `noun.past_tense`; fields are plain values, large integers as text. */
  readonly log: (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void
}

export interface LoggerOptions {
  readonly level: LogLevel
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly write: (line: string) => void
}

export const makeLogger = ({ level, nowMs, write }: LoggerOptions): Logger => {
  const least = levels.indexOf(level)
  return {
    log: (lineLevel, event, fields = {}) => {
      if (levels.indexOf(lineLevel) < least) return
      const at = new Date(nowMs()).toISOString()
      write(`${serialise({ at, level: lineLevel, event, ...fields })}\n`)
    }
  }
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
