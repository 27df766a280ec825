/**
 * `npm run ci:full`: `.ci/run` with what is too long for it (all fault points of the mixed pairs,
 * all kills, 20,000 requests of the fuzzer, a K2 with a bug under chaos), then every chaos scenario
 * as long as it is by default. The verdicts go to `chaos/results`, and what they come to, to
 * `docs/claims.md`: to be committed.
 * `--chaos-only` leaves `.ci/run` out, `--minutes M` makes the scenarios shorter, `--at-once N`
 * runs so many of them side by side. Exit code 1 when anything did not pass.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from './install.mjs'
import { isRoot, runAll, runnable } from './chaos-scenarios.mjs'

const { values } = parseArgs({
  options: {
    'chaos-only': { type: 'boolean' },
    minutes: { type: 'string', default: '5' },
    'at-once': { type: 'string', default: '1' }
  }
})
const wholeNumber = (name) => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 1) return value
  console.error(`ci:full: --${name} is "${values[name]}": allowed are whole numbers from 1`)
  return process.exit(2)
}
const minutes = wholeNumber('minutes')
const atOnce = wholeNumber('at-once')
const run = (command, args, env = {}) =>
  spawnSync(command, args, {
    cwd: projectRoot,
    stdio: 'inherit',
    env: { ...process.env, ...env }
  }).status ?? 1

const writeClaims = (args) =>
  run(process.execPath, [join('scripts', 'run.mjs'), 'chaos/claims/main.ts', ...args])

const runTests = () => {
  const reports = mkdtempSync(join(tmpdir(), 'k2-ci-'))
  const long = { K2_FAULT_POINTS: 'all', K2_FUZZ_REQUESTS: '20000' }
  const full = { K2_CI_FULL: '1', ...long, K2_CI_REPORTS: reports }
  const tests = run(join(projectRoot, '.ci', 'run'), [], full)
  const condensed = writeClaims(['--tests', reports])
  rmSync(reports, { recursive: true, force: true })
  return tests || condensed
}
const tests = values['chaos-only'] ? 0 : runTests()

/** `broker-kill` ends with its twentieth kill, which comes later where brokers start slowly. */
const killMinutesFactor = 3

const results = join(projectRoot, 'chaos', 'results')
mkdirSync(results, { recursive: true })
if (!isRoot) console.log('chaos: disk-full is left out: it takes root to mount a small disk')
const failed = await runAll(
  runnable().map((name) => ({
    name,
    seed: randomInt(1, 2 ** 31),
    minutes: name === 'broker-kill' ? minutes * killMinutesFactor : minutes,
    args: ['--out', join(results, `${name}.json`)]
  })),
  atOnce
)
const claims = writeClaims([])
process.exitCode = tests === 0 && failed === 0 && claims === 0 ? 0 : 1
