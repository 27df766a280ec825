/**
 * `node scripts/summary.mjs <folder>`: adds up vitest's JSON reports and what `hook-failures.mjs`
 * has noted, names what failed with its reason once more (the reports are long), and prints
 * `N passed, N failed`. Exit 1 when a test or a hook failed, none ran, or one was skipped in every
 * report, unless K2_REQUIRE_RECORDINGS=0 allows it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testedFile } from './tested-file.mjs'

const [folder] = process.argv.slice(2)
const counts = { passed: 0, failed: 0 }
/** A test that one report skips must have run in another. */
const skippedOnce = new Set()
const ran = new Set()
const reasonMax = 3_000
for (const name of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  if (name.endsWith('.hooks.json')) {
    for (const { file, suite, reason } of report) {
      counts.failed += 1
      console.log(`failed hook (${name}): ${file}: ${suite}\n${reason.slice(0, reasonMax)}\n`)
    }
    continue
  }
  for (const { name: file, status, message, assertionResults } of report.testResults) {
    // A file that could not be loaded has no tests of its own.
    if (status === 'failed' && assertionResults.length === 0) {
      counts.failed += 1
      console.log(`failed to load: ${file}: ${message}`)
    }
    for (const { status: outcome, fullName, failureMessages } of assertionResults) {
      const test = `${testedFile(file)}: ${fullName}`
      if (outcome === 'passed' || outcome === 'failed') ran.add(test)
      else skippedOnce.add(test)
      if (outcome === 'passed') counts.passed += 1
      if (outcome === 'failed') {
        counts.failed += 1
        const reason = failureMessages.join('\n').slice(0, reasonMax)
        console.log(`failed (${name}): ${file}: ${fullName}\n${reason}\n`)
      }
    }
  }
}
const skipped = [...skippedOnce].filter((test) => !ran.has(test))
const maySkip = process.env.K2_REQUIRE_RECORDINGS === '0'
const verdict = maySkip ? 'skipped' : 'skipped, which is not allowed'
for (const name of skipped) console.log(`${verdict}: ${name}`)
const failed = counts.failed + (maySkip ? 0 : skipped.length)
const left = maySkip ? `, ${skipped.length} skipped` : ''
console.log(`${counts.passed} passed, ${failed} failed${left}`)
process.exitCode = counts.passed === 0 || failed > 0 ? 1 : 0
