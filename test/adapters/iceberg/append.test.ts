import * as Effect from 'effect/Effect'
import { describe, expect, it } from 'vitest'
import { commitAppend, resolveUnknown } from '../../../src/adapters/iceberg/append.ts'
import { readRecordedState, refresh } from '../../../src/adapters/iceberg/table.ts'
import { batch, fault, landedRanges, logIdentity, makeWorld, openTable, recordedOffset, topic } from './support.ts'

const run = Effect.runPromise

describe('commitAppend', () => {
  it('makes data, offsets and state visible in one snapshot', async () => {
    const table = await run(openTable(makeWorld()))
    const first = await run(commitAppend(table, {
      ...batch('c1', [0, null, 100]), partitionCounts: [{ logIdentity, topic, count: 4 }]
    }))
    expect(first.parentId).toBeNull()
    expect(first.summary).toMatchObject({
      operation: 'append', 'added-records': '100', 'total-records': '100', 'total-data-files': '1',
      'k2.commit-id': 'c1', 'k2.offsets': `{"${logIdentity}":{"${topic}":{"0":100}}}`
    })
    const second = await run(commitAppend(table, batch('c2', [1, null, 50])))
    expect(second.parentId).toBe(first.snapshotId)
    expect(second.sequenceNumber).toBe(2)
    const state = await run(readRecordedState(table))
    expect(state.offsets).toEqual({ [logIdentity]: { [topic]: { 0: 100, 1: 50 } } })
    expect(state.states).toEqual({ [logIdentity]: { [topic]: { 0: 'state/0-100.bin', 1: 'state/1-50.bin' } } })
    expect(state.partitionCounts).toEqual({ [logIdentity]: { [topic]: 4 } })
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '1:0-50'])
  })

  it('is fenced when the table is elsewhere, and says where', async () => {
    const table = await run(openTable(makeWorld()))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    const fenced = await run(Effect.flip(commitAppend(table, batch('c2', [0, 200, 300]))))
    expect(fenced).toMatchObject({ _tag: 'Fenced', partitions: [{ partition: 0, expected: 200, recorded: 100 }] })
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

  it('rebases on a conflict and carries the other writer\'s offsets and state (R1)', async () => {
    const a = makeWorld('a')
    const b = makeWorld('b', a.files)
    const [tableA, tableB] = [await run(openTable(a)), await run(openTable(b))]
    await run(commitAppend(tableA, batch('a1', [0, null, 100])))
    await run(commitAppend(tableB, batch('b1', [1, null, 500])))
    const racing = run(commitAppend(tableB, batch('b2', [1, 500, 600])))
    const winner = run(commitAppend(tableA, batch('a2', [0, 100, 200])))
    const results = await Promise.all([racing, winner])
    expect(Math.max(...results.map((it) => it.attempts))).toBe(2)
    const state = await run(readRecordedState(tableA))
    expect(state.offsets).toEqual({ [logIdentity]: { [topic]: { 0: 200, 1: 600 } } })
    expect(state.states).toEqual({ [logIdentity]: { [topic]: { 0: 'state/0-200.bin', 1: 'state/1-600.bin' } } })
    expect(await run(landedRanges(tableA))).toEqual(['0:0-100', '0:100-200', '1:0-500', '1:500-600'])
  })

  it('leaves an unclear outcome to the lineage (R19)', async () => {
    const world = makeWorld()
    const table = await run(openTable(world))
    await run(commitAppend(table, batch('c1', [0, null, 100])))
    world.files.after = (operation, location) => (operation === 'publish' ? fault('FileFailed', location) : null)
    const unknown = await run(Effect.flip(commitAppend(table, batch('c2', [0, 100, 200]))))
    world.files.after = () => null
    expect(unknown._tag).toBe('CommitUnknown')
    if (unknown._tag !== 'CommitUnknown') return
    expect(await run(resolveUnknown(table, unknown))).toMatchObject({ outcome: 'landed' })
    world.files.before = (operation, location) => (operation === 'publish' ? fault('FileFailed', location) : null)
    const lost = await run(Effect.flip(commitAppend(table, batch('c3', [0, 200, 300]))))
    world.files.before = () => null
    expect(lost._tag).toBe('CommitUnknown')
    if (lost._tag !== 'CommitUnknown') return
    expect(await run(resolveUnknown(table, lost))).toEqual({ outcome: 'notLanded' })
    expect(await run(resolveUnknown(table, { commitId: lost.commitId, parentId: '12345' }))).toEqual({ outcome: 'parentGone' })
    await run(commitAppend(table, batch('c3', [0, 200, 300])))
    expect(await run(landedRanges(table))).toEqual(['0:0-100', '0:100-200', '0:200-300'])
  })

  it('keeps at most 100 snapshots and names what they leave behind (R27)', async () => {
    const table = await run(openTable(makeWorld()))
    const removed = []
    for (let index = 0; index < 230; index += 1) {
      const done = await run(commitAppend(table, batch(`c${index}`, [0, index === 0 ? null : index * 10, index * 10 + 10])))
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
