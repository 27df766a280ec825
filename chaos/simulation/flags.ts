/** Command line of the simulation. Every wrong flag is reported, with what is allowed. */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

export interface SimulationFlags {
  /** One run, with its log. */
  readonly seed: number | undefined
  readonly seeds: number
  readonly from: number
  /** Ends at the first run that breaks a promise. */
  readonly untilBroken: boolean
  /** Processes that share the seeds. */
  readonly jobs: number
  /** File that takes the totals as JSON. */
  readonly out: string | undefined
  /** The totals of these seeds go to the process that shares them out. */
  readonly isShare: boolean
}

const seedsDefault = 1_000
const numberMax = 2 ** 31

export const usage = `usage: npm run simulation -- [flags]

Runs K2's own modules over a simulated venue, disk, network, broker, catalog and clock, with faults,
and holds what lands against what was acknowledged. One seed is one run, the same each time.
Exit code: 0 every promise kept and everything reached; 1 a promise was broken, or something that
must be reached was not; 2 a flag is wrong.

  --seed N        one run; prints its log
  --seeds N       so many runs (default ${seedsDefault})
  --from N        the first seed of them (default 1)
  --until-broken  ends at the first run that breaks a promise
  --jobs N        so many processes share the seeds (default: one a core)
  --out FILE      the totals as JSON: runs, what was broken, how often what was reached
  --help          this text`

/** The flags, what is wrong with them, or that help was asked for. */
export const readFlags = (
  args: readonly string[]
): SimulationFlags | { readonly problems: readonly string[] } | 'help' => {
  const problems: string[] = []
  const parsed = parse(args)
  if ('problem' in parsed) return { problems: [parsed.problem] }
  const { values } = parsed
  if (values.help === true) return 'help'
  const number = (flag: string, text: string | undefined) => {
    if (text === undefined) return undefined
    if (/^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= numberMax) {
      return Number(text)
    }
    problems.push(`--${flag} is "${text}": allowed are whole numbers from 1 to ${numberMax}`)
    return undefined
  }
  const flags = {
    seed: number('seed', values.seed),
    seeds: number('seeds', values.seeds) ?? seedsDefault,
    from: number('from', values.from) ?? 1,
    untilBroken: values['until-broken'] === true,
    jobs: number('jobs', values.jobs) ?? availableParallelism(),
    out: values.out,
    isShare: values.share === true
  }
  if (values.seed !== undefined && values.seeds !== undefined) {
    problems.push('--seed is one run, --seeds are many: give one of them')
  }
  return problems.length > 0 ? { problems } : flags
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string' },
        from: { type: 'string' },
        'until-broken': { type: 'boolean' },
        jobs: { type: 'string' },
        out: { type: 'string' },
        share: { type: 'boolean' },
        help: { type: 'boolean' }
      }
    })
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}
