/**
 * The part of a snapshot's summary that exactly-once rests on: `k2.offsets`, `k2.state`,
 * `k2.partitions`, `k2.commit-id`.
 *
 * 1. Each is one compact JSON text: log identity → topic → partition → value (R8); `k2.partitions`
 *    stops at the topic.
 * 2. The recorded state of a table is that of the newest ancestor with `k2.offsets` (R10).
 * 3. An advance replaces the entries of its own partitions only; all other `k2.*` entries are
 *    carried (R1, R9).
 * 4. No offset goes backwards.
 * 5. A snapshot of ours is known by the name of its manifest list. One without `k2.offsets` has
 *    lost them to the catalog: an older one's offsets would land again what it holds.
 * 6. What an operator gave up stays on record in `k2.retired`, as offsets do.
 * 7. `k2.removals` counts the commits that took rows out of the table, or records out of what is to
 *    land: between two snapshots with the same count there was none.
 */
import {
  type Fenced,
  invariant,
  OffsetsMissing,
  PartitionCountChanged,
  SummaryAltered
} from './errors.ts'
import { currentSnapshot, lineage, type Snapshot, type TableMetadata } from './metadata.ts'

/** Move of one topic-partition by a commit. */
export interface Advance {
  readonly logIdentity: string
  readonly topic: string
  readonly partition: number
  /**
   * Offset of the first record that the batch covers; null: nothing of this partition has landed
   * yet.
   */
  readonly fromOffset: number | null
  /** Offset of the first record that it does not cover. */
  readonly nextOffset: number
  /** What `writeState` returned for the sequence state at `nextOffset`. */
  readonly statePath: string
}

/** Partitions of a topic, recorded at its first landing (R41). */
export interface PartitionCount {
  readonly logIdentity: string
  readonly topic: string
  readonly count: number
}

/** log identity → topic → partition → value */
export type ByPartition<V> = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, V>>>>>
>

export interface RecordedState {
  readonly offsets: ByPartition<number>
  readonly states: ByPartition<string>
  /** log identity → topic → partition count */
  readonly partitionCounts: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** All `k2.*` entries but the commit id, as text. */
  readonly carried: Readonly<Record<string, string>>
}

export const commitIdKey = 'k2.commit-id'
export const offsetsKey = 'k2.offsets'
const stateKey = 'k2.state'
const partitionsKey = 'k2.partitions'
const retiredKey = 'k2.retired'
const removalsKey = 'k2.removals'
/** Which command of an operator made a snapshot. Not carried: it is of that snapshot alone. */
export const operationKey = 'k2-operation'

/** Why it is unknown what has landed. */
export type StateError = OffsetsMissing | SummaryAltered

/** How the name of a manifest list of ours ends. */
export const ourListSuffix = '-k2.avro'

/**
 * What the table says has landed; nothing for a table without snapshots.
 * @throws OffsetsMissing for snapshots without an ancestor that carries `k2.offsets`,
 * SummaryAltered (5)
 */
export const recordedState = (table: string, metadata: TableMetadata): RecordedState =>
  recordedStateAt(table, metadata, currentSnapshot(metadata))

/**
 * The same of another snapshot.
 * @throws OffsetsMissing, SummaryAltered
 */
export const recordedStateAt = (
  table: string,
  metadata: TableMetadata,
  current: Snapshot | null
): RecordedState => {
  if (current === null) return nothingRecorded
  const ancestors = lineage(metadata, current)
  const at = ancestors.findIndex((it) => it.summary[offsetsKey] !== undefined)
  const source = ancestors[at]
  if (source === undefined)
    throw new OffsetsMissing({ table, snapshotId: current['snapshot-id'].toString() })
  const altered = ancestors
    .slice(0, at)
    .find((it) => it['manifest-list'].endsWith(ourListSuffix))
  if (altered !== undefined) {
    const snapshotId = altered['snapshot-id'].toString()
    throw new SummaryAltered({ table, snapshotId, keys: [offsetsKey] })
  }
  return stateOf(source)
}

/** Offsets, and those that are retired (6). */
export const allOffsets = ({ offsets, carried }: RecordedState): ByPartition<number> => ({
  ...(JSON.parse(carried[retiredKey] ?? '{}') as ByPartition<number>),
  ...offsets
})

/** (7) */
export const removalsOf = ({ carried }: RecordedState): number => Number(carried[removalsKey] ?? 0)

/** Entries of a commit that removes (7). */
export const withRemoval = (state: RecordedState): Readonly<Record<string, string>> => ({
  ...state.carried,
  [removalsKey]: String(removalsOf(state) + 1)
})

/** Offsets that a snapshot itself carries. */
export const offsetsOf = (snapshot: Snapshot): ByPartition<number> => stateOf(snapshot).offsets

/** State paths that a snapshot itself carries. */
export const statesOf = (snapshot: Snapshot): ByPartition<string> => stateOf(snapshot).states

/** State paths that a snapshot names. */
export const statePathsOf = (snapshot: Snapshot): readonly string[] => {
  const known = statePaths.get(snapshot)
  if (known !== undefined) return known
  const paths = Object.values(stateOf(snapshot).states).flatMap((topics) =>
    Object.values(topics).flatMap((partitions) => Object.values(partitions))
  )
  statePaths.set(snapshot, paths)
  return paths
}

const statePaths = new WeakMap<Snapshot, readonly string[]>()

export const valueAt = <V>(
  positions: ByPartition<V>,
  at: { readonly logIdentity: string; readonly topic: string; readonly partition: number }
): V | null => positions[at.logIdentity]?.[at.topic]?.[at.partition] ?? null

/** Partitions that are not where the advances start; empty: the fence holds. */
export const fenceMismatches = (
  state: RecordedState,
  advances: readonly Advance[]
): Fenced['partitions'] =>
  advances
    .map(({ logIdentity, topic, partition, fromOffset }) => ({
      logIdentity,
      topic,
      partition,
      expected: fromOffset,
      recorded: valueAt(state.offsets, { logIdentity, topic, partition })
    }))
    .filter((it) => it.expected !== it.recorded)

/** Entries that are not what an attempt starts from; empty: the fence holds. */
export const changedEntries = (
  { carried }: RecordedState,
  required: Readonly<Record<string, string | null>>
): readonly string[] =>
  Object.keys(required).filter((key) => (carried[key] ?? null) !== required[key])

/**
 * `k2.*` entries after the advances (3).
 * @throws PartitionCountChanged (R41), InvariantBroken (4)
 */
export const advanced = (
  table: string,
  state: RecordedState,
  advances: readonly Advance[],
  counts: readonly PartitionCount[]
): Readonly<Record<string, string>> => {
  const offsets = copyOf(state.offsets)
  const states = copyOf(state.states)
  for (const advance of advances) {
    const recorded = valueAt(state.offsets, advance)
    invariant(
      Number.isSafeInteger(advance.nextOffset) && advance.nextOffset >= 0,
      `offset ${advance.nextOffset}`
    )
    invariant(
      recorded === null || advance.nextOffset >= recorded,
      `${table}: ${advance.topic}-${advance.partition} would go back from ${recorded}`
    )
    put(offsets, advance, advance.nextOffset)
    put(states, advance, advance.statePath)
  }
  return {
    ...state.carried,
    [offsetsKey]: JSON.stringify(offsets),
    [stateKey]: JSON.stringify(states),
    [partitionsKey]: JSON.stringify(countsWith(table, state.partitionCounts, counts))
  }
}

/** A topic's offsets and states from now on, in the place of all that was recorded of it. */
export interface Adoption {
  readonly logIdentity: string
  readonly topic: string
  readonly partitionCount: number
  readonly partitions: readonly {
    readonly partition: number
    readonly offset: number
    readonly statePath: string
  }[]
}

/**
 * `k2.*` entries after a log was adopted: other logs' entries of the topic are retired (6), so
 * whoever still lands from one of them is fenced.
 * @throws InvariantBroken (4)
 */
export const adopted = (
  state: RecordedState,
  { logIdentity, topic, partitionCount, partitions }: Adoption
): Readonly<Record<string, string>> => {
  const [offsets, states] = [copyOf(state.offsets), copyOf(state.states)]
  const counts = structuredClone(state.partitionCounts) as Record<string, Record<string, number>>
  const retired = JSON.parse(state.carried[retiredKey] ?? '{}') as Mutable<number>
  for (const [identity, topics] of Object.entries(state.offsets)) {
    if (topics[topic] === undefined) continue
    if (identity !== logIdentity) (retired[identity] ??= {})[topic] = { ...topics[topic] }
    for (const entries of [offsets, states, counts]) dropTopic(entries, identity, topic)
  }
  for (const { partition, offset, statePath } of partitions) {
    const at = { logIdentity, topic, partition }
    const recorded = valueAt(state.offsets, at)
    invariant(
      recorded === null || offset >= recorded,
      `${topic}-${partition} would go back from ${recorded} to ${offset} in the same log`
    )
    put(offsets, at, offset)
    put(states, at, statePath)
  }
  ;(counts[logIdentity] ??= {})[topic] = partitionCount
  return {
    ...withRemoval(state),
    [offsetsKey]: JSON.stringify(offsets),
    [stateKey]: JSON.stringify(states),
    [partitionsKey]: JSON.stringify(counts),
    [retiredKey]: JSON.stringify(retired)
  }
}

const dropTopic = (
  entries: Record<string, Record<string, unknown>>,
  identity: string,
  topic: string
): void => {
  const { [topic]: _, ...others } = entries[identity] ?? {}
  if (Object.keys(others).length === 0) delete entries[identity]
  else entries[identity] = others
}

export const nothingRecorded: RecordedState = {
  offsets: {},
  states: {},
  partitionCounts: {},
  carried: {}
}

const states = new WeakMap<Snapshot, RecordedState>()

const stateOf = (snapshot: Snapshot): RecordedState => {
  const known = states.get(snapshot)
  if (known !== undefined) return known
  const { summary } = snapshot
  const state: RecordedState = {
    offsets: JSON.parse(summary[offsetsKey] ?? '{}') as ByPartition<number>,
    states: JSON.parse(summary[stateKey] ?? '{}') as ByPartition<string>,
    partitionCounts: JSON.parse(summary[partitionsKey] ?? '{}') as RecordedState['partitionCounts'],
    carried: Object.fromEntries(
      Object.entries(summary).filter(([key]) => key.startsWith('k2.') && key !== commitIdKey)
    )
  }
  states.set(snapshot, state)
  return state
}

type Mutable<V> = Record<string, Record<string, Record<string, V>>>

const copyOf = <V>(positions: ByPartition<V>): Mutable<V> =>
  structuredClone(positions) as Mutable<V>

const put = <V>(
  positions: Mutable<V>,
  { logIdentity, topic, partition }: Pick<Advance, 'logIdentity' | 'topic' | 'partition'>,
  value: V
): void => {
  const topics = (positions[logIdentity] ??= {})
  const partitions = (topics[topic] ??= {})
  partitions[partition] = value
}

const countsWith = (
  table: string,
  recorded: RecordedState['partitionCounts'],
  given: readonly PartitionCount[]
): RecordedState['partitionCounts'] => {
  const counts: Record<string, Record<string, number>> = structuredClone(recorded) as Record<
    string,
    Record<string, number>
  >
  for (const { logIdentity, topic, count } of given) {
    const topics = (counts[logIdentity] ??= {})
    const known = topics[topic]
    if (known !== undefined && known !== count) {
      throw new PartitionCountChanged({ table, topic, recorded: known, given: count })
    }
    topics[topic] = count
  }
  return counts
}
