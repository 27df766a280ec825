/** `npm run rehearse -- [flags]`; `--help` explains them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { closedInTime, inFolder, runProgram, stopSignal } from '../show/program.ts'
import { openStage } from '../show/stage.ts'
import { readRehearseFlags, type RehearseFlags, usage } from './flags.ts'
import { problemsOf, type Rehearsal } from './record.ts'
import { htmlOf, markdownOf } from './report.ts'
import { resultsFile, writeRehearsal } from './results.ts'
import { rehearse } from './run.ts'
import { scoreOf } from './score.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')

const say = (text: string): void => console.log(`rehearse: ${text}`)

const run = async (
  flags: RehearseFlags,
  command: string,
  folder: string
): Promise<Rehearsal> => {
  const { seed, isFast } = flags
  const variant = flags.isKafka ? 'kafka' : 'embedded'
  say(`${variant}, seed ${seed}, in ${folder}`)
  const signal = stopSignal()
  const stage = await openStage({ projectRoot, folder, variant, seed, note: say, signal })
  try {
    const settings = { variant, seed, isPaced: !isFast } as const
    return await rehearse({ projectRoot, folder, stage, command, settings, signal, say })
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    await closedInTime(stage)
  }
}

/** Writes what was measured; the exit code. */
const judge = (flags: RehearseFlags, rehearsal: Rehearsal): number => {
  const score = scoreOf(rehearsal)
  const problems = problemsOf(rehearsal)
  const judged = { score, verdict: { isGood: problems.length === 0, problems } }
  const results = flags.results ?? join(projectRoot, resultsFile)
  writeRehearsal(results, rehearsal, judged)
  const report = flags.report ?? results.replace(/\.json$/, '.md')
  mkdirSync(dirname(report), { recursive: true })
  const text = report.endsWith('.html') ? htmlOf(rehearsal, judged) : markdownOf(rehearsal, judged)
  writeFileSync(report, text)
  for (const problem of problems) say(problem)
  say(`score ${score.points} of ${score.reachable} that can be measured, of ${score.max} in all`)
  say(`${results}, and the report ${report}`)
  return problems.length === 0 ? 0 : 1
}

await runProgram({
  name: 'rehearse',
  usage,
  readFlags: readRehearseFlags,
  run: async (flags, command) =>
    judge(flags, await inFolder('k2-rehearsal-', (folder) => run(flags, command, folder))),
  failureCode: 1
})
