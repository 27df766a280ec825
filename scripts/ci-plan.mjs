/**
 * `node scripts/ci-plan.mjs --seconds S`: test files that `.ci/run` leaves out for this commit, a
 * line each; what it runs, and how long that should take, goes to the error output.
 * `node scripts/ci-plan.mjs --learn report.json [--workers N]`: takes the durations of a run of CI
 * from vitest's JSON report into `.ci/durations.json`, to be committed.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from './install.mjs'
import { learned, planFor } from './test-plan.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    commit: { type: 'string' },
    learn: { type: 'string' },
    workers: { type: 'string', default: '2' }
  }
})
const file = join(projectRoot, '.ci', 'durations.json')
const durations = JSON.parse(readFileSync(file, 'utf8'))

const wholeNumber = (name) => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 1) return value
  console.error(`ci-plan: --${name} is "${values[name]}": allowed are whole numbers from 1`)
  return process.exit(2)
}

const learn = () => {
  const report = JSON.parse(readFileSync(values.learn, 'utf8'))
  const workers = wholeNumber('workers')
  const after = learned({ report, before: durations, workers })
  writeFileSync(file, `${JSON.stringify(after, undefined, 2)}\n`)
}

const plan = () => {
  const budgetSeconds = wholeNumber('seconds')
  const commit =
    values.commit ??
    execFileSync('git', ['rev-parse', 'HEAD'], { cwd: projectRoot, encoding: 'utf8' }).trim()
  const files = readdirSync(join(projectRoot, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
  const { left, expectedSeconds } = planFor({ commit, files, durations, budgetSeconds })
  for (const name of left) console.log(name)
  console.error(
    `ci-plan: ${files.length - left.length} of ${files.length} test files, some ` +
      `${expectedSeconds} s; ${left.length} long ones have their turn at other commits, and in ` +
      'npm run ci:full'
  )
}

if (values.learn === undefined) plan()
else learn()
