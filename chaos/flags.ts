/** Command line of `npm run chaos`. Every wrong flag is reported, with what is allowed. */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type ScenarioName, scenarios } from './scenarios.ts'

export interface ChaosFlags {
  readonly scenario: ScenarioName
  readonly seed: number
  /** Longest time of the faults; warm-up, healing and verdict come on top. */
  readonly minutes: number
  /** Strikes after which the faults end; undefined: the scenario's own. */
  readonly strikes: number | undefined
  /** Trades per second. */
  readonly rate: number
  /** Where the run writes; undefined: a new folder. */
  readonly folder: string | undefined
  /** Keeps the folder also of a run that passed. */
  readonly keep: boolean
  /** Takes the verdict as JSON. */
  readonly out: string | undefined
}

const names = Object.keys(scenarios) as ScenarioName[]
const minutesDefault = 5
const minutesMax = 600
const rateDefault = 1_000
const rateMax = 100_000

export const usage = `usage: npm run chaos -- <scenario> [flags]

Starts Kafka, a schema registry, an object store, an Iceberg catalog, an exchange and K2, lets
faults strike, heals, and holds the table against what the exchange issued.
Exit code: 0 nothing lost, doubled or wrong; 1 a fault was found; 2 the run could not be made.

${names.map((name) => `  ${name.padEnd(14)} ${scenarios[name].about}`).join('\n')}

  --seed N      moments and choices of the faults; printed, by default random
  --minutes M   longest time of the faults (default ${minutesDefault})
  --strikes N   faults after which it is over (default: as the scenario says)
  --rate N      trades per second of the exchange (default ${rateDefault})
  --folder DIR  where everything is written; it must not exist (default: a new temporary folder)
  --keep        keep the folder also when all was well
  --out FILE    write the verdict as JSON
  --help        this text`

/** What lets the same faults strike again, wherever the verdict goes. */
export const commandOf = ({ scenario, seed, minutes, rate, strikes }: ChaosFlags): string =>
  [
    `npm run chaos -- ${scenario} --seed ${seed} --minutes ${minutes} --rate ${rate}`,
    ...(strikes === undefined ? [] : [`--strikes ${strikes}`])
  ].join(' ')

/** The flags, what is wrong with them, or that help was asked for. */
export const readFlags = (
  args: readonly string[]
): ChaosFlags | { readonly problems: readonly string[] } | 'help' => {
  const problems: string[] = []
  const parsed = parse(args)
  if ('problem' in parsed) return { problems: [parsed.problem] }
  const { values, positionals } = parsed
  if (values.help === true) return 'help'
  const number = (flag: string, text: string | undefined, max: number) => {
    if (text === undefined) return undefined
    if (/^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= max) return Number(text)
    problems.push(`--${flag} is "${text}": allowed are whole numbers from 1 to ${max}`)
    return undefined
  }
  const [name] = positionals
  const scenario = names.find((known) => known === name)
  if (scenario === undefined || positionals.length > 1) {
    const given = positionals.length === 0 ? 'no scenario is named' : `"${positionals.join(' ')}"`
    problems.push(`${given}: name one of ${names.join(', ')}`)
  }
  const flags = {
    scenario: scenario ?? 'everything',
    seed: number('seed', values.seed, 2 ** 31) ?? randomInt(1, 2 ** 31),
    minutes: number('minutes', values.minutes, minutesMax) ?? minutesDefault,
    strikes: number('strikes', values.strikes, 10_000),
    rate: number('rate', values.rate, rateMax) ?? rateDefault,
    folder: values.folder,
    keep: values.keep === true,
    out: values.out
  }
  return problems.length > 0 ? { problems } : flags
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string' },
        strikes: { type: 'string' },
        rate: { type: 'string' },
        folder: { type: 'string' },
        keep: { type: 'boolean' },
        out: { type: 'string' },
        help: { type: 'boolean' }
      }
    })
  } catch (error) {
    // What follows of an unknown flag is how to write a word that looks like one: there is none.
    const [problem = ''] = (error as Error).message.split('. To specify')
    return { problem }
  }
}
