/** `k2 compact` and `k2 expire`: what K2 does by itself, once, beside whatever else commits. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'
import { land } from '../support/landed-folder.ts'
import { trade } from '../support/trades.ts'
import { dataFiles, openTable } from '../support/warehouse.ts'

/** The fifth is of another hour, so that the one of the others is over. */
const tradeOf = (id: number) => {
  const plain = trade('BTCUSDT', id)
  return { ...plain, timestamp: plain.timestamp + (id < 5 ? 0 : 7_200_000_000) }
}

/** A folder with a commit for each of these ids. */
const folderOf = async (ids: readonly number[]): Promise<string> => {
  const root = mkdtempSync(join(tmpdir(), 'k2-cli-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const id of ids) await land(root, [tradeOf(id)])
  return root
}
const snapshotsOf = (root: string) => openTable(root)!.metadata.snapshots.length
const tradeIds = (root: string) =>
  k2('query', 'trades', '--data-dir', root, '--columns', 'trade_id', '--format', 'csv')
const onTrades = (root: string) => ['--data-dir', root, '--table', 'market.trades', '--no-wait']

test('compact merges until the table is laid out, and changes no row', async () => {
  const root = await folderOf([1, 2, 3, 4, 5])
  const before = await tradeIds(root)
  expect((await dataFiles(openTable(root)!)).length).toBe(5)
  const compacted = await k2('compact', ...onTrades(root))
  expect(compacted.code, compacted.complaints).toBe(0)
  expect(compacted.printed).toContain('market.trades: 4 files merged into 1')
  expect((await dataFiles(openTable(root)!)).length).toBe(2)
  expect((await tradeIds(root)).printed).toBe(before.printed)
  expect((await k2('compact', ...onTrades(root))).printed).toContain('nothing to merge')
  expect((await k2('doctor', '--data-dir', root)).printed).toMatch(/no fault$/)
  // Landing goes on from there.
  await land(root, [tradeOf(6)])
  expect((await tradeIds(root)).printed).toContain('BINANCE-6')
})

describe('expire', () => {
  test('keeps the newest snapshots; rows, offsets and landing are as before', async () => {
    const root = await folderOf([1, 2, 3, 4, 5])
    const before = await tradeIds(root)
    const expired = await k2('expire', ...onTrades(root), '--keep', '2')
    expect(expired.code, expired.complaints).toBe(0)
    expect(expired.printed).toMatch(/no day and 4 snapshots let go[\s\S]* files are left over/)
    expect(snapshotsOf(root)).toBe(2)
    expect((await tradeIds(root)).printed).toBe(before.printed)
    expect((await k2('expire', ...onTrades(root), '--keep', '2')).printed).toMatch(/ 0 snapshots/)
    expect(snapshotsOf(root)).toBe(2)
    await land(root, [tradeOf(6), tradeOf(5)])
    expect((await k2('doctor', '--data-dir', root)).printed).toMatch(/ 6 rows in [\s\S]*no fault$/)
  })

  test('what there is not, and what cannot be, is said', async () => {
    const root = await folderOf([])
    expect(await k2('expire', ...onTrades(root))).toMatchObject({ code: 1 })
    expect(await k2('expire', '--data-dir', root)).toMatchObject({ code: 0, complaints: '' })
    expect((await k2('expire', '--keep', '0')).complaints).toContain('from 1 to 10000')
    expect((await k2('compact', '--table', 'market.trade')).complaints).toContain(
      'did you mean market.trades?'
    )
  })
})
