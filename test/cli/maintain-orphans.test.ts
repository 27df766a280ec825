/** The command that looks for orphans: what it says, and what it deletes. */
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readArguments } from '../../src/cli/command-line.ts'
import { maintainOrphans, maintainOrphansCommand } from '../../src/cli/maintain-orphans-command.ts'
import { commitAppend } from '../../src/adapters/iceberg/append.ts'
import { fileLocation } from '../../src/adapters/object-store/local-files.ts'
import { k2 } from '../support/k2-command.ts'
import { openTable } from '../support/warehouse.ts'
import { LandedTable, startUs } from '../actors/repair/support/landed-table.ts'

let landed: LandedTable
let lines: string[] = []
let complaints: string[] = []
let waited: number[] = []
let whileWaiting: () => Promise<unknown> = () => Promise.resolve()

beforeAll(async () => {
  landed = await LandedTable.open()
  await landed.land(10, startUs, 1_000_000)
})
afterAll(async () => {
  await landed.close()
  rmSync(landed.folder, { recursive: true })
})
beforeEach(() => {
  lines = []
  complaints = []
  waited = []
  whileWaiting = () => Promise.resolve()
})

const command = (...args: readonly string[]) =>
  Effect.runPromise(
    maintainOrphans(
      readArguments(maintainOrphansCommand, [...args, '--data-dir', landed.folder], {}),
      { print: (line) => lines.push(line), complain: (line) => complaints.push(line) },
      (ms) =>
        Effect.promise(async () => {
          waited.push(ms)
          await whileWaiting()
        })
    )
  )

const left = (name: string, ageDays: number): string => {
  const path = join(landed.folder, 'warehouse', 'market', 'trades', 'data', name)
  writeFileSync(path, 'left')
  const time = new Date(Date.now() - ageDays * 86_400_000)
  utimesSync(path, time, time)
  return path
}

test('a dry run lists old files that nothing names, and deletes none', async () => {
  const [old, young] = [left('old.parquet', 4), left('young.parquet', 2)]
  expect(await command('--dry-run')).toBe(0)
  expect(lines).toEqual([
    expect.stringContaining(fileLocation(old)),
    'trades: 1 files of 4 bytes would be deleted'
  ])
  expect([existsSync(old), existsSync(young)]).toEqual([true, true])
  expect(complaints).toEqual([
    expect.stringContaining('table market.quotes does not exist'),
    expect.stringContaining('table market.reference_data does not exist'),
    expect.stringContaining('table market.gaps does not exist'),
    expect.stringContaining('table market.candles_1m does not exist')
  ])
  expect(waited).toEqual([])
})

test('as JSON, and for another age', async () => {
  const young = left('young.parquet', 2)
  await command('--dry-run', '--json', '--orphan-age', '1d')
  const [, second, sum] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(second).toMatchObject({ table: 'trades', location: fileLocation(young), bytes: 4 })
  expect(sum).toEqual({ table: 'trades', files: 2, bytes: 8, failed: 0, isDryRun: true })
})

test('it deletes after the longest query and a minute, and the table is whole', async () => {
  const old = left('old.parquet', 4)
  const before = landed.dataFiles.filter((name) => name !== 'old.parquet')
  expect(await command()).toBe(0)
  expect(waited).toEqual([90_000])
  expect(existsSync(old)).toBe(false)
  expect(landed.dataFiles).toEqual(before)
  lines = []
  expect(await command()).toBe(0)
  expect(lines).toEqual(['trades: 0 files of 0 bytes deleted'])
})

test('what is named while it waits is not deleted', async () => {
  const old = left('adopted.parquet', 4)
  whileWaiting = () =>
    Effect.runPromise(
      commitAppend(landed.table, {
        commitId: 'adopts',
        dataFiles: [
          {
            location: fileLocation(old),
            recordCount: 1,
            fileSizeBytes: 4,
            partition: { exchange: 'BINANCE', timestamp_day: 19_943 },
            columns: [],
            sorted: true
          }
        ],
        advances: [
          {
            logIdentity: 'log-2',
            topic: 't',
            partition: 0,
            fromOffset: null,
            nextOffset: 1,
            statePath: 's'
          }
        ]
      })
    )
  expect(await command()).toBe(0)
  expect(existsSync(old)).toBe(true)
})

test('every wrong flag is told at once, with the nearest name', async () => {
  const wrong = await k2('maintain', 'orphans', '--dry-runs', '--orphan-age', '5s')
  expect(wrong.code).toBe(2)
  expect(wrong.complaints).toContain('--dry-runs is not a flag of k2 maintain orphans')
  expect(wrong.complaints).toContain('--orphan-age is "5s"')
  const half = await k2('maintain', 'orphan')
  expect(half.code).toBe(2)
  expect(half.complaints).toContain('maintain orphans')
})

test('help is printed, and a folder without tables is not made into one', async () => {
  const help = await k2('maintain', 'orphans', '--help')
  expect(help).toMatchObject({ code: 0, printed: expect.stringContaining('--dry-run') as string })
  const empty = mkdtempSync(join(tmpdir(), 'k2-maintain-'))
  expect((await k2('maintain', 'orphans', `--data-dir=${empty}`)).code).toBe(0)
  expect(openTable(empty)).toBeUndefined()
  rmSync(empty, { recursive: true })
})
