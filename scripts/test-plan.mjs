/**
 * Which test files a commit's check runs, so that it ends within its budget: all short ones, those
 * at the core of what K2 promises, and of the other long ones as many as fit, in an order that the
 * commit's hash gives. Over many commits each of them has its turn; `npm run ci:full` runs all.
 *
 * A file's seconds are those of a run of CI (`.ci/durations.json`), where two files run at a time.
 */
import { seedOf } from './chaos-scenarios.mjs'
import { testedFile } from './tested-file.mjs'

/** Files that take less are never left out, nor is one that was not measured yet. */
export const longSeconds = 10

/** Never left out: a whole K2, and one on real services, that is killed, struck and drained. */
export const core = [
  'test/actors/runtime.test.ts',
  'test/adapters/log/kafka/kafka-faults.test.ts',
  'test/e2e/fault-points.test.ts',
  'test/e2e/kill.test.ts',
  'test/e2e/services.test.ts',
  'test/e2e/start-stop.test.ts'
]

/**
 * @param files all that there are, from the project's root
 * @param durations `seconds` by file, of long ones; `otherSeconds` for any other, loading included;
 * `workers` files at a time
 */
export const planFor = ({ commit, files, durations, budgetSeconds }) => {
  const { seconds, otherSeconds, workers } = durations
  const secondsOf = (file) => seconds[file] ?? otherSeconds
  const isAlways = (file) => core.includes(file) || secondsOf(file) < longSeconds
  const always = files.filter(isAlways)
  let expected = always.reduce((sum, file) => sum + secondsOf(file), 0) / workers
  const turns = files
    .filter((file) => !isAlways(file))
    .toSorted((one, other) => seedOf(commit, one) - seedOf(commit, other))
  const left = []
  for (const file of turns) {
    const after = expected + secondsOf(file) / workers
    if (after > budgetSeconds) left.push(file)
    else expected = after
  }
  return { left, expectedSeconds: Math.round(expected) }
}

/**
 * Durations of what vitest's report (`--reporter=json`) tells of; what it does not tell of is as it
 * was. What no file accounts for, loading and starting, is shared by all of them.
 */
export const learned = ({ report, before, workers }) => {
  const told = report.testResults.map(({ name, startTime, endTime }) => [
    testedFile(name),
    (endTime - startTime) / 1_000
  ])
  const tests = told.reduce((sum, [, took]) => sum + took, 0)
  const endMs = Math.max(...report.testResults.map(({ endTime }) => endTime))
  const wall = ((endMs - report.startTime) / 1_000) * workers
  const around = Math.max(0, wall - tests) / told.length
  const short = told.filter(([, took]) => took + around < longSeconds)
  const otherSeconds = around + short.reduce((sum, [, took]) => sum + took, 0) / short.length
  const seconds = { ...before.seconds }
  for (const [file, took] of told) {
    if (took + around < longSeconds) delete seconds[file]
    else seconds[file] = Math.round(took + around)
  }
  const names = Object.keys(seconds).sort()
  return {
    workers,
    otherSeconds: Math.round(otherSeconds * 10) / 10,
    seconds: Object.fromEntries(names.map((name) => [name, seconds[name]]))
  }
}
