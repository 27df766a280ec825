/** `npm run simulation -- [flags]`; `--help` explains them. */
import { readFlags, usage } from './flags.ts'
import { runSeeds } from './seeds.ts'
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
  return runSeeds(flags, (line) => console.log(line))
}

process.exitCode = await main(process.argv.slice(2))
