/**
 * `k2 demo-mode`: what may be emptied, and that a folder which a real K2 has filled has what a
 * presentation asks for.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nodeFiles } from '../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../src/adapters/log/node-process.ts'
import { acquireWriterLock } from '../../src/adapters/log/writer-lock.ts'
import { judgeFolder } from '../../src/cli/demo-mode/demo-folder.ts'
import { queryLine, validateDemo } from '../../src/cli/demo-mode/validate-demo.ts'
import { k2 } from '../support/k2-command.ts'

const loadMsMax = 120_000

const folder = () => {
  const root = mkdtempSync(join(tmpdir(), 'k2-demo-mode-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return root
}

describe('reset', () => {
  test.each([
    [['log', 'warehouse', 'spool', 'schemas', 'dead-letters', 'tmp', 'expired.ndjson'], undefined],
    [['warehouse'], undefined],
    [[], undefined],
    [['log', 'warehouse', 'thesis.tex'], /thesis\.tex in it that K2 did not make/],
    [['spool'], /neither a log nor a warehouse/]
  ])('of a folder with %j', (names, fault) => {
    const judge = () => judgeFolder('/tmp/x', names, false)
    if (fault === undefined) expect(judge).not.toThrow()
    else expect(judge).toThrow(fault)
  })

  test('the folder that npm start uses is to be said twice', () => {
    expect(() => judgeFolder('.k2', ['log'], false)).toThrow(/--yes/)
    expect(() => judgeFolder('.k2', ['log'], true)).not.toThrow()
  })

  test('what is not of K2 stays, and so does what a K2 has open', async () => {
    const root = folder()
    mkdirSync(join(root, 'log'))
    mkdirSync(join(root, 'warehouse'))
    writeFileSync(join(root, 'note.txt'), 'mine')
    const foreign = await k2('demo-mode', 'reset', '--data-dir', root)
    expect(foreign.code).toBe(2)
    expect(foreign.complaints).toContain('note.txt')
    rmSync(join(root, 'note.txt'))
    const lock = await acquireWriterLock(nodeFiles, await nodeProcess(), join(root, 'log'))
    const open = await k2('demo-mode', 'reset', '--data-dir', root)
    expect(open.code).toBe(2)
    expect(open.complaints).toMatch(/process \d+ has the log open/)
    expect(readdirSync(root).sort()).toEqual(['log', 'warehouse'])
    await lock.release()
    expect((await k2('demo-mode', 'reset', '--data-dir', root)).code).toBe(0)
    expect(readdirSync(root)).toEqual([])
    const absent = join(root, 'absent')
    expect((await k2('demo-mode', 'reset', '--data-dir', absent)).code).toBe(0)
    expect(existsSync(absent)).toBe(false)
  })
})

describe('load and validate', () => {
  test('a number of trades that is none is told', async () => {
    const { code, complaints } = await k2('demo-mode', 'load', '--trades', 'many')
    expect(code).toBe(2)
    expect(complaints).toContain('--trades is "many", but must be')
  })

  test(
    'what K2 has loaded has all that is presented; what is empty has not',
    async () => {
      const root = join(folder(), 'demo')
      const none = await k2('demo-mode', 'validate', '--data-dir', root)
      expect([none.code, none.complaints]).toEqual([2, expect.stringContaining('no data folder')])
      const all = await k2('demo-mode', '--data-dir', root, '--trades', '30000')
      expect(all).toMatchObject({ code: 0, complaints: '' })
      expect(all.printed).toMatch(/reset, load and validate took \d+\.\d s$/)
      const again = await k2('demo-mode', 'validate', '--data-dir', root, '--json')
      const { ok, checks } = JSON.parse(again.printed) as {
        readonly ok: boolean
        readonly checks: readonly { readonly name: string; readonly values: { found: number } }[]
      }
      expect(ok).toBe(true)
      const found = (name: string) => checks.find((it) => it.name === name)?.values.found
      expect(found('rows of trades')).toBeGreaterThanOrEqual(30_000)
      expect(found('symbols')).toBe(9)
      // What was there before is not counted as loaded.
      const more = await k2('demo-mode', 'load', '--data-dir', root, '--trades', '20000')
      expect(more.code).toBe(0)
      const then = await k2('demo-mode', 'validate', '--data-dir', root, '--json')
      const grown = (JSON.parse(then.printed) as { readonly checks: typeof checks }).checks
      const rows = grown.find(({ name }) => name === 'rows of trades')?.values.found
      expect(rows).toBeGreaterThanOrEqual(found('rows of trades')! + 20_000)
      // The process that loaded has ended: nothing holds the folder.
      expect((await k2('demo-mode', 'reset', '--data-dir', root)).code).toBe(0)
    },
    loadMsMax
  )
})

describe('validate', () => {
  const answers = (text: string, status = 200) => async () => ({
    status,
    text,
    headers: new Headers(),
    ms: 1
  })

  test.each([
    ['{"data":[]}', 200, 'failed', '/x gives no row'],
    ['{"data":null}', 200, 'failed', '/x gives no row'],
    ['{"detail":"gone"}', 410, 'failed', '/x answers 410: gone'],
    ['{"data":[{}]}', 200, 'ok', '1 row in 1 ms'],
    ['{"data":{"open":1}}', 200, 'ok', '1 row in 1 ms']
  ])('a query that gives %s with %s has %s', async (text, status, state, figure) => {
    const found = await queryLine(answers(text, status), { name: 'x', path: '/x' })
    expect(found).toMatchObject({ state, figure })
  })

  test('of an empty K2 says what is missing', async () => {
    const ask = async (path: string) =>
      answers(path === '/v1/stats' ? '{"data":{"tables":[]}}' : '{"data":[],"meta":{}}')()
    const lines = await validateDemo(ask)
    expect(lines.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'rows of trades failed',
      'symbols failed',
      'snapshots failed',
      'span failed'
    ])
  })
})
