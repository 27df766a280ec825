/**
 * `node scripts/chaos-ci.mjs [--commit C] [--results DIR]`: the chaos that every change must
 * survive: three kills of the broker, and a minute each of two other scenarios, which the commit's
 * hash chooses, as it does the seeds. Exit code 1 when one of them did not pass; its folder is kept
 * and named. The verdicts go to `DIR/<scenario>.json` where that is asked for.
 */
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from './install.mjs'
import { chosenFor, isRoot, runAll, runnable, seedOf } from './chaos-scenarios.mjs'

const { values } = parseArgs({
  options: { commit: { type: 'string' }, results: { type: 'string' } }
})
const commit =
  values.commit ??
  execFileSync('git', ['rev-parse', 'HEAD'], { cwd: projectRoot, encoding: 'utf8' }).trim()
if (!isRoot) console.log('chaos: disk-full is left out: it takes root to mount a small disk')
/** Most of a scenario is waiting, for a broker to come back or for what is to be healed. */
const atOnce = 2
const runs = chosenFor(commit, runnable()).map((name) => ({
  name,
  seed: seedOf(commit, name),
  // Three kills take longer on a machine that starts a broker slowly.
  minutes: name === 'broker-kill' ? 3 : 1,
  args: [
    ...(name === 'broker-kill' ? ['--strikes', '3'] : []),
    ...(values.results === undefined ? [] : ['--out', resolve(values.results, `${name}.json`)])
  ]
}))
for (const { name, seed } of runs) console.log(`chaos: ${commit} chose ${name}, seed ${seed}`)
process.exitCode = (await runAll(runs, atOnce)) === 0 ? 0 : 1
