/** Command line of `npm run demo`. Every wrong flag is reported, with what is allowed. */
import { randomInt } from 'node:crypto'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface DemoFlags {
  /** Without Kafka: what is killed is K2 itself, which then has the event log. */
  readonly isEmbedded: boolean
  readonly isFast: boolean
  /** Installs Java where it is missing. */
  readonly installs: boolean
  /** Keeps what was written, also of a run in which every promise held. */
  readonly keeps: boolean
  readonly seed: number
  /** Where the report goes. */
  readonly report: string
}

const seedMax = 2 ** 31
const reportDefault = join(import.meta.dirname, 'report.html')

export const usage = `usage: npm run demo [-- flags]

How K2 fails: a market floods it until it sheds, Kafka is killed in the midst of that, comes back,
and everything is recovered and healed. Then the table is held against what the exchange issued.
Takes under four minutes once everything is installed, and ends with demo/report.html.
Exit code: 0 every promise held; 1 one did not, or the run was broken off; 2 it could not begin.

  --embedded  Node alone, without Kafka: the event log is then a part of K2's own process, feeds
              and all, so that it is this whole process that is killed (SIGKILL) in the
              midst of the flood and started again. That a spool takes over from a dead log,
              and that queries go on meanwhile, is not to be seen in this variant.
  --install   install what Kafka needs and is missing (Java; as root, on Debian)
  --fast      shorter waits between the acts
  --seed N    seed of the market; printed, by default random
  --report FILE
              where the report goes (default demo/report.html); beside it, as
              demo/report-episode.json, what the page of any K2 opens and shows again
  --keep      keep the folder of the run, which else goes once every promise has held
  --help      this text`

const options = {
  embedded: { type: 'boolean' },
  install: { type: 'boolean' },
  fast: { type: 'boolean' },
  keep: { type: 'boolean' },
  help: { type: 'boolean' },
  seed: { type: 'string' },
  report: { type: 'string' }
} as const

/** The flags, what is wrong with them, or that help was asked for. */
export const readFlags = (
  args: readonly string[]
): DemoFlags | { readonly problems: readonly string[] } | 'help' => {
  const { values, tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true
  })
  const problems: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}" is no flag`)
    if (token.kind !== 'option') continue
    const known = Object.entries(options).find(([name]) => name === token.name)
    if (known === undefined) problems.push(`"${token.rawName}" is no flag`)
    else if (known[1].type === 'boolean' && token.value !== undefined)
      problems.push(`${token.rawName} takes no value`)
  }
  const { seed, report } = values
  if (report === true || report === '') problems.push('--report needs a file')
  const isSeed = typeof seed === 'string' && /^\d{1,10}$/.test(seed) && Number(seed) <= seedMax
  if (seed !== undefined && !isSeed) {
    problems.push(`--seed is "${String(seed)}": allowed are whole numbers from 0 to ${seedMax}`)
  }
  if (values.embedded === true && values.install === true)
    problems.push('--install is for Kafka; --embedded needs nothing')
  if (problems.length > 0) return { problems }
  if (values.help === true) return 'help'
  return {
    isEmbedded: values.embedded === true,
    isFast: values.fast === true,
    installs: values.install === true,
    keeps: values.keep === true,
    report: typeof report === 'string' ? resolve(report) : reportDefault,
    seed: isSeed ? Number(seed) : randomInt(1, seedMax)
  }
}
