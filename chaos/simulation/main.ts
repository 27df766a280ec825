/** `npm run simulation -- [flags]`; `--help` explains them. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { unreachedIn } from './coverage.ts'
import { readFlags, type SimulationFlags, usage } from './flags.ts'
import { runSeeds, runShare, type Totals } from './seeds.ts'
import { World } from './world.ts'

// Failures are frequent here, and nobody reads where they were made.
Error.stackTraceLimit = 0

const main = async (args: readonly string[]): Promise<number> => {
  const flags = readFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`simulation: ${problem}`)
    console.error('simulation: --help explains every flag')
    return 2
  }
  if (flags.seed !== undefined) {
    const world = new World(flags.seed, { write: (line) => console.log(line) })
    const { broken } = await world.run()
    return broken === undefined ? 0 : 1
  }
  if (flags.isShare) {
    process.send?.(await runShare(flags))
    return 0
  }
  return runMany(flags)
}

/** The exit code: 0 where every promise was kept and everything that must be reached was. */
const runMany = async (flags: SimulationFlags): Promise<number> => {
  const startedMs = performance.now()
  const at = new Date().toISOString()
  const totals = await runSeeds(flags, flags.jobs)
  const { runs, trades, steps, broken, shown, reached } = totals
  for (const line of shown) console.log(line)
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  console.log(`${runs} runs in ${seconds} s: ${trades} trades, ${steps} events, ${broken} broken`)
  if (flags.out !== undefined) writeTotals(flags.out, { at, from: flags.from, totals })
  if (flags.untilBroken) return broken > 0 ? 1 : 0
  const unreached = unreachedIn(reached)
  for (const what of unreached) console.log(`never reached: ${what}`)
  return broken > 0 || unreached.length > 0 ? 1 : 0
}

interface Written {
  readonly at: string
  readonly from: number
  readonly totals: Totals
}

const writeTotals = (file: string, { at, from, totals }: Written): void => {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
  const { shown: _shown, ...counted } = totals
  writeFileSync(file, `${JSON.stringify({ commit, at, from, ...counted }, null, 2)}\n`)
}

process.exitCode = await main(process.argv.slice(2))
