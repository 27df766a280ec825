/**
 * `npm run claims [-- --tests DIR]`: writes `docs/claims.md` from `chaos/results`. With `--tests`,
 * the reports of vitest in DIR become `chaos/results/tests.json` first.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { claims } from './claims.ts'
import { evidenceFiles, readEvidence, testEvidence, type TestReport } from './evidence.ts'

const root = resolve(import.meta.dirname, '..', '..')
const results = join(root, 'chaos', 'results')

const condenseTests = (folder: string): void => {
  const reports = readdirSync(folder)
    .filter((name) => name.endsWith('.json') && !name.endsWith('.hooks.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as TestReport)
  if (reports.length === 0) throw new Error(`--tests: ${folder} holds no report of vitest`)
  const git = ['rev-parse', 'HEAD']
  const commit = execFileSync('git', git, { cwd: root, encoding: 'utf8' }).trim()
  const condensed = testEvidence(reports, { commit })
  writeFileSync(join(results, evidenceFiles.tests), `${JSON.stringify(condensed, null, 2)}\n`)
}

try {
  const { values } = parseArgs({ options: { tests: { type: 'string' } } })
  if (values.tests !== undefined) condenseTests(values.tests)
  const file = join(root, 'docs', 'claims.md')
  writeFileSync(file, claims(readEvidence(results)))
  console.log(`claims: ${file}`)
} catch (error) {
  console.error(`claims: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}
