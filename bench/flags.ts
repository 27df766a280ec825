/** Flags of the benchmarks. Pure; every wrong flag is told at once. */

// `commits` first: nothing has been deleted before it.
export const figureIds = [
  'commits',
  'throughput',
  'rate',
  'watcher',
  'watching',
  'lander',
  'kafka',
  'kafka-backlog',
  'kafka-clients',
  'kafka-drain',
  'peers',
  'start',
  'stages',
  'levels',
  'queries',
  'recent',
  'queries-peer',
  'candles',
  'replay',
  'planning',
  'clients',
  'sizes',
  'maintenance'
] as const
/** They install services or Python packages where these are missing: only where they are named. */
const furtherIds: ReadonlySet<string> = new Set([
  'kafka',
  'kafka-backlog',
  'kafka-clients',
  'kafka-drain',
  'peers',
  'queries-peer'
])
const defaultIds = figureIds.filter((id) => !furtherIds.has(id))
export type FigureId = (typeof figureIds)[number]

export interface BenchFlags {
  readonly only: readonly FigureId[]
  /** Repeats of each figure; medians are of these. */
  readonly runs: number
  /** How long trades flow in a run of `throughput`; other figures take their share of it. */
  readonly seconds: number
  /** Longest wait for a quiet machine before each figure and each run that lasts. */
  readonly quietSeconds: number
  /** Rows of the table that queries are measured on. */
  readonly tableRows: number | undefined
  /** Results as JSON. */
  readonly out: string | undefined
  /** Where the runs put their data; it should be on the disk that K2 would use. */
  readonly folder: string | undefined
  /** Where CPU profiles of K2 go; a profiled run is slower. */
  readonly profile: string | undefined
}

export const usage = `usage: npm run bench -- [flags]

Measures K2 on this machine, over loopback only, and ends by itself. About half an hour in full.
Figures with a bar say whether their median meets it; a bar that is missed is no failure.

  --only A,B       figures: ${figureIds.join(', ')}
                   (default: all but
                   ${[...furtherIds].join(', ')})
  --runs N         repeats of each figure, 1 to 50; medians are of these (default 5)
  --seconds N      how long trades flow in a run of throughput, 1 to 600 (default 60)
  --quiet-wait N   seconds to wait for a quiet machine, each time, 0 to 3600 (default 60)
  --table-rows N   rows of the table for queries, a multiple of 250000 (default 10000000, for
                   which the bars are); it is built once, below the user's cache directory
  --out FILE       write the results as JSON, for example bench/results/kernel.json
  --folder DIR     where runs put their data (default: the system's folder for temporary files)
  --profile DIR    write CPU profiles of K2's threads where it runs; slower. They are summed up by
                   node scripts/run.mjs bench/profile.ts DIR
  --help           this text

Exit code 0: all measured and verified; 1: a figure failed; 2: wrong flags.`

/** The flags, all their problems, or that help was asked for. */
export const readFlags = (
  args: readonly string[]
): BenchFlags | { readonly problems: readonly string[] } | 'help' => {
  if (args.includes('--help')) return 'help'
  const { values, problems } = splitFlags(args)
  const count = (name: FlagName, fallback: number, [min, max]: readonly [number, number]) => {
    const text = values.get(name)
    if (text === undefined) return fallback
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    problems.push(`--${name} is "${text}": allowed are whole numbers from ${min} to ${max}`)
    return fallback
  }
  const flags: BenchFlags = {
    only: readFigures(values.get('only'), problems),
    runs: count('runs', 5, [1, 50]),
    seconds: count('seconds', 60, [1, 600]),
    quietSeconds: count('quiet-wait', 60, [0, 3_600]),
    tableRows: values.has('table-rows')
      ? count('table-rows', 0, [250_000, 100_000_000])
      : undefined,
    out: values.get('out'),
    folder: values.get('folder'),
    profile: values.get('profile')
  }
  return problems.length > 0 ? { problems } : flags
}

/** What makes the same measurements again, wherever the results go and however busy it is. */
export const commandOf = (
  { only, runs, seconds, tableRows }: BenchFlags,
  nice: number | undefined
): string =>
  [
    ...(nice === undefined ? [] : [`nice -n ${nice}`]),
    `npm run bench -- --only ${only.join(',')} --runs ${runs} --seconds ${seconds}`,
    ...(tableRows === undefined ? [] : [`--table-rows ${tableRows}`])
  ].join(' ')

const flagNames = [
  'only',
  'runs',
  'seconds',
  'quiet-wait',
  'table-rows',
  'out',
  'folder',
  'profile'
] as const
type FlagName = (typeof flagNames)[number]

const splitFlags = (args: readonly string[]) => {
  const values = new Map<FlagName, string>()
  const problems: string[] = []
  for (let index = 0; index < args.length; index += 1) {
    const [, text = '', attached] = /^--([^=]*)(?:=(.*))?$/s.exec(args[index]!) ?? []
    const name = flagNames.find((known) => known === text)
    if (name === undefined) {
      problems.push(`"${args[index]}" is no flag`)
      continue
    }
    const value = attached ?? args[(index += 1)]
    if (value === undefined || value === '') problems.push(`--${name} needs a value`)
    else if (values.has(name)) problems.push(`--${name} is given twice`)
    else values.set(name, value)
  }
  return { values, problems }
}

const readFigures = (text: string | undefined, problems: string[]): readonly FigureId[] => {
  if (text === undefined) return defaultIds
  const asked = text.split(',').map((part) => part.trim())
  for (const part of asked) {
    if (figureIds.some((id) => id === part)) continue
    problems.push(`--only has "${part}": allowed are ${figureIds.join(', ')}`)
  }
  // In their own order: a figure may use what an earlier one has left.
  return figureIds.filter((id) => asked.includes(id))
}
