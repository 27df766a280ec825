/** What goes with a snapshot, and what stays for a tag (R27, R28). */
import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { commitAppend } from '../../../src/adapters/iceberg/append.ts'
import { serialiseMetadata, type TableMetadata } from '../../../src/adapters/iceberg/metadata.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import { describeSnapshots, refresh, type Table } from '../../../src/adapters/iceberg/table.ts'
import { makeTablePointers } from '../../../src/adapters/iceberg/table-pointers.ts'
import {
  batch,
  day0,
  liveEntries,
  makeWorld,
  openTable,
  pointerHome,
  swap,
  warehouse,
  type World
} from './support.ts'

const run = Effect.runPromise

const land = async (table: Table, from: number, to: number, day = day0) => {
  const removed = []
  for (let index = from; index < to; index += 1) {
    const request = batch(`c${index}`, [0, index === 0 ? null : index, index + 1], { day })
    removed.push(...(await run(commitAppend(table, request))).removed)
  }
  return removed
}

/** Another engine sets a tag. */
const tag = async (world: World, table: Table, name: string, snapshotId: bigint) => {
  const { metadata, location } = await run(refresh(table))
  const next: TableMetadata = {
    ...metadata,
    refs: { ...metadata.refs, [name]: { type: 'tag', 'snapshot-id': snapshotId } }
  }
  const file = `${warehouse}/market/trades/metadata/00099-tag.metadata.json`
  await run(world.files.writeNew(file, serialiseMetadata(next)))
  const pointers = makeTablePointers(world.files, pointerHome)
  expect(await run(swap(pointers, location, file))).toBe('swapped')
}

describe('expiry', () => {
  it('reports data files when the last snapshot that holds them goes', async () => {
    const table = await run(openTable(makeWorld(), { 'k2.snapshots-max': '4' }))
    await land(table, 0, 3, day0 - 9)
    const removal = await run(removeDayPartitions(table, day0))
    expect(removal?.removed).toEqual([])
    const removed = await land(table, 3, 5)
    expect(removed.filter((it) => it.kind === 'data')).toEqual([])
    const last = await land(table, 5, 6)
    expect(
      last
        .filter((it) => it.kind === 'data')
        .map((it) => it.location.split('/').at(-1))
        .sort((a, b) => String(a).localeCompare(String(b)))
    ).toEqual(['0_0_1_c0.parquet', '0_1_2_c1.parquet', '0_2_3_c2.parquet'])
  })

  it('keeps as many snapshots as the process that commits was told', async () => {
    const world = makeWorld()
    await land(await run(openTable(world, { 'k2.snapshots-max': '10' })), 0, 8)
    const reopened = await run(openTable(world, { 'k2.snapshots-max': '3' }))
    expect(reopened.loaded.metadata.snapshots).toHaveLength(8)
    await land(reopened, 8, 9)
    expect(reopened.loaded.metadata.snapshots).toHaveLength(3)
    expect(reopened.loaded.metadata.properties['k2.snapshots-max']).toBe('3')
  })

  it('keeps what a tag needs', async () => {
    const world = makeWorld()
    const table = await run(
      openTable(world, { 'k2.snapshots-max': '3', 'commit.manifest.min-count-to-merge': '4' })
    )
    await land(table, 0, 2, day0 - 9)
    const tagged = table.loaded.metadata.snapshots.at(-1)!
    await tag(world, table, 'audit', tagged['snapshot-id'])
    await run(removeDayPartitions(table, day0))
    const removed = await land(table, 2, 12)
    for (const { location } of removed) world.files.stored.delete(location)
    const check = await run(openTable(makeWorld('check', world.files)))
    const kept = check.loaded.metadata.snapshots.find(
      (it) => it['snapshot-id'] === tagged['snapshot-id']
    )!
    expect(check.loaded.metadata.snapshots).toHaveLength(4)
    expect(
      (await run(liveEntries(check, kept)))
        .map((it) => it.data_file.file_path.split('/').at(-1))
        .sort((a, b) => String(a).localeCompare(String(b)))
    ).toEqual(['0_0_1_c0.parquet', '0_1_2_c1.parquet'])
    expect(removed.filter((it) => it.kind === 'data')).toEqual([])
    expect(
      removed.filter((it) => it.kind === 'state').map((it) => it.location.split('/').at(-1))
    ).not.toContain('0-2.bin')
  })

  it('never expires the newest snapshot with offsets, and describes what is left', async () => {
    const table = await run(openTable(makeWorld(), { 'k2.snapshots-max': '2' }))
    await land(table, 0, 5)
    const described = await run(describeSnapshots(table))
    expect(described.map((it) => [it.operation, it.isCurrent])).toEqual([
      ['append', true],
      ['append', false]
    ])
    expect(described[0]?.parentId).toBe(described[1]?.snapshotId)
    expect(described[0]?.summary['total-records']).toBe('5')
  })
})
