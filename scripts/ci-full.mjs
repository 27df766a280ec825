/**
 * `npm run ci:full`: `.ci/run` with what is too long for it (all fault points of the mixed pairs,
 * all kills, a K2 with a bug under chaos), then every chaos scenario as long as it is by default.
 * The verdicts go to `chaos/results/<scenario>.json`, to be committed.
 * `--chaos-only` leaves `.ci/run` out, `--minutes M` makes the scenarios shorter. Exit code 1 when
 * anything did not pass.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from './install.mjs'
import { isRoot, runAll, runnable } from './chaos-scenarios.mjs'

const { values } = parseArgs({
  options: { 'chaos-only': { type: 'boolean' }, minutes: { type: 'string', default: '5' } }
})
const minutes = Number(values.minutes)
if (!Number.isInteger(minutes) || minutes < 1) {
  console.error(`ci:full: --minutes is "${values.minutes}": allowed are whole numbers from 1`)
  process.exit(2)
}
const runTests = () =>
  spawnSync(join(projectRoot, '.ci', 'run'), {
    cwd: projectRoot,
    stdio: 'inherit',
    env: { K2_CI_FULL: '1', K2_FAULT_POINTS: 'all', ...process.env }
  })
const tests = values['chaos-only'] ? 0 : (runTests().status ?? 1)

const results = join(projectRoot, 'chaos', 'results')
mkdirSync(results, { recursive: true })
if (!isRoot) console.log('chaos: disk-full is left out: it takes root to mount a small disk')
const failed = await runAll(
  runnable().map((name) => ({
    name,
    seed: randomInt(1, 2 ** 31),
    minutes,
    args: ['--out', join(results, `${name}.json`)]
  }))
)
process.exitCode = tests === 0 && failed === 0 ? 0 : 1
