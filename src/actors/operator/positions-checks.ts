/**
 * Holds what exactly-once rests on against itself: offsets along the lineage, the sequence states
 * that snapshots name, and the log that the offsets are of (R1, R8, R10).
 */
import * as Effect from 'effect/Effect'
import {
  type ByPartition,
  offsetsOf,
  operationKey,
  type RecordedState,
  statesOf,
  valueAt
} from '../../adapters/iceberg/k2-summary.ts'
import { lineage, type Snapshot } from '../../adapters/iceberg/metadata.ts'
import { readState } from '../../adapters/iceberg/table.ts'
import { parsePartitionState } from '../lander/landing-partition.ts'
import type { PartitionState } from '../../machines/partition-fold.ts'
import type { Findings } from './doctor-report.ts'
import type { LogFacts } from './log-facts.ts'
import { readOr, type TableView } from './table-view.ts'

interface Place {
  readonly logIdentity: string
  readonly topic: string
  readonly partition: number
}

interface RecordedPlace extends Place {
  readonly offset: number
}

/** Oldest first: no partition's offset goes back, none is lost but by an operator (R1, R9). */
export const checkLineage = (view: TableView, findings: Findings): void => {
  if (view.current === null) return
  const retained = lineage(view.metadata, view.current).toReversed()
  let before: readonly RecordedPlace[] = []
  for (const snapshot of retained) {
    const id = snapshot['snapshot-id']
    findings.checked++
    // A foreign writer's: the offsets are those of its newest ancestor that has some (R10).
    if (!hasOffsets(snapshot)) continue
    const offsets = offsetsOf(snapshot)
    for (const place of isAdoption(snapshot) ? [] : before) {
      const now = valueAt(offsets, place)
      if (now === null) findings.add(`snapshot ${id} forgets ${nameOf(place)}`)
      else if (now < place.offset)
        findings.add(`snapshot ${id}: ${nameOf(place)} goes back from ${place.offset} to ${now}`)
    }
    before = placesOf(offsets)
  }
}

/**
 * Every state that a retained snapshot names exists and decodes, there is one per offset, and its
 * counters have followed the offsets: consumed = landed + duplicates + dead-lettered + held, and
 * offset − consumed is where counting began, and stays what it was (R16).
 */
export const checkStates = (view: TableView, findings: Findings) =>
  Effect.gen(function* () {
    const states = new Map<string, PartitionState | null>()
    const gaps = new Map<string, number>()
    for (const snapshot of retainedOldestFirst(view)) {
      const id = snapshot['snapshot-id']
      const [offsets, paths] = [offsetsOf(snapshot), statesOf(snapshot)]
      for (const place of placesOf(offsets)) {
        const path = valueAt(paths, place)
        if (path === null) {
          findings.add(`snapshot ${id}: ${nameOf(place)} has an offset and no state`, [id])
          continue
        }
        let state = states.get(path)
        if (state === undefined) {
          findings.checked++
          state = (yield* stateAt(view, path, (reason) => findings.add(reason, [id]))) ?? null
          states.set(path, state)
          if (state !== null)
            for (const fault of countFaults(state)) findings.add(`${path}: ${fault}`)
        }
        if (state === null) continue
        const { counters, compactedAway = 0, origin } = state
        const gap = place.offset - counters.consumed - compactedAway
        if (origin !== undefined && origin !== gap)
          findings.add(
            `snapshot ${id}: ${nameOf(place)} is at ${place.offset}, its state has consumed ` +
              `${counters.consumed} from ${origin} on`,
            [id]
          )
        const known = isByOperator(snapshot) ? undefined : gaps.get(nameOf(place))
        if (known !== undefined && known !== gap)
          findings.add(
            `snapshot ${id}: ${nameOf(place)} is at ${place.offset}, its state has consumed ` +
              `${counters.consumed}: they moved apart by ${gap - known}`,
            [id]
          )
        gaps.set(nameOf(place), gap)
      }
    }
  })

/** The log holds what the table wants next (R8). */
export const checkLog = (
  { offsets, partitionCounts }: RecordedState,
  facts: LogFacts,
  findings: Findings
) =>
  Effect.gen(function* () {
    if ('missing' in facts) {
      findings.skipped = facts.missing
      return
    }
    for (const [identity, topics] of Object.entries(offsets)) {
      for (const topic of Object.keys(topics)) {
        const here = facts.identityOf(topic)
        if (here === undefined || !facts.topics.has(topic)) {
          findings.add(`${topic} was landed from log ${identity}, and is not here: bring it back`)
        } else if (identity === here) {
          const [count, actual] = [partitionCounts[here]?.[topic], facts.topics.get(topic)]
          if (count !== undefined && count !== actual)
            findings.add(`${topic} has ${actual} partitions, at its first landing it had ${count}`)
        } else if (offsets[here]?.[topic] === undefined) {
          findings.add(
            `${topic} was landed from log ${identity}, here is ${here}: ` +
              'run k2 adopt-log, or bring the log back'
          )
        }
      }
    }
    for (const { topic, partition, startOffset, endOffset, damage } of facts.partitions) {
      const at = { logIdentity: facts.identityOf(topic) ?? '', topic, partition }
      const offset = valueAt(offsets, at)
      if (offset === null) continue
      findings.checked++
      if (damage !== null) findings.add(damage)
      else if (offset < startOffset || offset > endOffset)
        findings.add(
          `${topic}-${partition}: the table is at ${offset}, the log has ` +
            `[${startOffset}, ${endOffset}): run k2 adopt-log, or restore the log`
        )
      else {
        const fault = yield* facts.faultAt(topic, partition, offset)
        if (fault !== null) findings.add(fault.message)
      }
    }
  })

/** State of a path, or nothing after telling why. */
const stateAt = (view: Pick<TableView, 'table'>, path: string, tell: (reason: string) => void) =>
  Effect.map(readOr(readState(view.table, path), tell), (bytes) => {
    if (bytes === undefined) return undefined
    try {
      return parsePartitionState(bytes)
    } catch (error) {
      tell(`${path}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  })

const nameOf = ({ logIdentity, topic, partition }: Place): string =>
  `${logIdentity}/${topic}/${partition}`

const hasOffsets = (snapshot: Snapshot): boolean => snapshot.summary['k2.offsets'] !== undefined

const isByOperator = ({ summary }: Snapshot): boolean => summary[operationKey] !== undefined

const isAdoption = ({ summary }: Snapshot): boolean => summary[operationKey] === 'adopt-log'

const retainedOldestFirst = ({ metadata, current }: TableView): readonly Snapshot[] => {
  const main = lineage(metadata, current).toReversed()
  const others = metadata.snapshots.filter((it) => !main.includes(it))
  return [...others, ...main].filter(hasOffsets)
}

const placesOf = (offsets: ByPartition<number>): readonly RecordedPlace[] =>
  Object.entries(offsets).flatMap(([logIdentity, topics]) =>
    Object.entries(topics).flatMap(([topic, partitions]) =>
      Object.entries(partitions).map(([partition, offset]) => ({
        logIdentity,
        topic,
        partition: Number(partition),
        offset
      }))
    )
  )

const countFaults = ({ counters, sequences }: PartitionState): readonly string[] => {
  const { consumed, landed, duplicates, deadLettered, held } = counters
  const explained = landed + duplicates + deadLettered + held
  const waiting = Object.values(sequences).reduce((sum, it) => sum + it.held.length, 0)
  return [
    ...(consumed === explained ? [] : [`${consumed} records consumed, ${explained} accounted for`]),
    ...(held === waiting ? [] : [`${held} records held by the counters, ${waiting} by the state`])
  ]
}
