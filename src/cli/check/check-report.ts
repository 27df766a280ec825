/**
 * What `npm run k2 -- check` reports. With `--json` it prints one `CheckReport`, for programs:
 *
 *   { "ok": true, "url": "http://127.0.0.1:8000", "isRunning": true,
 *     "at": "2026-01-01T00:00:00.000Z", "seconds": 3.1,
 *     "counts": { "ok": 90, "warning": 1, "failed": 0, "not_configured": 4 },
 *     "checks": [ { "group": "feeds", "name": "feed:simulated", "state": "ok",
 *                   "figure": "connected, 101.5 trades/s, 50.1 quotes/s over 2.0 s",
 *                   "values": { "connected": 1, "tradesPerSecond": 101.5 } },
 *                 { "group": "alerts", "part": "landing.yml", "name": "K2LandingStopped",
 *                   "state": "warning", "figure": "firing", "remedy": "npm run k2 -- actors" } ] }
 *
 * 1. Each figure was measured by this run; what could not be measured has none.
 * 2. Whatever is a warning, or failed, says what helps.
 * 3. A line is found by its group and name together.
 * 4. `ok` is false where anything failed; `isRunning` is false where no K2 answers at `url`.
 */
export const checkStates = ['ok', 'warning', 'failed', 'not_configured'] as const
type CheckState = (typeof checkStates)[number]

const checkGroups = [
  'machine',
  'services',
  'stack',
  'compose',
  'feeds',
  'topics',
  'tables',
  'metrics',
  'dashboards',
  'alerts',
  'api',
  'records',
  'backup'
] as const
export type CheckGroup = (typeof checkGroups)[number]

export interface CheckLine {
  readonly group: CheckGroup
  /** What it is part of, where the lines of a group are many: a component, a file of rules. */
  readonly part?: string
  readonly name: string
  readonly state: CheckState
  readonly figure: string
  /** A command, or what is to be done; on all that is a warning or failed. */
  readonly remedy?: string
  /** The figures as numbers, for programs. */
  readonly values?: Readonly<Record<string, number>>
}

export interface CheckReport {
  readonly ok: boolean
  readonly url: string
  readonly isRunning: boolean
  readonly at: string
  readonly seconds: number
  readonly counts: Readonly<Record<CheckState, number>>
  readonly checks: readonly CheckLine[]
}

/** A line that is well unless it says what helps. */
export const line = (
  group: CheckGroup,
  name: string,
  {
    figure,
    remedy,
    isFailure = false,
    ...rest
  }: Pick<CheckLine, 'figure' | 'part' | 'remedy' | 'values'> & { readonly isFailure?: boolean }
): CheckLine => {
  const state = remedy === undefined ? 'ok' : isFailure ? 'failed' : 'warning'
  return { group, name, state, figure, ...(remedy === undefined ? {} : { remedy }), ...rest }
}

export const notConfigured = (group: CheckGroup, name: string, figure: string): CheckLine => ({
  group,
  name,
  state: 'not_configured',
  figure
})

export const reportOf = (
  facts: Pick<CheckReport, 'url' | 'isRunning' | 'at' | 'seconds'>,
  checks: readonly CheckLine[]
): CheckReport => {
  const counts = { ok: 0, warning: 0, failed: 0, not_configured: 0 }
  for (const { state } of checks) counts[state] += 1
  return { ok: counts.failed === 0, ...facts, counts, checks }
}

/** 2: it could not be asked; 1: something failed. */
export const exitCodeOf = ({ ok, isRunning }: CheckReport): number => (!isRunning ? 2 : ok ? 0 : 1)

const marks: Readonly<Record<CheckState, string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'FAILED',
  not_configured: '-'
}

/** Lines of a part that are all well are one, unless all are to be shown. */
export const reportText = (report: CheckReport, showsAll: boolean): string => {
  const { checks, counts, seconds } = report
  const groups = checkGroups.flatMap((group) => {
    const own = checks.filter((it) => it.group === group)
    if (own.length === 0) return []
    const shown = showsAll ? own : folded(own)
    const width = Math.max(...shown.map(({ name }) => name.length))
    return [group, ...shown.flatMap((it) => textOf(it, width))]
  })
  const problems = checks.filter(({ state }) => state === 'failed' || state === 'warning')
  const sum =
    `${counts.ok} ok, ${counts.warning} warnings, ${counts.failed} failed, ` +
    `${counts.not_configured} not configured, in ${seconds.toFixed(1)} s`
  return [...groups, sum, ...(problems.length === 0 ? ['nothing is wrong'] : [])].join('\n')
}

const textOf = ({ name, state, figure, remedy }: CheckLine, width: number): readonly string[] => [
  `  ${marks[state].padEnd(8)}${name.padEnd(width)}  ${figure}`.trimEnd(),
  ...(remedy === undefined ? [] : [`          -> ${remedy}`])
]

const folded = (lines: readonly CheckLine[]): readonly CheckLine[] => {
  const parts = new Map<string, CheckLine[]>()
  const shown: CheckLine[] = []
  for (const it of lines) {
    if (it.part === undefined || it.state !== 'ok') shown.push(it)
    else parts.set(it.part, [...(parts.get(it.part) ?? []), it])
  }
  const whole = [...parts].map(([part, own]): CheckLine => {
    const figures = new Map<string, number>()
    for (const { figure } of own) {
      const kind = figure.split(':')[0]!
      figures.set(kind, (figures.get(kind) ?? 0) + 1)
    }
    const figure = [...figures].map(([kind, count]) => `${count} ${kind}`).join(', ')
    return { group: own[0]!.group, name: part, state: 'ok', figure }
  })
  return [...whole, ...shown]
}
