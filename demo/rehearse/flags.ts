/** Command line of `npm run rehearse`. */
import { resolve } from 'node:path'
import { readFlagsOf, seedOf } from '../show/read-flags.ts'

export interface RehearseFlags {
  readonly isFast: boolean
  readonly isKafka: boolean
  readonly installs: boolean
  readonly seed: number
  /** Undefined: beside the results, as HTML and as Markdown. */
  readonly report: string | undefined
  readonly results: string | undefined
}

export const usage = `usage: npm run rehearse [-- flags]

The dress rehearsal: the seven sections of the demonstration, executed for real against their time
budgets (twelve minutes in all, with the time to read the talking points out); then what can go
wrong on stage, K2 killed, its feed cut, its page unreachable, each timed from the fault until the
backup of the section was served and verified; then a score on a rubric of a hundred points, with
the evidence of each. Points are for what was measured; what only people can do has none.
Writes demo/results/rehearsal.json, and a report beside it.
Exit code: 0 every section was shown within its budget, and every switch took under 30 s;
1 not so, or it was broken off; 2 it could not begin.

  --fast         does not read out: about two minutes; the twelve are then not scored
  --kafka        with Kafka, natively, instead of the embedded log
  --install      install what Kafka needs and is missing (Java; as root, on Debian)
  --seed N       seed of the market; by default random
  --report FILE  where the report goes: .html, or .md (default demo/results/rehearsal.md)
  --out FILE     where the results go (default demo/results/rehearsal.json)
  --help         this text`

const types = {
  fast: 'boolean', kafka: 'boolean', install: 'boolean', help: 'boolean', seed: 'string',
  report: 'string', out: 'string'
} as const


export const readRehearseFlags = (
  args: readonly string[]
): RehearseFlags | { readonly problems: readonly string[] } | 'help' => {
  const flags = readFlagsOf(args, types)
  if (flags.has('help')) return 'help'
  const problems = [...flags.problems]
  const seed = seedOf(flags, problems)
  const [report, out] = [flags.text('report'), flags.text('out')]
  if (report !== undefined && !/\.(?:html|md)$/.test(report))
    problems.push(`--report is "${report}": it must end in .html or .md`)
  if (out !== undefined && !out.endsWith('.json'))
    problems.push(`--out is "${out}": it must end in .json`)
  if (flags.has('install') && !flags.has('kafka'))
    problems.push('--install is for --kafka; the embedded log needs nothing')
  if (problems.length > 0) return { problems }
  return {
    isFast: flags.has('fast'),
    isKafka: flags.has('kafka'),
    installs: flags.has('install'),
    seed,
    report: report === undefined ? undefined : resolve(report),
    results: out === undefined ? undefined : resolve(out)
  }
}
