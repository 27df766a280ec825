/** The whole tree with maintenance at a fast pace: landing does not notice. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { drainLanded } from '../support/drain-landed.ts'
import { cleanUp, holdings, newFolder, startTree, type Tree } from '../support/runtime.ts'

cleanUp()
// Machines that run other tests at the same time start slowly.
vi.setConfig({ testTimeout: 300_000 })

const settings = {
  K2_SIMULATOR_RATE: '500',
  K2_COMMIT_AGE: '100ms',
  K2_COMPACTION_INTERVAL: '200ms'
} as const

const compacted = (tree: Tree) => tree.metric('k2_compaction_groups_total')
const landed = (tree: Tree) => tree.metric('k2_landed_records')

const expectExact = async (folder: string) => {
  for (const dataType of ['trades', 'quotes'] as const) {
    const held = await holdings(folder, dataType)
    expect(held.landed).toEqual(held.logged)
    expect(held.rows).toBe(held.distinctRows)
    expect(held.tableOffsets).toEqual(held.logEnds)
  }
}

const threads = ({ kernel }: Tree) =>
  kernel.registry.snapshot().filter(({ name }) => name === 'compaction worker')

test('small files are merged while they land; nothing is lost, doubled or held', async () => {
  const tree = startTree(newFolder(), settings)
  await tree.until('compactions', async () => (await compacted(tree)) >= 1)
  expect(await tree.metric('k2_compaction_rows_total')).toBeGreaterThan(0)
  expect(await tree.metric('k2_compaction_files_total')).toBeGreaterThan(1)
  const { counters } = tree.actor('root/repair/compaction:trades')
  expect(counters).toMatchObject({ abandoned: 0 })
  await drainLanded(tree)
  expect(tree.kernel.registry.snapshot()).toEqual([])
  await expectExact(tree.folder)
})

test('a compaction that crashes, or is parked, leaves landing alone', async () => {
  const tree = startTree(newFolder(), settings)
  await tree.until('a thread', () => threads(tree).length > 0)
  for (const { owner } of threads(tree)) tree.crash(owner)
  await tree.until('compactions', async () => (await compacted(tree)) >= 1)
  tree.park('root/repair/compaction:trades')
  await tree.until('quarantine', () => {
    return tree.actor('root/repair/compaction:trades').state === 'quarantined'
  })
  const before = await landed(tree)
  await tree.until('more rows', async () => (await landed(tree)) > before + 500)
  await drainLanded(tree)
  await expectExact(tree.folder)
})

test('off: every file stays as it has landed', async () => {
  const tree = startTree(newFolder(), {
    ...settings,
    K2_COMPACTION_INTERVAL: 'off',
    K2_ORPHAN_AGE: 'off'
  })
  await tree.until('commits', async () => (await tree.metric('k2_iceberg_transactions_total')) > 40)
  expect(await compacted(tree)).toBe(0)
  await drainLanded(tree)
  const data = readdirSync(join(tree.folder, 'warehouse', 'market', 'trades', 'data'))
  expect(data.length).toBeGreaterThan(16)
  await expectExact(tree.folder)
})
