/** `npm run rehearse -- [flags]`; `--help` explains them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { ensureBuilt } from '../../scripts/build.mjs'
import { missingFor } from '../show/prerequisites.ts'
import { openStage } from '../show/stage.ts'
import { readRehearseFlags, type RehearseFlags, usage } from './flags.ts'
import { problemsOf, type Rehearsal } from './record.ts'
import { htmlOf, markdownOf } from './report.ts'
import { resultsFile, writeRehearsal } from './results.ts'
import { rehearse } from './run.ts'
import { scoreOf } from './score.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')
const closeMsMax = 20_000

const main = async (args: readonly string[]): Promise<number> => {
  const flags = readRehearseFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`rehearse: ${problem}`)
    console.error('rehearse: --help explains every flag')
    return 2
  }
  const missing = await missingFor({ program: 'rehearse', ...flags })
  for (const line of missing) console.error(`rehearse: ${line}`)
  if (missing.length > 0) return 2
  ensureBuilt()
  const given = args.length === 0 ? '' : ` -- ${args.join(' ')}`
  return judge(flags, await run(flags, `npm run rehearse${given}`))
}

const say = (text: string): void => console.log(`rehearse: ${text}`)

const run = async (flags: RehearseFlags, command: string): Promise<Rehearsal> => {
  const { seed, isFast } = flags
  const variant = flags.isKafka ? 'kafka' : 'embedded'
  const folder = mkdtempSync(join(tmpdir(), 'k2-rehearsal-'))
  say(`${variant}, seed ${seed}, in ${folder}`)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`it was ended by ${signal}`)))
  const stage = await openStage({ projectRoot, folder, variant, seed, note: say })
  try {
    const settings = { variant, seed, isPaced: !isFast } as const
    const { signal } = stop
    return await rehearse({ projectRoot, folder, stage, command, settings, signal, say })
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    await Promise.race([stage.close(), new Promise((done) => setTimeout(done, closeMsMax).unref())])
    rmSync(folder, { recursive: true, force: true })
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

const code = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`rehearse: ${error instanceof Error ? error.message : String(error)}`)
  return 1
})
// What was started ends with this process, at its exit.
process.exit(code)
