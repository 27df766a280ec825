/**
 * Every alert has a severity, words, a section of the runbook with one command, and unit tests in
 * which Prometheus' own checker sees it fire and not fire.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, type TestContext } from 'vitest'
import { readRunbook } from '../../chaos/runbook.ts'
import { promtool } from '../support/promtool.ts'
import { alerts, ruleFiles, testedIn } from './alert-files.ts'

const projectRoot = fileURLToPath(new URL('../..', import.meta.url))
const prometheus = join(projectRoot, 'deploy', 'prometheus')
const sections = readRunbook(projectRoot)

describe.each(alerts)('$alert', ({ alert, file, labels, annotations }) => {
  test('has a severity, says what is the matter, and names its section', () => {
    expect(['critical', 'warning', 'info']).toContain(labels?.['severity'])
    expect(Object.keys(annotations ?? {})).toEqual(['summary', 'runbook_url'])
    expect(annotations?.['summary']).toMatch(/\S/)
    expect(annotations?.['runbook_url']).toBe(`docs/runbook.md#${alert.toLowerCase()}`)
  })

  test('has a section with its meaning, one command, an action and an end', () => {
    const found = sections.filter((it) => it.alert === alert)
    expect(found).toHaveLength(1)
    const [section] = found
    for (const part of ['Meaning.', 'First look.', 'Action.', 'Escalate']) {
      expect(section?.text).toContain(`**${part}**`)
    }
    expect(section?.firstLook).toHaveLength(1)
  })

  test('is seen to fire, and not to fire', () => {
    expect(testedIn(file, alert)).toEqual({ fires: true, isQuiet: true })
  })
})

test('the runbook has no section without an alert, and no link without a section', () => {
  const names = alerts.map(({ alert }) => alert)
  expect(sections.map(({ alert }) => alert).toSorted()).toEqual(names.toSorted())
  const links = sections.flatMap(({ text }) =>
    [...text.matchAll(/\[(K2\w+)\]\(#(\w+)\)/g)].map(([, name, anchor]) => [name, anchor])
  )
  for (const [name, anchor] of links) expect([names, anchor]).toEqual([names, name?.toLowerCase()])
  expect(links.filter(([name = '']) => !names.includes(name))).toEqual([])
})

const programOf = (context: TestContext) => {
  const found = promtool()
  return 'missing' in found ? context.skip(found.missing) : found.run
}

const tested = ruleFiles.filter((file) => file !== 'recording.yml')

test.for(tested)('Prometheus sees every alert of %s as its unit tests say', (file, context) => {
  const run = programOf(context)
  const ran = run('test', 'rules', join(prometheus, 'tests', file))
  expect(ran).toMatchObject({ code: 0 })
})
