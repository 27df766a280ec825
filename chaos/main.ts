/** `npm run chaos -- <scenario> [flags]`; `--help` explains them. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describeEnvironment } from '../bench/environment.ts'
import { ensureBuilt } from '../scripts/build.mjs'
import { type ChaosFlags, commandOf, readFlags, usage } from './flags.ts'
import { judgeLab, linesOf, oraclePython } from './judge.ts'
import { openLab } from './lab.ts'
import { runFaults, type RunReport } from './run.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { Timeline } from './timeline.ts'

const projectRoot = resolve(import.meta.dirname, '..')

const main = async (args: readonly string[]): Promise<number> => {
  const flags = readFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`chaos: ${problem}`)
    console.error('chaos: --help explains every flag')
    return 2
  }
  ensureBuilt()
  oraclePython() // installed before anything runs
  const folder = newFolder(flags)
  console.log(`chaos: ${flags.scenario}, seed ${flags.seed}, in ${folder}`)
  const passed = await runScenario(flags, folder)
  if (passed && !flags.keep) rmSync(folder, { recursive: true, force: true })
  else console.log(`chaos: everything that was written is kept in ${folder}`)
  return passed ? 0 : 1
}

const newFolder = ({ folder, scenario }: ChaosFlags): string => {
  if (folder === undefined) return mkdtempSync(join(tmpdir(), `k2-chaos-${scenario}-`))
  mkdirSync(folder) // one that exists is not to be mixed with
  return resolve(folder)
}

const runScenario = async (flags: ChaosFlags, folder: string): Promise<boolean> => {
  const scenario: Scenario = scenarios[flags.scenario]
  const timeline = new Timeline(join(folder, 'timeline.ndjson'), (line) => console.log(line))
  const startedMs = Date.now()
  const environment = await describeEnvironment(folder)
  const lab = await openLab({
    projectRoot,
    folder,
    seed: flags.seed,
    rate: flags.rate,
    landers: scenario.landers,
    diskBytes: scenario.diskBytes,
    timeline
  })
  try {
    const report = await runFaults(lab, scenario, flags, timeline)
    const verdict = await judgeLab(lab, report.whole)
    const passed = verdict.ok && report.problems.length === 0
    const made = { environment, command: commandOf(flags) }
    const summary = { ...made, ...summaryOf(flags, report, startedMs), verdict, passed }
    if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(summary, null, 2)}\n`)
    writeFileSync(join(folder, 'verdict.json'), `${JSON.stringify(summary, null, 2)}\n`)
    for (const line of [...report.problems, ...linesOf(verdict)]) console.log(`chaos: ${line}`)
    console.log(`chaos: ${flags.scenario}, seed ${flags.seed}: ${passed ? 'passed' : 'FAILED'}`)
    return passed
  } finally {
    await lab.close()
  }
}

const summaryOf = (flags: ChaosFlags, report: RunReport, startedMs: number) => ({
  scenario: flags.scenario,
  seed: flags.seed,
  minutes: flags.minutes,
  rate: flags.rate,
  commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: projectRoot, encoding: 'utf8' }).trim(),
  at: new Date(startedMs).toISOString(),
  seconds: Math.round((Date.now() - startedMs) / 1_000),
  ...report
})

// What was started ends with this process, at its exit: a signal alone would not let it. Nor would
// a second one, which comes with Ctrl-C: the terminal's, and the one that the launcher passes on.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`chaos: the run could not be made: ${String(error)}`)
  return 2
})
