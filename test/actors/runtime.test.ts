import { expect, test } from 'vitest'
import {
  cleanUp,
  holdings,
  holesOf,
  newFolder,
  refusingDisk,
  startTree,
  type Tree
} from './support/runtime.ts'

cleanUp()

const busy = { K2_SIMULATOR_RATE: '2000' } as const

const landing = (tree: Tree, rows: number) =>
  tree.until(`${rows} rows`, async () => (await tree.metric('k2_landed_records')) >= rows)

/** Everything that the feed had taken is in the log, and the table has the log, once. */
const expectExact = async (folder: string) => {
  const { logged, landed, rows, distinctRows, logEnds, tableOffsets } = await holdings(folder)
  expect(holesOf(logged)).toBe(0)
  expect(landed).toEqual(logged)
  expect(rows).toBe(distinctRows)
  expect(tableOffsets).toEqual(logEnds)
}

test('starts, serves and drains; nothing is held afterwards', async () => {
  const tree = startTree(newFolder(), busy)
  await tree.until('readiness', async () => {
    return tree.shared.http.current !== undefined && (await tree.health()).status === 200
  })
  await landing(tree, 1_000)
  expect(await tree.drain()).toBeLessThan(9_000)
  expect(tree.kernel.registry.snapshot()).toEqual([])
  expect(tree.kernel.registry.leakCount()).toBe(0)
  await expectExact(tree.folder)
})

test('a log that is restarted under load loses and doubles nothing', async () => {
  const tree = startTree(newFolder(), busy)
  for (let round = 1; round <= 3; round++) {
    await landing(tree, round * 1_000)
    tree.crash('root/log/event-log')
  }
  await landing(tree, 8_000)
  await tree.drain()
  expect(tree.kernel.registry.snapshot()).toEqual([])
  await expectExact(tree.folder)
})

test('a log whose disk refuses a write is opened again; nothing is lost or doubled', async () => {
  const disk = refusingDisk()
  const tree = startTree(newFolder(), busy)
  await landing(tree, 1_000)
  disk.refuse()
  await tree.until('a refused write', () => disk.refused() > 0)
  disk.mend()
  await tree.until('a new log', () => tree.actor('root/log/event-log').restarts > 0)
  const before = await tree.metric('k2_landed_records')
  await landing(tree, before + 4_000)
  expect(tree.actor('root/log/publisher').restarts).toBe(0)
  await tree.drain()
  await expectExact(tree.folder)
})
