import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filePath } from '../../../src/adapters/object-store/local-files.ts'
import { k2 } from '../../support/k2-command.ts'
import { land } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'
import { openTable, summaryOf } from '../../support/warehouse.ts'
import { ClaimsLog, newRoot, openIdsIn, runWriter } from '../gaps/gap-world.ts'

const trades = (...ids: readonly number[]) => ids.map((id) => trade('BTCUSDT', id))

const ledgerFile = (root: string): string => {
  const table = openTable(root, 'gaps')!
  const uuid = (table.metadata as unknown as { readonly 'table-uuid': string })['table-uuid']
  return filePath(`file://${root}/warehouse/_k2/${uuid}/${summaryOf(table)['k2.ledger']}`)
}

/** A ledger with a gap that was narrowed, and one that was closed. */
const ledgerIn = async () => {
  const [root, log] = [newRoot(), new ClaimsLog()]
  await land(root, trades(1, 10, 11, 20, 21, 22, 23))
  await runWriter(root, { log })
  await land(root, trades(5, 12, 13, 14, 15, 16, 17, 18, 19))
  await runWriter(root, { log })
  return { root, log }
}

const doctor = (root: string, ...args: readonly string[]) =>
  k2('doctor', '--table', 'market.gaps', '--data-dir', root, ...args)

describe('the doctor', () => {
  test('finds no fault in a ledger, with or without its rows', async () => {
    const { root } = await ledgerIn()
    const { code, printed } = await doctor(root)
    expect(code, printed).toBe(0)
    expect(printed).toMatch(/ok +gap-ledger +\d+ looked at/)
    expect(printed).not.toMatch(/sequence-states|log-bounds/)
    expect((await doctor(root, '--quick')).code).toBe(0)
  })

  test('finds a ledger that is lost, and one that is not of its table', async () => {
    const { root } = await ledgerIn()
    const path = ledgerFile(root)
    const text = readFileSync(path, 'utf8')
    const ledger = JSON.parse(text) as { events: number; sequences: object }
    writeFileSync(path, JSON.stringify({ ...ledger, events: ledger.events + 1 }))
    expect((await doctor(root)).printed).toContain('events, the table')
    writeFileSync(path, JSON.stringify({ ...ledger, sequences: {} }))
    const foreign = await doctor(root)
    expect(foreign.code).toBe(1)
    expect(foreign.printed).toContain('BINANCE:BTCUSDT:0.2-4 unknown: open by the rows only')
    rmSync(path)
    expect((await doctor(root, '--quick')).printed).toMatch(/FAULT +gap-ledger/)
    writeFileSync(path, text)
    expect((await doctor(root)).code).toBe(0)
  })
})

describe('k2 rebuild-state', () => {
  const rebuild = (root: string, ...args: readonly string[]) =>
    k2('rebuild-state', '--table', 'market.gaps', '--data-dir', root, ...args)

  test('makes a lost ledger anew from its events, and the writer goes on', async () => {
    const { root, log } = await ledgerIn()
    const before = await openIdsIn(root)
    expect(before).toEqual([
      ['BTCUSDT', 2, 4, 'unknown'],
      ['BTCUSDT', 6, 9, 'unknown']
    ])
    rmSync(ledgerFile(root))
    await expect(runWriter(root, { log })).rejects.toThrow('rebuild-state --table market.gaps')
    const rebuilt = await rebuild(root)
    expect(rebuilt).toMatchObject({ code: 0, complaints: '' })
    expect(rebuilt.printed).toContain('is missing')
    expect(rebuilt.printed).toContain('2 open gaps')
    await land(root, trades(3, 24))
    await runWriter(root, { log })
    expect(await openIdsIn(root)).toEqual([
      ['BTCUSDT', 2, 2, 'unknown'],
      ['BTCUSDT', 4, 4, 'unknown'],
      ['BTCUSDT', 6, 9, 'unknown']
    ])
    expect((await doctor(root)).printed).not.toMatch(/FAULT (?!gap-ledger)/)
  })

  test('leaves one alone that can be read, unless forced; nothing is to be adopted', async () => {
    const { root } = await ledgerIn()
    expect(await rebuild(root)).toMatchObject({ code: 1 })
    expect(await rebuild(root, '--force')).toMatchObject({ code: 0 })
    expect((await doctor(root)).code).toBe(0)
    const adopted = await k2('adopt-log', '--table', 'market.gaps', '--data-dir', root)
    expect(adopted).toMatchObject({ code: 2 })
    expect(adopted.complaints).toContain('needs no adoption')
  })
})
