import { expect, test } from 'vitest'
import { chosenSnapshot } from '../../../src/actors/reading/chosen-snapshot.ts'
import type { Snapshot, TableMetadata } from '../../../src/adapters/iceberg/metadata.ts'
import type { ReadAt } from '../../../src/adapters/query/query-ports.ts'

/** One a second, each the child of the one before. */
const snapshot = (id: number, removals: number): Snapshot => ({
  'snapshot-id': BigInt(id),
  ...(id === 1 ? {} : { 'parent-snapshot-id': BigInt(id - 1) }),
  'sequence-number': id,
  'timestamp-ms': id * 1_000,
  'manifest-list': `list-${id}-k2.avro`,
  summary: {
    operation: 'append',
    'k2.offsets': JSON.stringify({ log: { topic: { 0: id * 10 } } }),
    ...(removals === 0 ? {} : { 'k2.removals': String(removals) })
  }
})

const tableOf = (snapshots: readonly Snapshot[]): TableMetadata => {
  const head = snapshots.at(-1)
  return {
    ...(head === undefined ? {} : { 'current-snapshot-id': head['snapshot-id'] }),
    snapshots,
    refs: {
      ...(head && { main: { type: 'branch', 'snapshot-id': head['snapshot-id'] } }),
      ...(snapshots.length > 1 && {
        monday: { type: 'tag', 'snapshot-id': snapshots[1]!['snapshot-id'] },
        other: { type: 'branch', 'snapshot-id': snapshots[1]!['snapshot-id'] }
      })
    }
  } as unknown as TableMetadata
}

const all = tableOf([snapshot(1, 0), snapshot(2, 0), snapshot(3, 1), snapshot(4, 1)])
/** The first two have expired. */
const newer = tableOf([snapshot(3, 1), snapshot(4, 1)])
const none = tableOf([])

const point = (removals: number, offset = 0): ReadAt => ({
  kind: 'point',
  point: {
    snapshotId: '1',
    removals,
    watermarks: new Map([['log/topic/0', offset]]),
    undecided: new Map(),
    missing: []
  }
})

const cases: readonly [string, TableMetadata, ReadAt | undefined, bigint | null | string][] = [
  ['now', all, undefined, 4n],
  ['now, without snapshots', none, undefined, null],
  ['by id', all, { kind: 'snapshot', snapshotId: '2' }, 2n],
  ['by an id that has expired', newer, { kind: 'snapshot', snapshotId: '2' }, 'SnapshotNotFound'],
  ['by tag', all, { kind: 'tag', name: 'monday' }, 2n],
  ['a branch is no tag', all, { kind: 'tag', name: 'other' }, 'SnapshotNotFound'],
  ['a name of all objects', all, { kind: 'tag', name: 'constructor' }, 'SnapshotNotFound'],
  ['at the time of a commit', all, { kind: 'time', atMs: 3_000 }, 3n],
  ['just before it', all, { kind: 'time', atMs: 2_999 }, 2n],
  ['long after the last', all, { kind: 'time', atMs: 9_999_999 }, 4n],
  ['before the first', all, { kind: 'time', atMs: 999 }, 'SnapshotNotFound'],
  ['before the first that is kept', newer, { kind: 'time', atMs: 2_999 }, 'ReadExpired'],
  ['at a time, without snapshots', none, { kind: 'time', atMs: 1 }, 'SnapshotNotFound'],
  ['a point from which nothing was removed', all, point(1), 4n],
  ['one that is beyond it', all, point(1, 99), 4n],
  ['a point from before a removal', all, point(0, 20), 2n],
  ['one whose newest rows the tail had', all, point(0, 21), 'ReadExpired'],
  ['the same, once that has expired', newer, point(0), 'ReadExpired'],
  ['a point of another past', all, point(7), 'ReadExpired'],
  ['a point of a table without snapshots', none, point(0), null],
  ['the same, and more than it has', none, point(1), 'ReadExpired']
]

test.each(cases)('%s', (_, metadata, at, expected) => {
  const choose = () => chosenSnapshot('market.trades', metadata, at)
  if (typeof expected === 'string')
    expect(choose).toThrow(expect.objectContaining({ _tag: expected }))
  else expect(choose()?.['snapshot-id'] ?? null).toBe(expected)
})
