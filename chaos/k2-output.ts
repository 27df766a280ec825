/**
 * What K2's own log of a run says beside the data.
 *
 * 1. A dependency that is away is a state (R14): a restart, a quarantine or an error that nobody
 *    caught is a fault of the run, also where the table is right.
 *    Every second each process has checked that no record has disappeared in it (R16).
 * 2. A fault that K2 did not notice proves nothing: what each must have caused is looked for.
 */
/** An event that a fault must have caused, in the log of one of these processes. */
export interface Trace {
  readonly in: RegExp
  readonly event: RegExp
}

/** Since when a fault struck, and what it must have caused since: one of the traces. */
export interface Expected {
  readonly fault: string
  readonly fromMs: number
  readonly traces: readonly Trace[]
}

export interface MemberOutput {
  readonly name: string
  /** Standard output and standard error. */
  readonly output: string
}

export interface OutputFindings {
  /** By name; of all processes. */
  readonly events: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

interface LogLine {
  readonly at: string
  readonly event: string
  readonly [field: string]: unknown
}

/** Events that no fault excuses. */
const crashes: readonly string[] = [
  'actor.restarting',
  'actor.quarantined',
  'root.failed',
  'callback.failed',
  'release.failed',
  'log.fault',
  'batches.abandoned',
  'conservation.broken',
  'drain.timed_out'
]
const shownMax = 3
const shownCharsMax = 500
/** A frame of a stack: Node writes one for an error that nobody caught. */
const stackFrame = /^\s+at \S/

export const judgeOutput = (
  members: readonly MemberOutput[],
  expected: readonly Expected[]
): OutputFindings => {
  const events: Record<string, number> = {}
  const problems: string[] = []
  const logged = members.map(({ name, output }) => {
    const lines = output.split('\n')
    const parsed = lines.map(parse).filter((line) => line !== undefined)
    for (const { event } of parsed) events[event] = (events[event] ?? 0) + 1
    problems.push(...crashesIn(name, parsed), ...uncaughtIn(name, lines)) // (1)
    return { name, lines: parsed }
  })
  const unfelt = expected.filter((it) => !isFelt(logged, it)) // (2)
  return { events, problems: [...problems, ...unfelt.map(wordsOf)] }
}

interface MemberLog {
  readonly name: string
  readonly lines: readonly LogLine[]
}

const isFelt = (logged: readonly MemberLog[], { fromMs, traces }: Expected): boolean =>
  logged.some(({ name, lines }) =>
    traces.some(
      (trace) =>
        trace.in.test(name) &&
        lines.some(({ at, event }) => Date.parse(at) >= fromMs && trace.event.test(event))
    )
  )

const wordsOf = ({ fault, traces }: Expected): string => {
  const sought = traces.map(({ in: name, event }) => `${event.source} in ${name.source}`)
  return `${fault} struck, and K2 did not notice: no ${sought.join(', no ')}`
}

const crashesIn = (name: string, lines: readonly LogLine[]): string[] =>
  crashes.flatMap((crash) => {
    const found = lines.filter(({ event }) => event === crash)
    return shown(
      `${name}: ${crash}`,
      found.map((line) => JSON.stringify(line))
    )
  })

/** The line before its first frame says what it was. */
const uncaughtIn = (name: string, lines: readonly string[]): string[] => {
  const isFrame = (index: number): boolean => stackFrame.test(lines[index] ?? '')
  const found = lines.filter((_, index) => isFrame(index + 1) && !isFrame(index))
  return shown(`${name}: an error that nobody caught`, found)
}

const shown = (what: string, found: readonly string[]): string[] =>
  found.length === 0
    ? []
    : [
        `${what}, ${found.length} times`,
        ...found.slice(0, shownMax).map((line) => `  ${line.slice(0, shownCharsMax)}`)
      ]

/** A line that a kill cut off, or that is for a person, is none. */
const parse = (line: string): LogLine | undefined => {
  if (!line.startsWith('{')) return undefined
  try {
    const { at, event, ...fields } = JSON.parse(line) as Partial<LogLine>
    if (typeof at !== 'string' || typeof event !== 'string') return undefined
    return { at, event, ...fields }
  } catch {
    return undefined
  }
}
