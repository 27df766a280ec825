import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { rebuildState } from '../../../src/actors/operator/rebuilt-sequences.ts'
import type { IdRun } from '../../../src/adapters/duckdb/parquet-audit.ts'
import { statePathsOf } from '../../../src/adapters/iceberg/k2-summary.ts'
import { currentSnapshot } from '../../../src/adapters/iceberg/metadata.ts'
import { stateLocation } from '../../../src/adapters/iceberg/table.ts'
import { filePath } from '../../../src/adapters/object-store/local-files.ts'
import type { PartitionState } from '../../../src/machines/partition-fold.ts'
import { emptySequence, type Epoch, foldArrival } from '../../../src/market/sequence.ts'
import { k2 } from '../../support/k2-command.ts'
import { land, landedTable, stops } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'
import { dataFiles, openTable, runSql } from '../../support/warehouse.ts'

const newFolder = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'k2-rebuild-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return root
}

const currentStates = async (root: string): Promise<readonly string[]> => {
  const table = await landedTable(root)
  return statePathsOf(currentSnapshot(table.loaded.metadata)!).map((path) =>
    filePath(stateLocation(table, path))
  )
}

const sequencesIn = async (root: string) =>
  Object.assign(
    {},
    ...(await currentStates(root)).map(
      (path) => (JSON.parse(readFileSync(path, 'utf8')) as PartitionState).sequences
    )
  ) as PartitionState['sequences']

const messageIds = async (root: string): Promise<readonly string[]> => {
  const files = (await dataFiles(openTable(root)!)).map(({ path }) => `'${path}'`)
  const sql = `SELECT message_id FROM read_parquet([${files.join(', ')}]) ORDER BY ALL`
  return (await runSql(sql)).map(([id]) => String(id))
}

const rebuild = (root: string, ...args: readonly string[]) =>
  k2('rebuild-state', '--data-dir', root, ...args)

const ids = [1, 2, 3, 7, 8, 20]
const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']
const some = symbols.flatMap((symbol) => ids.map((id) => trade(symbol, id)))

/** A venue that began its ids anew: three that are newer in time confirm it. */
const restarted = [1, 2, 3, 5].map((id) =>
  trade('BTCUSDT', id, { timestamp: 1_800_000_000_000_000 + id })
)

describe('on a table', () => {
  test('a missing state is rebuilt as it was, and nothing lands twice', async () => {
    const root = newFolder()
    await land(root, [...some, ...restarted])
    const before = await sequencesIn(root)
    const landed = await messageIds(root)
    for (const path of await currentStates(root)) rmSync(path)
    const stopped = stops(await land(root, [...some, ...restarted]))
    expect(stopped).toHaveLength(2)
    expect(stopped[0]).toContain('npm run k2 -- rebuild-state')

    const rebuilt = await rebuild(root)
    expect(rebuilt).toMatchObject({ code: 0, complaints: '' })
    expect(rebuilt.printed).toContain('is missing')
    expect(await sequencesIn(root)).toEqual(before)

    const late = symbols.map((symbol) => trade(symbol, 5, { timestamp: 1_700_000_000_000_005 }))
    expect(stops(await land(root, late))).toEqual([])
    const added = symbols.map((symbol) => `BINANCE:${symbol}:5`)
    expect(await messageIds(root)).toEqual([...landed, ...added].sort())
    const { printed } = await k2('doctor', '--data-dir', root)
    // Snapshots before the loss still name the states that were deleted.
    expect(printed).not.toMatch(/FAULT (?!sequence-states)/)
  })

  test('one that does not decode is rebuilt, the others are left alone', async () => {
    const root = newFolder()
    await land(root, some)
    const before = await sequencesIn(root)
    const [first, second] = await currentStates(root)
    writeFileSync(first!, 'no state')
    const rebuilt = await rebuild(root)
    expect(rebuilt.printed).toContain('does not decode')
    expect(await sequencesIn(root)).toEqual(before)
    expect(await currentStates(root)).toContain(second)
  })

  test('refused where no state is in need, unless forced', async () => {
    const root = newFolder()
    await land(root, some)
    const before = await currentStates(root)
    const refused = await rebuild(root)
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.printed).toContain('--force')
    expect(await currentStates(root)).toEqual(before)
    expect((await rebuild(root, '--partition', 'x')).complaints).toContain('--partition is "x"')
    expect(await rebuild(root, '--force', '--partition', '1')).toMatchObject({ code: 0 })
    expect(await currentStates(root)).not.toEqual(before)
    expect((await k2('doctor', '--data-dir', root)).code).toBe(0)
  })

  test('a damaged table is no source of a state', async () => {
    const root = newFolder()
    await land(root, some)
    rmSync((await currentStates(root))[0]!)
    const metadata = join(root, 'warehouse', 'market', 'trades', 'metadata')
    for (const name of readdirSync(metadata)) {
      if (name.endsWith('-m0.avro')) writeFileSync(join(metadata, name), 'nothing')
    }
    const refused = await rebuild(root)
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.complaints).toContain('the table itself is damaged')
  })
})

const idsOf = ({ holes }: Epoch) => holes.map(([from, to]) => [from, to])

/** Runs of ids, as the table would give them. */
const runsOf = (landed: ReadonlySet<number>, runsMax: number): readonly IdRun[] => {
  const sorted = [...landed].sort((a, b) => a - b)
  const runs: { from: number; to: number }[] = []
  for (const id of sorted) {
    const last = runs.at(-1)
    if (last !== undefined && last.to === id - 1) last.to = id
    else runs.push({ from: id, to: id })
  }
  return runs.slice(-runsMax).map(({ from, to }) => ({
    exchange: 'BINANCE',
    symbol: 'BTCUSDT',
    load: '',
    epoch: 0,
    from,
    to,
    oldestUs: from,
    newestUs: to,
    ids: to - from + 1,
    idsInAll: landed.size,
    lowest: sorted[0]!
  }))
}

test('the rebuilt state is the one that the fold had, whatever came in whatever order', () => {
  const limits = { jumpMax: 1_000, holesMax: 5 }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (arrivals) => {
      const state = emptySequence()
      const landed = new Set<number>()
      for (const id of arrivals) {
        // Exchange time follows the id: what comes late is older, never a restart.
        const { outcome } = foldArrival(state, { id, timeUs: id, payload: () => '' }, limits)
        if (outcome.kind === 'next' || outcome.kind === 'late') landed.add(id)
      }
      const runsMax = limits.holesMax + 1
      const rebuilt = rebuildState(runsOf(landed, runsMax), {
        offset: arrivals.length,
        isConsecutive: true,
        runsMax
      })
      const [epoch] = rebuilt.sequences['BINANCE:BTCUSDT']!.epochs
      const [original] = state.epochs
      expect(epoch).toMatchObject({ low: original!.low, high: original!.high })
      expect(rebuilt.counters).toMatchObject({ consumed: arrivals.length, landed: landed.size })
      // Where the fold has written holes off, the rebuilt state may know one of them again.
      if (original!.writtenOffIds === 0) expect(idsOf(epoch!)).toEqual(idsOf(original!))
      const open = epoch!.holes.reduce((sum, [from, to]) => sum + to - from + 1, 0)
      expect(open + epoch!.writtenOffIds + landed.size).toBe(epoch!.high - epoch!.low + 1)
    }),
    { numRuns: 300 }
  )
})

test('ids that ascend with gaps have no holes', () => {
  const runs = runsOf(new Set([3, 9, 27]), 10)
  const state = rebuildState(runs, { offset: 3, isConsecutive: false, runsMax: 10 })
  expect(state.sequences['BINANCE:BTCUSDT']!.epochs[0]).toMatchObject({
    low: 3,
    high: 27,
    holes: [],
    writtenOffIds: 0
  })
})
