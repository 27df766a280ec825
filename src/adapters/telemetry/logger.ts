/**
 * Log lines: one JSON object per line, least severe first left out. A line never throws.
 *
 * 1. What a peer may cause at any rate is written by `logSeldom`: of a kind one line in
 *    `seldomMs`, which says how many were left out before it.
 * 2. A component is the first word of an event's name; it may have a level of its own.
 * 3. What is written of each request or change on demand is written each time; of other events at
 *    most `repeatsMax` lines a minute, and then how many were left out (`log-repeats.ts`).
 * 4. No line has a secret of the settings in it (`redaction.ts`).
 */
import { makeRepeats } from './log-repeats.ts'
import { redactor } from './redaction.ts'


const levels = ['debug', 'info', 'warn', 'error'] as const
type LogLevel = (typeof levels)[number]

export interface Logger {
  /** `event` is `noun.past_tense`; fields are plain values, large integers as text. */
  readonly log: (level: LogLevel, event: string, fields?: Fields) => void
  /** (1); `kind`: of the event's lines those that say the same. */
  readonly logSeldom: (level: LogLevel, event: string, kind: string, fields?: Fields) => void
}

type Fields = Readonly<Record<string, unknown>>

/** (3) */
const everyTime: ReadonlySet<string> = new Set(['http.request_finished', 'http.admin_action'])
const seldomMs = 10_000
/** Beyond so many kinds all of them start anew. */
const kindsMax = 1_000

export interface LoggerOptions {
  readonly level: LogLevel
  /** Instead of `level`, by component (2). */
  readonly levelsByComponent?: ReadonlyMap<string, LogLevel>
  /** Lines of an event a minute (3); null, and unless told: all. */
  readonly repeatsMax?: number | null
  /** Texts that no line may have in it (4). */
  readonly secrets?: readonly string[]
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly write: (line: string) => void
}

export const makeLogger = (options: LoggerOptions): Logger => {
  const { level, levelsByComponent = new Map<string, LogLevel>(), nowMs } = options
  const redact = redactor(options.secrets ?? [])
  const write = (atMs: number, line: Readonly<Record<string, unknown>>): void => {
    const text = serialise({ at: new Date(atMs).toISOString(), ...line })
    options.write(`${redact(text)}\n`)
  }
  const repeats = makeRepeats(options.repeatsMax ?? Infinity, ({ key, count, seconds }) => {
    const [lineLevel, of] = key.split(' ')
    write(nowMs(), { level: lineLevel, event: 'log.repeated', of, suppressed: count, seconds })
  })
  const log: Logger['log'] = (lineLevel, event, fields = {}) => {
    const [component = ''] = event.split('.')
    const least = levels.indexOf(levelsByComponent.get(component) ?? level)
    if (levels.indexOf(lineLevel) < least) return
    const atMs = nowMs()
    if (!everyTime.has(event) && !repeats.admit(`${lineLevel} ${event}`, atMs)) return
    write(atMs, { level: lineLevel, event, ...fields })
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
