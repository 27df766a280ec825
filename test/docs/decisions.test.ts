/**
 * Each decision is recorded whole: its sections, alternatives with reasons, links that lead
 * somewhere, and evidence whose commands name scripts, tests and figures that there are.
 */
import { existsSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { figureIds } from '../../bench/flags.ts'
import { scenarioNames } from '../../scripts/chaos-scenarios.mjs'
import { commandOf } from '../../src/cli/commands.ts'
import { programs } from '../../src/cli/programs.ts'
import { filesUnder, readText } from '../support/source-tree.ts'

const folder = 'docs/decisions'
const linesMax = 60
const sections = [
  'Context',
  'Decision',
  'Alternatives',
  'Trade-off',
  'Evidence',
  'Reconsider when'
]

const records = filesUnder(folder, ['.md']).filter((path) => !path.endsWith('/README.md'))
const { scripts } = JSON.parse(readText('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>
}

const titleOf = (text: string): string => /^# (.+)$/m.exec(text)?.[1] ?? ''
const statusOf = (text: string) => /^Status: (.+?)\. Date: (\d{4}-\d{2}-\d{2})\.$/m.exec(text)

const sectionOf = (text: string, name: string): string => {
  const [, after = ''] = text.split(`\n## ${name}\n`)
  return after.split('\n## ')[0]!.trim()
}

const alternativesOf = (text: string): readonly (readonly string[])[] =>
  sectionOf(text, 'Alternatives')
    .split('\n')
    .slice(2)
    .map((row) => row.split('|').map((cell) => cell.trim()).slice(1, -1))

/** Commands of the evidence: spans of code that begin with a program. */
const commandsOf = (text: string): readonly string[] =>
  [...sectionOf(text, 'Evidence').matchAll(/`((?:npm|node) [^`]+)`/g)].map(([, it]) => it!)

/** What a command names that there is not. */
const faultsOf = (command: string): readonly string[] => {
  const [program, ...words] = command.split(' ')
  if (program === 'node') return existsSync(words[0]!) ? [] : [`there is no ${words[0]}`]
  const [script = '', ...rest] = words[0] === 'run' ? words.slice(1) : words
  if (scripts[script] === undefined) return [`there is no script ${script}`]
  const args = rest.filter((word) => word !== '--')
  const missing = args.filter((it) => it.endsWith('.ts') && !existsSync(it))
  const only = args[args.indexOf('--only') + 1]
  const ids = script === 'bench' && args.includes('--only') ? only!.split(',') : []
  const figures: readonly string[] = figureIds
  const isScenario = script !== 'chaos' || scenarioNames.includes(args[0]!)
  const isProgram = programs.some(({ name }) => name === args[0])
  const isCommand = script !== 'k2' || isProgram || commandOf(args) !== undefined
  return [
    ...missing.map((path) => `there is no ${path}`),
    ...ids.filter((id) => !figures.includes(id)).map((id) => `there is no figure ${id}`),
    ...(script === 'test' && missing.length === args.length ? ['no test is named'] : []),
    ...(isScenario ? [] : [`there is no scenario ${args[0]}`]),
    ...(isCommand ? [] : [`there is no command ${args[0]}`])
  ]
}

/** Links of a text to files and headings of the repository that are not there. */
const brokenLinks = (path: string, text: string): readonly string[] =>
  [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^https:\/\/[\w.-]+\.\w+\//.test(target))
    .filter((target) => {
      const [file, anchor] = target.split('#')
      const found = file === '' ? path : posix.join(dirname(path), file!)
      if (!existsSync(found)) return true
      return anchor !== undefined && !headingsOf(readText(found)).includes(anchor)
    })

const headingsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-')
  )

describe.each(records)('%s', (path) => {
  const text = readText(path)

  test('has a number, a title, a status, a date and all sections, on one page', () => {
    const number = /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]
    expect(titleOf(text)).toMatch(new RegExp(String.raw`^${Number(number)}\. \S`))
    const [, status, date] = statusOf(text) ?? []
    expect(status).toMatch(/^(?:accepted|superseded by \[\d+\]\(\d{4}-[a-z0-9-]+\.md\))$/)
    expect(new Date(date!).toISOString().slice(0, 10)).toBe(date)
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name)).toEqual(sections)
    for (const name of sections) expect(sectionOf(text, name), name).not.toBe('')
    expect(text.split('\n').length).toBeLessThanOrEqual(linesMax)
  })

  test('says why each alternative lost', () => {
    const alternatives = alternativesOf(text)
    expect(alternatives.length).toBeGreaterThanOrEqual(2)
    for (const [name, reason, ...more] of alternatives) {
      expect(name).toMatch(/\w/)
      expect(reason?.length, name).toBeGreaterThan(15)
      expect(more).toEqual([])
    }
  })

  test('has evidence that runs again', () => {
    const commands = commandsOf(text)
    expect(commands.length).toBeGreaterThanOrEqual(2)
    expect(commands.flatMap(faultsOf)).toEqual([])
  })

  test('links lead somewhere', () => {
    expect(brokenLinks(path, text)).toEqual([])
  })
})

test('the index has each record, its title, status and date', () => {
  const rows = records.map((path, index) => {
    const text = readText(path)
    const [, status, date] = statusOf(text)!
    const name = path.slice(folder.length + 1)
    const title = titleOf(text).replace(/^\d+\. /, '')
    expect(Number(name.slice(0, 4))).toBe(index + 1)
    return `| ${index + 1} | [${title}](${name}) | ${status} | ${date} |`
  })
  const index = readText(join(folder, 'README.md'))
  expect(index.split('\n').filter((line) => /^\| \d/.test(line))).toEqual(rows)
})

describe('faults are found', () => {
  test.each([
    ['npm test -- test/none.test.ts', 'there is no test/none.test.ts'],
    ['npm test', 'no test is named'],
    ['npm run nothing', 'there is no script nothing'],
    ['npm run bench -- --only commits,none', 'there is no figure none'],
    ['npm run chaos -- none --strikes 3', 'there is no scenario none'],
    ['npm run k2 -- none', 'there is no command none'],
    ['node docs/none.mjs', 'there is no docs/none.mjs']
  ])('%s', (command, fault) => {
    expect(faultsOf(command)).toContain(fault)
  })

  test('links to files and headings that are not there', () => {
    const text = '[a](../cli.md) [b](none.md) [c](../../README.md#none) [d](../../README.md#asking)'
    expect(brokenLinks(`${folder}/x.md`, text)).toEqual(['none.md', '../../README.md#none'])
  })
})
