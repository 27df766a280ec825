import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { commitAppend, resolveUnknown } from '../../../src/adapters/iceberg/append.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import { commitSnapshot } from '../../../src/adapters/iceberg/snapshot-commit.ts'
import {
  readManifestList,
  readRecordedState,
  refresh,
  type Table
} from '../../../src/adapters/iceberg/table.ts'
import {
  batch,
  day0,
  fault,
  landedRanges,
  liveEntries,
  logIdentity,
  makeWorld,
  openTable,
  recordedOffset,
  topic,
  type MemoryFiles
} from './support.ts'

const run = Effect.runPromise

/** Runs something once, right before the next operation of that kind takes effect. */
const justBefore = (files: MemoryFiles, operation: string, act: () => void): void => {
  files.before = (seen) => {
    if (seen === operation) {
      files.before = () => null
      act()
    }
    return null
  }
}

/** The table as another engine writes it, whose manifest lists have names of their own. */
const asForeign = (table: Table): Table => {
  const { files, catalog } = table.ports
  const renamed = (location: string) => location.replace(/-k2\.avro$/, '.avro')
  const ports: Table['ports'] = {
    ...table.ports,
    files: { ...files, writeNew: (location, bytes) => files.writeNew(renamed(location), bytes) },
    catalog: {
      ...catalog,
      prepare: (identifier, { snapshot, ...commit }) => {
        const list = renamed(snapshot['manifest-list'])
        const given = { ...commit, snapshot: { ...snapshot, 'manifest-list': list } }
        return catalog.prepare(identifier, given)
      }
    }
  }
  return { ...table, ports }
}

/** A snapshot without any `k2.*` entry, as another engine's compaction writes it. */
const foreignCommit = (table: Table) =>
  run(
    commitSnapshot<never, never>(asForeign(table), 'foreign', (base) =>
      Effect.succeed({
        draft: {
          operation: 'replace',
          manifests: base.manifests,
          writes: [],
          changedPartitionCount: 0,
          added: { files: 0, records: 0, bytes: 0 },
          deleted: { files: 0, records: 0, bytes: 0 },
          summary: {}
        }
      })
    )
  )

describe('commitAppend', () => {
  it('makes data, offsets and state visible in one snapshot', async () => {
    const table = await run(openTable(makeWorld()))
    const first = await run(
      commitAppend(table, {
        ...batch('c1', [0, null, 100]),
        partitionCounts: [{ logIdentity, topic, count: 4 }]
      })
    )
    expect(first.parentId).toBeNull()
    expect(first.summary).toMatchObject({
      operation: 'append',
      'added-records': '100',
      'total-records': '100',
      'total-data-files': '1',
      'k2.commit-id': 'c1',
      'k2.offsets': `{"${logIdentity}":{"${topic}":{"0":100}}}`
    })
    const second = await run(commitAppend(table, batch('c2', [1, null, 50])))
    expect(second.parentId).toBe(first.snapshotId)
    expect(second.sequenceNumber).toBe(2)
    const state = await run(readRecordedState(table))
    expect(state.offsets).toEqual({ [logIdentity]: { [topic]: { 0: 100, 1: 50 } } })
    expect(state.states).toEqual({
      [logIdentity]: { [topic]: { 0: 'state/0-100.bin', 1: 'state/1-50.bin' } }
    })
    expect(state.partitionCounts).toEqual({ [logIdentity]: { [topic]: 4 } })
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '1:0-50'])
  })

  it('is fenced when the table is elsewhere, and says where', async () => {
    const table = await run(openTable(makeWorld()))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    const fenced = await run(Effect.flip(commitAppend(table, batch('c2', [0, 200, 300]))))
    expect(fenced).toMatchObject({
      _tag: 'Fenced',
      partitions: [{ partition: 0, expected: 200, recorded: 100 }]
    })
    expect(await run(landedRanges(table))).toEqual(['0:0-100'])
  })

  it('answers a repeated commit id with the first landing', async () => {
    const table = await run(openTable(makeWorld()))
    const first = await run(commitAppend(table, batch('c1', [0, null, 100])))
    const again = await run(commitAppend(table, batch('c1', [0, null, 100])))
    expect(again).toMatchObject({ snapshotId: first.snapshotId, attempts: 0 })
    expect(await run(landedRanges(table))).toEqual(['0:0-100'])
  })

  it('moves offsets without data files (R30)', async () => {
    const table = await run(openTable(makeWorld()))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    await run(commitAppend(table, batch('c2', [0, 100, 180], { rows: false })))
    expect(await run(recordedOffset(table, 0))).toBe(180)
    expect(await run(landedRanges(table))).toEqual(['0:0-100'])
  })

  it("rebases on a conflict and carries the other writer's offsets and state (R1)", async () => {
    const a = makeWorld('a')
    const b = makeWorld('b', a.files)
    const [tableA, tableB] = [await run(openTable(a)), await run(openTable(b))]
    await run(commitAppend(tableA, batch('a1', [0, null, 1_100])))
    await run(commitAppend(tableB, batch('b1', [1, null, 500])))
    justBefore(a.files, 'publish', () =>
      Effect.runSync(commitAppend(tableA, batch('a2', [0, 1_100, 1_200])))
    )
    const rebased = await run(commitAppend(tableB, batch('b2', [1, 500, 600])))
    expect(rebased.attempts).toBe(2)
    expect(b.events).toEqual([{ type: 'commit.conflicted', table: 'market.trades', count: 1 }])
    const state = await run(readRecordedState(tableA))
    expect(state.offsets).toEqual({ [logIdentity]: { [topic]: { 0: 1_200, 1: 600 } } })
    expect(state.states).toEqual({
      [logIdentity]: { [topic]: { 0: 'state/0-1200.bin', 1: 'state/1-600.bin' } }
    })
    expect(await run(landedRanges(tableA))).toEqual([
      '0:0-1100',
      '0:1100-1200',
      '1:0-500',
      '1:500-600'
    ])
  })

  it('retention that rebases keeps what landed meanwhile (R9)', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100], { day: day0 - 5 })))
    justBefore(world.files, 'publish', () =>
      Effect.runSync(commitAppend(table, batch('c2', [0, 100, 200])))
    )
    const removed = await run(removeDayPartitions(table, day0))
    expect(removed?.attempts).toBe(2)
    expect(await run(recordedOffset(table, 0))).toBe(200)
    expect(await run(landedRanges(table))).toEqual(['0:100-200'])
    const fenced = await run(Effect.flip(commitAppend(table, batch('c3', [0, 100, 200]))))
    expect(fenced._tag).toBe('Fenced')
  })

  it('keeps offsets of different logs apart (R8)', async () => {
    const table = await run(openTable(makeWorld()))
    await run(commitAppend(table, batch('c1', [0, null, 5_000_000])))
    await run(commitAppend(table, batch('c2', [0, null, 300], { logIdentity: 'log-b' })))
    expect(await run(recordedOffset(table, 0))).toBe(5_000_000)
    expect(await run(recordedOffset(table, 0, 'log-b'))).toBe(300)
  })

  it('reads offsets behind a foreign snapshot, refuses a table without any (R10)', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    await foreignCommit(table)
    expect(await run(recordedOffset(table, 0))).toBe(100)
    const next = await run(commitAppend(table, batch('c2', [0, 100, 200])))
    expect(next.summary['k2.state']).toContain('state/0-200.bin')
    const bare = await run(openTable(makeWorld('bare')))
    await foreignCommit(bare)
    const refused = await run(Effect.flip(commitAppend(bare, batch('c1', [0, null, 100]))))
    expect(refused._tag).toBe('OffsetsMissing')
  })

  it('refuses another partition count than at the first landing (R41)', async () => {
    const table = await run(openTable(makeWorld()))
    const counts = (count: number) => ({ partitionCounts: [{ logIdentity, topic, count }] })
    await run(commitAppend(table, { ...batch('c1', [0, null, 100]), ...counts(4) }))
    const refused = await run(
      Effect.flip(commitAppend(table, { ...batch('c2', [0, 100, 200]), ...counts(8) }))
    )
    expect(refused).toMatchObject({ _tag: 'PartitionCountChanged', recorded: 4, given: 8 })
  })

  it('merges manifests without touching what they say', async () => {
    const world = makeWorld()
    const table = await run(openTable(world, { 'commit.manifest.min-count-to-merge': '5' }))
    for (let index = 0; index < 40; index += 1) {
      await run(commitAppend(table, batch(`c${index}`, [0, index === 0 ? null : index, index + 1])))
    }
    expect(world.events.some((it) => it.type === 'commit.merged_manifests')).toBe(true)
    const { metadata } = await run(refresh(table))
    const list = await run(readManifestList(table, metadata.snapshots.at(-1)!))
    expect(list.length).toBeLessThanOrEqual(5)
    const entries = await run(liveEntries(table, metadata.snapshots.at(-1)!))
    expect(entries).toHaveLength(40)
    const ids = metadata.snapshots.map((it) => it['snapshot-id'])
    for (const entry of entries.filter((it) => it.status === 0)) {
      expect(entry.snapshot_id).toBe(ids[(entry.sequence_number ?? 0) - 1])
      expect(entry.data_file.file_path).toContain(`_c${(entry.sequence_number ?? 0) - 1}.parquet`)
    }
  })

  it('leaves nothing behind when it is fenced or a write fails', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    const before = [...world.files.stored.keys()].sort()
    justBefore(world.files, 'publish', () =>
      Effect.runSync(commitAppend(table, batch('c2', [0, 100, 200])))
    )
    expect((await run(Effect.flip(commitAppend(table, batch('c3', [0, 100, 150])))))._tag).toBe(
      'Fenced'
    )
    const afterFence = [...world.files.stored.keys()]
    expect(afterFence).toHaveLength(before.length + 4)
    world.files.before = (operation, location) =>
      operation === 'writeNew' && location.endsWith('.metadata.json')
        ? fault('FileFailed', location)
        : null
    const failed = await run(Effect.flip(commitAppend(table, batch('c4', [0, 200, 250]))))
    expect(failed._tag).toBe('CommitFailed')
    expect([...world.files.stored.keys()].sort()).toEqual(afterFence.sort())
  })

  it('swaps only once the data files are durable', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    const order: string[] = []
    world.files.before = (operation) => (order.push(operation), null)
    const syncDataFiles = Effect.gen(function* () {
      for (let wait = 0; wait < 50; wait += 1) yield* Effect.yieldNow
      order.push('data files durable')
    })
    await run(commitAppend(table, { ...batch('c1', [0, null, 100]), syncDataFiles }))
    expect(order.indexOf('data files durable')).toBeGreaterThan(order.lastIndexOf('writeNew'))
    expect(order.indexOf('data files durable')).toBeLessThan(order.indexOf('publish'))
  })

  it('does not commit, and leaves nothing, when they cannot be made durable', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    const before = [...world.files.stored.keys()]
    const syncDataFiles = Effect.fail({ message: 'EIO' })
    const failed = await run(
      Effect.flip(commitAppend(table, { ...batch('c2', [0, 100, 200]), syncDataFiles }))
    )
    expect(failed).toMatchObject({ _tag: 'CommitFailed', reason: 'EIO' })
    expect([...world.files.stored.keys()]).toEqual(before)
    expect(await run(landedRanges(table))).toEqual(['0:0-100'])
  })

  it('starts from what the caller has loaded, then from the table if that is old', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    const old = table.loaded
    const next = await run(commitAppend(table, { ...batch('c2', [0, 100, 200]), start: old }))
    expect(next.attempts).toBe(1)
    const other = await run(openTable(makeWorld('other', world.files)))
    const late = await run(
      commitAppend(other, { ...batch('c3', [1, null, 50]), start: old })
    )
    expect(late.attempts).toBe(2)
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '0:100-200', '1:0-50'])
    expect([...world.files.stored.keys()].filter((it) => it.endsWith('.tmp'))).toEqual([])
  })

  it('leaves an unclear outcome to the lineage (R19)', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    world.files.after = (operation, location) =>
      operation === 'publish' ? fault('FileFailed', location) : null
    const unknown = await run(Effect.flip(commitAppend(table, batch('c2', [0, 100, 200]))))
    world.files.after = () => null
    expect(unknown._tag).toBe('CommitUnknown')
    if (unknown._tag !== 'CommitUnknown') return
    expect(await run(resolveUnknown(table, unknown))).toMatchObject({ outcome: 'landed' })
    world.files.before = (operation, location) =>
      operation === 'publish' ? fault('FileFailed', location) : null
    const lost = await run(Effect.flip(commitAppend(table, batch('c3', [0, 200, 300]))))
    world.files.before = () => null
    expect(lost._tag).toBe('CommitUnknown')
    if (lost._tag !== 'CommitUnknown') return
    expect(await run(resolveUnknown(table, lost))).toEqual({ outcome: 'notLanded' })
    expect(
      await run(resolveUnknown(table, { commitId: lost.commitId, parentId: '12345' }))
    ).toEqual({ outcome: 'parentGone' })
    await run(commitAppend(table, batch('c3', [0, 200, 300])))
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '0:100-200', '0:200-300'])
  })

  it('keeps at most 100 snapshots and names what they leave behind (R27)', async () => {
    const table = await run(openTable(makeWorld()))
    const removed = []
    for (let index = 0; index < 230; index += 1) {
      const done = await run(
        commitAppend(
          table,
          batch(`c${index}`, [0, index === 0 ? null : index * 10, index * 10 + 10])
        )
      )
      removed.push(...done.removed)
    }
    const { metadata } = await run(refresh(table))
    expect(metadata.snapshots).toHaveLength(100)
    expect(metadata['metadata-log']).toHaveLength(100)
    expect(metadata['snapshot-log']).toHaveLength(100)
    expect((await run(landedRanges(table))).length).toBe(230)
    expect(removed.filter((it) => it.kind === 'manifest-list')).toHaveLength(130)
    expect(removed.filter((it) => it.kind === 'state')).toHaveLength(130)
    expect(removed.filter((it) => it.kind === 'metadata')).toHaveLength(130)
    expect(removed.filter((it) => it.kind === 'data')).toHaveLength(0)
  })
})
