import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'
import { land } from '../support/landed-folder.ts'
import { commitRows } from '../support/table-damage.ts'
import { trade } from '../support/trades.ts'

const folder = async () => {
  const root = mkdtempSync(join(tmpdir(), 'k2-cli-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  await land(
    root,
    [1, 2, 3, 4].map((id) => trade('BTCUSDT', id))
  )
  return root
}

describe('commands', () => {
  test('help lists every command with an example', async () => {
    const { code, printed } = await k2('--help')
    expect(code).toBe(0)
    expect(printed).toMatch(/doctor {2,}\S/)
    expect(printed).toContain('npm run k2 -- doctor')
  })

  test('each has help of its own, with its exit codes', async () => {
    const { code, printed } = await k2('doctor', '--help')
    expect(code).toBe(0)
    expect(printed).toMatch(/--quick[\s\S]*Exit codes:\n {2}0 {2}no fault/)
  })

  test('help of a command, also as help before it', async () => {
    const asked = await k2('help', 'query', 'trades')
    expect(asked).toMatchObject({ code: 0 })
    expect(asked.printed).toBe((await k2('query', 'trades', '--help')).printed)
    expect((await k2('help', 'query')).printed).toContain('query is the first word of several')
  })

  test('a name that is like none has no suggestion', async () => {
    expect((await k2('bogus')).complaints).not.toContain('did you mean')
    expect((await k2('query', 'trades', '--keep', '3')).complaints).not.toContain('did you mean')
  })

  test('an unknown command is named with the nearest one', async () => {
    const { code, complaints } = await k2('docter')
    expect(code).toBe(2)
    expect(complaints).toContain('docter is not a command of k2; did you mean doctor?')
  })

  test('the first word of several commands lists those', async () => {
    const { code, printed, complaints } = await k2('load')
    expect([code, printed]).toEqual([2, ''])
    expect(complaints).toMatch(/several commands:\n {2}load trades {2,}\S/)
    expect(complaints).not.toContain('query')
    const help = await k2('query', '--help')
    expect(help).toMatchObject({ code: 0, complaints: '' })
    expect(help.printed).toContain('query candles')
    const unknown = await k2('query', 'trade')
    expect(unknown.code).toBe(2)
    expect(unknown.complaints).toContain('did you mean query trades?')
    expect(unknown.complaints).not.toContain('doctor')
  })

  test('a word behind one that is a command and begins others is one of those', async () => {
    const unknown = await k2('level', 'injct', '--level', 'soft')
    expect(unknown.code).toBe(2)
    expect(unknown.complaints).toContain('did you mean level inject?')
    const load = await k2('load', 'reference-data', 'none.csv', '--exchange', 'ASX')
    expect(load.complaints).toContain('none.csv is not there')
    expect((await k2('pressure')).complaints).toContain('pressure clear')
    expect((await k2('level', 'inject', 'x')).complaints).toContain('x is too much')
  })

  test.each(['compact', 'expire', 'doctor', 'maintain orphans', 'adopt-log', 'rebuild-state'])(
    '%s of a folder that is not there says so, and makes none',
    async (command) => {
      const absent = join(await folder(), 'absent')
      const { code, printed, complaints } = await k2(...command.split(' '), '--data-dir', absent)
      expect([code, printed]).toEqual([2, ''])
      expect(complaints).toContain(`there is no data folder ${absent}: name one by --data-dir`)
      expect(existsSync(absent)).toBe(false)
    }
  )

  test('a load of a file that is not there is refused before anything is opened', async () => {
    const absent = join(await folder(), 'absent')
    const flags = ['--exchange', 'ASX', '--data-dir', absent]
    const { code, complaints } = await k2('load', 'trades', 'none.csv', tmpdir(), ...flags)
    expect(code).toBe(2)
    expect(complaints).toContain('none.csv is not there')
    expect(complaints).toContain(`${tmpdir()} is no file`)
    expect(existsSync(absent)).toBe(false)
  })

  test.each([
    ['nonsense', 'nonsense: is no address of a K2, such as http://127.0.0.1:8000'],
    ['ftp://a', 'is no address of a K2'],
    ['http://127.0.0.1:1', 'no K2 answers there (bad port): does it run?']
  ])('of an address such as %s it is said what is wrong', async (url, why) => {
    for (const command of [['query', 'trades'], ['status'], ['level', 'show']]) {
      const asked = await k2(...command, '--url', url)
      expect(asked.code).toBe(2)
      expect(asked.complaints).toContain(why)
    }
  })

  test('a word where there are only flags is too much', async () => {
    const { code, complaints } = await k2('query', 'trades', 'BTCUSDT')
    expect(code).toBe(2)
    expect(complaints).toContain('BTCUSDT is too much: k2 query trades takes flags only')
  })

  test('all wrong flags and settings are named at once', async () => {
    const { code, complaints } = await k2(
      'doctor',
      '--quik',
      '--json=1',
      '--http-port',
      '-1',
      '--table'
    )
    expect(code).toBe(2)
    expect(complaints).toContain('--quik is not a flag of k2 doctor; did you mean --quick?')
    expect(complaints).toContain('--json takes no value')
    expect(complaints).toContain('--table needs a value')
    expect(complaints).toContain('--http-port is "-1"')
  })
})

describe('doctor', () => {
  test('0 where there is no fault, 1 where there is, as text and as JSON', async () => {
    const root = await folder()
    const healthy = await k2('doctor', '--data-dir', root)
    expect(healthy).toMatchObject({ code: 0, complaints: '' })
    expect(healthy.printed).toMatch(/4 rows in 1 files[\s\S]*no fault$/)
    await commitRows(root, [trade('BTCUSDT', 2)], { offset: 1 })
    const ill = await k2('doctor', '--data-dir', root, '--json')
    expect(ill.code).toBe(1)
    const report = JSON.parse(ill.printed) as { ok: boolean; checks: { name: string }[] }
    expect(report.ok).toBe(false)
    expect(report.checks.find(({ name }) => name === 'duplicate-keys')).toMatchObject({
      ok: false,
      count: 1,
      examples: ['BINANCE:BTCUSDT:2: 2 times']
    })
    expect((await k2('doctor', '--data-dir', root)).printed).toContain('FAULT duplicate-keys')
  })

  test('2 where there is no such table, and none is made', async () => {
    const root = await folder()
    const missing = await k2('doctor', '--data-dir', root, '--table', 'market.quotes')
    expect(missing).toMatchObject({ code: 2, complaints: 'table market.quotes does not exist' })
    const again = await k2('doctor', '--data-dir', root, '--table', 'market.quotes', '--json')
    expect(JSON.parse(again.printed)).toMatchObject({ ok: false })
    const unknown = await k2('doctor', '--data-dir', root, '--table', 'market.trade')
    expect(unknown).toMatchObject({ code: 2 })
    expect(unknown.complaints).toContain('did you mean market.trades?')
  })

  test('a table may be named without its namespace', async () => {
    const root = ['--data-dir', await folder()]
    expect(await k2('doctor', ...root, '--table', 'trades', '--quick')).toMatchObject({ code: 0 })
    const snapshots = await k2('query', 'snapshots', ...root, '--table', 'market.trades')
    expect(snapshots.printed).toMatch(/append +4 +4$/)
    const expired = await k2('expire', ...root, '--table', 'trades', '--no-wait')
    expect(expired.printed).toContain('market.trades: no day and 0 snapshots')
  })

  test('2 for an age that is none', async () => {
    const { code, complaints } = await k2(
      'doctor',
      '--data-dir',
      await folder(),
      '--age-guard',
      '3'
    )
    expect(code).toBe(2)
    expect(complaints).toContain('--age-guard is "3"')
  })
})
