/** Drills name alerts that there are; what a command shows is looked for until it is there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { drillRunbook } from '../../chaos/drill.ts'
import { type Fault, faults } from '../../chaos/faults.ts'
import { readRunbook } from '../../chaos/runbook.ts'

const drills = Object.values(faults).flatMap(({ drill }: Fault) => drill ?? [])

test('every drill is of an alert of the runbook', () => {
  const sections = readRunbook(fileURLToPath(new URL('../..', import.meta.url)))
  const alerts = new Set(sections.map(({ alert }) => alert))
  expect(drills.length).toBeGreaterThan(4)
  expect(drills.filter(({ alert }) => !alerts.has(alert))).toEqual([])
})

const runbookOf = (command: string): string => {
  const projectRoot = mkdtempSync(join(tmpdir(), 'k2-drill-'))
  onTestFinished(() => rmSync(projectRoot, { recursive: true }))
  mkdirSync(join(projectRoot, 'docs'))
  const look = `**First look.** So:\n\`\`\`sh\n${command}\n\`\`\`\n`
  writeFileSync(join(projectRoot, 'docs', 'runbook.md'), `# All\n\n## A\n${look}`)
  return projectRoot
}

test('a command is run as written, with the settings of that K2, until it shows it', async () => {
  const projectRoot = runbookOf('echo "$K2_HTTP_PORT" >> looks; cat looks; exit 1')
  const drill = { alert: 'A', on: 'ingest', shows: /^7\n7\n$/ } as const
  expect(await drillRunbook(drill, { projectRoot, env: { K2_HTTP_PORT: '7' } })).toBeUndefined()
})

test("of the caller's own settings it sees none", async () => {
  vi.stubEnv('K2_TESTS', 'short')
  onTestFinished(() => void vi.unstubAllEnvs())
  const drill = { alert: 'A', on: 'ingest', shows: /^K2_HTTP_PORT=7\n$/ } as const
  const projectRoot = runbookOf('env | grep ^K2_')
  expect(await drillRunbook(drill, { projectRoot, env: { K2_HTTP_PORT: '7' } })).toBeUndefined()
})

test('an alert without a section is told', async () => {
  const drill = { alert: 'B', on: 'ingest', shows: /x/ } as const
  const told = await drillRunbook(drill, { projectRoot: runbookOf('true'), env: {} })
  expect(told).toBe('the runbook has no first look for B')
})
