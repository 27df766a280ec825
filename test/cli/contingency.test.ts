/**
 * `docs/contingency.md`: each scenario is whole, names material that there is, and its diagnosis
 * says something, with a K2 that runs and without one.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { castFile, videoFile, walkthroughFile } from '../../demo/show/material.ts'
import { sections } from '../../demo/show/sections.ts'
import { runK2 } from '../../src/cli/k2.ts'
import { k2Fixture } from '../support/k2-process.ts'

const k2s = k2Fixture()
const runMsMax = 180_000
const page = readFileSync(new URL('../../docs/contingency.md', import.meta.url), 'utf8')
const parts = ['Symptom', 'Diagnosis', 'Action', 'Material', 'Time', 'Afterwards'] as const

const scenarios = page
  .split(/^# /m)[1]!
  .split(/^## /m)
  .slice(1)
  .map((text) => {
    const [title = ''] = text.split('\n')
    const [, block = ''] = /\*\*Diagnosis\.\*\*[^`]*```sh\n([^`]*)```/.exec(text) ?? []
    return { title, text, commands: block.split('\n').filter((line) => line !== '') }
  })
const commands = [...new Set(scenarios.flatMap((it) => it.commands))]

const ran = async (command: string, settings: Readonly<Record<string, string>>) => {
  const output: string[] = []
  const print = (text: string) => output.push(text)
  const args = command.split(' ').slice(2)
  const code = await runK2(args, settings, { print, complain: print })
  return { command, code, output: output.join('\n').trim() }
}

describe('the page', () => {
  test('has eight scenarios', () => {
    expect(scenarios.map(({ title }) => title.split('.')[0])).toEqual(
      ['1', '2', '3', '4', '5', '6', '7', '8']
    )
  })

  test.each(scenarios)('$title is whole', ({ text, commands: diagnosis }) => {
    expect(parts.filter((part) => !text.includes(`**${part}.**`))).toEqual([])
    expect(diagnosis.length).toBeGreaterThan(0)
    for (const command of diagnosis) expect(command).toMatch(/^npx k2 [\w -]+$/)
    expect(text).toMatch(/npm run (?:rehearse|k2 -- demo-mode)/)
  })

  test('material and sections have the names that they are made under', () => {
    for (const file of [castFile, videoFile, walkthroughFile]) expect(page).toContain(file)
    const known: readonly string[] = sections.map(({ id }) => id)
    const named = [...page.matchAll(/[Ss]ections? \*(\w+)\*/g)].map(([, name = '']) => name)
    expect(named.length).toBeGreaterThan(7)
    expect(named.filter((name) => !known.includes(name))).toEqual([])
  })

  test('promises no figure that was not measured', () => {
    expect(page.match(/\b\d+(?:\.\d+)? ?(?:s|ms|seconds?|minutes?|min)\b/g)).toBeNull()
  })
})

test(
  'every diagnosis says something, of a K2 that runs and without one',
  async () => {
    const folder = k2s.dataFolder()
    const k2 = k2s.start({ K2_DATA_DIR: folder, K2_COMMIT_AGE: '200ms' })
    const { port } = new URL(await k2.ready())
    await k2.atLeast('k2_landed_records', 1, { topic: 'market.crypto.trades.simulated' })
    const settings = { K2_HTTP_PORT: port, K2_DATA_DIR: folder }
    for (const command of commands) {
      const { code, output } = await ran(command, settings)
      expect([command, code === 0 || code === 1, output]).toEqual([command, true, output])
      expect(output).not.toBe('')
    }
    k2.kill('SIGTERM')
    expect((await k2.exit()).code).toBe(0)
    for (const command of commands) {
      const { code, output } = await ran(command, settings)
      // What reads the folder needs no K2; all else says that there is none.
      if (code === 2) expect(output).toMatch(/no K2 answers|none answers/)
      expect(output).not.toBe('')
    }
  },
  runMsMax
)
