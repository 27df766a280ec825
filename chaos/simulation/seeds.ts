/** Many runs, and what they have reached together. */
import { Coverage } from './coverage.ts'
import type { SimulationFlags } from './flags.ts'
import { World } from './world.ts'

const shownMax = 10

/** The exit code: 0 where every promise was kept and everything that must be reached was. */
export const runSeeds = async (
  { seeds, from, untilBroken }: Omit<SimulationFlags, 'seed'>,
  write: (line: string) => void
): Promise<number> => {
  const coverage = new Coverage()
  const startedMs = performance.now()
  let broken = 0
  let runs = 0
  let steps = 0
  let trades = 0
  for (let seed = from; seed < from + seeds; seed += 1) {
    const world = new World(seed, {})
    const report = await world.run()
    runs += 1
    steps += report.steps
    trades += report.issued
    coverage.add(world.environment.coverage)
    if (report.broken === undefined) continue
    broken += 1
    if (broken <= shownMax) write(`seed ${seed}: ${report.broken}`)
    if (untilBroken) break
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  write(`${runs} runs in ${seconds} s: ${trades} trades, ${steps} events, ${broken} broken`)
  if (untilBroken) return broken > 0 ? 1 : 0
  const { unreached } = coverage
  for (const what of unreached) write(`never reached: ${what}`)
  return broken > 0 || unreached.length > 0 ? 1 : 0
}
