/** `npm run simulate -- <fault> [flags]`; `--help` explains them. */
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { StackProblem } from '../deploy/local/stack-problem.ts'
import { changesSince, factsOf } from './simulate-facts.ts'
import { faults } from './simulate-faults.ts'
import { readSimulateFlags, type SimulateFlags, usage } from './simulate-flags.ts'
import { CannotBeDone, findK2, type Looked, type RunningK2 } from './simulate-k2.ts'

const projectRoot = resolve(import.meta.dirname, '..')
/** Rates are of so long. */
const rateMs = 2_000

const main = async (args: readonly string[]): Promise<number> => {
  const flags = readSimulateFlags(args, process.env, projectRoot)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`simulate: ${problem}`)
    console.error('simulate: --help explains every flag')
    return 2
  }
  try {
    return await simulate(flags)
  } catch (error) {
    if (!(error instanceof CannotBeDone) && !(error instanceof StackProblem)) throw error
    console.error(`simulate: ${error.message}`)
    return 2
  }
}

const simulate = async (flags: SimulateFlags): Promise<number> => {
  const k2 = await findK2(flags)
  const { sample: before } = await show(k2, flags.fault === undefined ? 'now' : 'before')
  if (flags.fault === undefined) return 0
  console.log(`\n${flags.fault}`)
  const say = (text: string) => console.log(`  ${text}`)
  const problem = await faults[flags.fault]({ k2, flags, before, say })
  console.log('')
  const after = await show(k2, 'after')
  const changes = changesSince(before.atMs, after.transitions)
  console.log('\nchanges of the level')
  for (const change of changes.length === 0 ? ['none'] : changes) console.log(`  ${change}`)
  if (flags.showsStatus) {
    console.log('')
    await show(k2, 'now')
  }
  if (problem === undefined) return 0
  console.error(`\nsimulate: ${problem}`)
  return 1
}

const show = async (k2: RunningK2, title: string): Promise<Looked> => {
  const first = await k2.look()
  await delay(rateMs)
  const looked = await k2.look()
  console.log(title)
  for (const line of factsOf(first.sample, looked.sample)) console.log(`  ${line}`)
  return looked
}

process.exitCode = await main(process.argv.slice(2))
