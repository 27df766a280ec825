/** `k2 checklist`: what passes, what is open, and what is said in the end. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CheckLine, line } from '../../src/cli/check/check-report.ts'
import {
  checklist,
  type ChecklistSection,
  type ExecutedItem
} from '../../src/cli/checklist/checklist-items.ts'
import { checklistPage } from '../../src/cli/checklist/checklist-page.ts'
import { pressureDrill } from '../../src/cli/checklist/pressure-drill.ts'
import { type Reply, walkChecklist, type Walker } from '../../src/cli/checklist/walk-checklist.ts'
import { readText } from '../deploy/deploy-files.ts'
import { k2 } from '../support/k2-command.ts'

const nobody: Walker = {
  ask: undefined,
  drill: undefined,
  section: () => undefined,
  item: () => undefined
}

const item = (isStrict: boolean): ExecutedItem => ({
  kind: 'executed',
  text: 'x',
  command: 'npm run k2 -- check',
  isStrict,
  holds: ({ group }) => group === 'feeds'
})
const sections = (isStrict = false): readonly ChecklistSection[] => [
  { title: 's', items: [item(isStrict)] }
]

const ok = line('feeds', 'a', { figure: '1' })
const warning = line('feeds', 'b', { figure: '2', remedy: 'do' })
const failed = line('feeds', 'c', { figure: '3', remedy: 'do', isFailure: true })
const absent: CheckLine = { group: 'feeds', name: 'd', state: 'not_configured', figure: 'none' }
const other = line('tables', 'e', { figure: '4', remedy: 'do', isFailure: true })

describe('an executed item', () => {
  test.each([
    [[ok, other], false, 'passed', 'go'],
    [[ok, absent], false, 'passed', 'go'],
    [[ok, warning], false, 'attention', 'go'],
    [[ok, warning], true, 'failed', 'no-go'],
    [[ok, failed], false, 'failed', 'no-go'],
    [[absent], false, 'open', 'open'],
    [[other], false, 'open', 'open'],
    [[], false, 'open', 'open']
  ])('with %j, strict %s, is %s', async (lines, isStrict, state, verdict) => {
    const outcome = await walkChecklist(lines, nobody, sections(isStrict))
    expect([outcome.items[0]?.state, outcome.verdict]).toEqual([state, verdict])
  })
})

test('go is said only where nothing failed and nothing is open', async () => {
  const replies = fc.array(fc.constantFrom<Reply>('yes', 'no', 'skip'), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(replies, fc.constantFrom(ok, failed, absent), async (given, found) => {
      const rest = [...given]
      const asked = given.map((_, index) => ({ kind: 'asked' as const, text: String(index) }))
      const outcome = await walkChecklist(
        [found],
        { ...nobody, ask: async () => rest.shift()! },
        [{ title: 's', items: [...asked, item(false)] }]
      )
      const isWrong = given.includes('no') || found.state === 'failed'
      const isOpen = given.includes('skip') || found.state === 'not_configured'
      expect(outcome.verdict).toBe(isWrong ? 'no-go' : isOpen ? 'open' : 'go')
      expect(outcome.reasons.length > 0).toBe(isWrong || isOpen)
    })
  )
})

test('where nobody can be asked, all that is asked is open', async () => {
  const { items, verdict } = await walkChecklist([], nobody)
  expect(verdict).toBe('open')
  const askedFor = items.filter(({ kind }) => kind === 'asked')
  expect(askedFor.length).toBeGreaterThan(25)
  expect(new Set(askedFor.map(({ state }) => state))).toEqual(new Set(['open']))
})

test('the printed page is current, and has every item once', () => {
  const page = readText('docs/demo-day-checklist.md')
  expect(page, 'npm run k2 -- checklist --print').toBe(checklistPage())
  const texts = checklist.flatMap(({ items }) => items.map(({ text }) => text))
  expect(new Set(texts).size).toBe(texts.length)
  expect(page.match(/^- \[ \] /gm)).toHaveLength(texts.length + 3)
})

test('no figure is typed by hand', () => {
  const texts = checklist.flatMap(({ items }) => items.map(({ text }) => text))
  // Of K2's own name, and of the name of what is presented.
  expect(texts.filter((text) => /\d/.test(text.replaceAll(/K2|k2/g, '')))).toEqual([])
})

describe('the drill', () => {
  const answering = (levels: readonly string[], status = 200) => {
    const rest = [...levels]
    const seen: string[] = []
    const ask = async (path: string) => {
      seen.push(path)
      const isPressure = path.endsWith('pressure')
      const level = rest.length > 1 && !isPressure ? rest.shift()! : rest[0]!
      const text = JSON.stringify({ data: { level } })
      return { status: isPressure ? status : 200, text, headers: new Headers(), ms: 1 }
    }
    return { ask, seen }
  }

  test('rises and comes back', async () => {
    const { ask, seen } = answering(['normal', 'normal', 'soft', 'soft', 'normal'])
    const found = await pressureDrill({ ask })
    expect(found).toMatchObject({ state: 'ok' })
    expect(found.values?.['returnSeconds']).toBeGreaterThan(found.values!['riseSeconds']!)
    expect(seen.filter((it) => it.endsWith('pressure'))).toHaveLength(1)
  })

  test.each([
    [['soft'], 200, /the level is soft before/],
    [['normal'], 403, /pressure cannot be injected/]
  ])('with levels %j and %s it fails', async (levels, status, figure) => {
    const found = await pressureDrill({ ask: answering(levels, status).ask })
    expect(found.state).toBe('failed')
    expect(found.figure).toMatch(figure)
  })
})

test('without a K2 it says how to start one', async () => {
  const { code, complaints } = await k2('checklist', '--url', 'http://127.0.0.1:1')
  expect(code).toBe(2)
  expect(complaints).toContain('no K2 answers at http://127.0.0.1:1: npm start')
})
