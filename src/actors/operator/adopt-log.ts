/**
 * `k2 adopt-log`: an operator's answer to a log that is not where the table left it (R8).
 *
 * 1. It is planned and shown first; it is done only to what was shown (the commit is fenced).
 * 2. The log is made able to go on before the table says that it does; either order of a crash
 *    leaves something that can be adopted again.
 * 3. Dead letters of records that were given back are durable before the commit (R29).
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import { commitAdoption } from '../../adapters/iceberg/adopt.ts'
import type { ByPartition, RecordedState } from '../../adapters/iceberg/k2-summary.ts'
import {
  readRecordedState,
  readState,
  type Table,
  writeState
} from '../../adapters/iceberg/table.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import {
  type ReturnedRecord,
  type StateOfPartition,
  transferStates
} from '../../machines/state-transfer.ts'
import type { PartitionState } from '../../machines/partition-fold.ts'
import { parsePartitionState } from '../lander/landing-partition.ts'
import { type PlannedPartition, planPartition, type StartingPoint } from './adoption-plan.ts'
import type { PartitionSurvey } from '../../adapters/log/log-survey.ts'
import type { KnownLog } from './log-facts.ts'

export interface AdoptionPlan {
  readonly topic: string
  readonly logIdentity: string
  readonly partitionCount: number
  /** Logs that are given up, with the offsets they had landed to. */
  readonly retired: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly partitions: readonly PlannedPartition[]
  /** What the table records now. */
  readonly recorded: RecordedState
}

/** The log cannot be adopted as asked. */
export class AdoptionRefused extends Schema.TaggedError<AdoptionRefused>()('AdoptionRefused', {
  reasons: Schema.Array(Schema.String)
}) {
  override get message() {
    return this.reasons.join('\n')
  }
}

export interface AdoptionOptions {
  readonly table: Table
  readonly log: KnownLog
  /** By partition, or for all of them. */
  readonly from: (partition: number) => StartingPoint | undefined
}

/** Plans of the topics that the table has landed and that do not simply go on. */
export const planAdoption = ({ table, log, from }: AdoptionOptions) =>
  Effect.gen(function* () {
    const recorded = yield* readRecordedState(table)
    const topics = new Set(Object.values(recorded.offsets).flatMap((it) => Object.keys(it)))
    const plans: AdoptionPlan[] = []
    const refusals: string[] = []
    for (const topic of topics) {
      const identity = log.identityOf(topic)
      const partitionCount = log.topics.get(topic)
      if (identity === undefined || partitionCount === undefined) continue
      const partitions: PlannedPartition[] = []
      for (const survey of log.partitions.filter((it) => it.topic === topic)) {
        const own = recorded.offsets[identity]?.[topic]
        const offset = own?.[survey.partition] ?? null
        // Nothing of it has landed yet: it begins as any new partition does.
        if (own !== undefined && offset === null) continue
        const fault = offset === null ? null : yield* log.faultAt(topic, survey.partition, offset)
        const asked = from(survey.partition)
        const planned = planPartition({ survey, recorded: offset, fault }, asked)
        if ('refusal' in planned) refusals.push(planned.refusal)
        else if (planned.logGoesOnAt !== null && !log.canGoOnAt)
          refusals.push(cutOff(survey, planned.logGoesOnAt))
        else partitions.push(planned)
      }
      const retired = retiredBy(recorded.offsets, identity, topic)
      plans.push({ topic, logIdentity: identity, recorded, partitions, partitionCount, retired })
    }
    if (refusals.length > 0) return yield* new AdoptionRefused({ reasons: refusals })
    if (plans.length === 0) {
      const landed = [...topics].join(', ') || 'nothing'
      const reason = `the log has none of the topics that the table has landed (${landed})`
      return yield* new AdoptionRefused({ reasons: [`${reason}; start K2 with it once`] })
    }
    return plans.filter(changesSomething)
  })

/** Its next records take offsets that the table has, and nobody can tell it to go on there. */
const cutOff = ({ topic, partition, endOffset }: PartitionSurvey, landed: number): string =>
  `${topic}-${partition} ends at ${endOffset}, the table is at ${landed}: it was ` +
  'cut off, and what is appended to it has offsets that the table has already. Stop all ' +
  'producers, copy what it holds to a topic that is made anew under this name, and run adopt-log ' +
  'again: of that nothing lands twice'

const retiredBy = (offsets: ByPartition<number>, identity: string, topic: string) =>
  Object.fromEntries(
    Object.entries(offsets).flatMap(([of, topics]) =>
      of === identity || topics[topic] === undefined ? [] : [[of, topics[topic]] as const]
    )
  )

const changesSomething = ({ partitions, retired }: AdoptionPlan): boolean =>
  Object.keys(retired).length > 0 ||
  partitions.some(({ from, to, logGoesOnAt }) => from !== to || logGoesOnAt !== null)

export interface AdoptionPorts {
  readonly table: Table
  /** Has a partition of the log go on at an offset. */
  readonly goOnAt: (at: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
  }) => Effect.Effect<void, { readonly message: string }>
  readonly writeLetters: (
    letters: readonly DeadLetterEntry[]
  ) => Effect.Effect<void, { readonly message: string }>
}

/** Does what a plan says. Nobody may write to the log meanwhile. */
export const adopt = (plan: AdoptionPlan, { table, goOnAt, writeLetters }: AdoptionPorts) =>
  Effect.gen(function* () {
    const { topic, logIdentity, partitionCount, partitions, recorded } = plan
    for (const { partition, logGoesOnAt } of partitions) {
      if (logGoesOnAt !== null) yield* goOnAt({ topic, partition, offset: logGoesOnAt })
    }
    const states = yield* statesFor(table, plan)
    yield* writeLetters(states.returned.map((it) => letterOf(topic, table.ports.clockMs(), it)))
    const adopted = yield* Effect.forEach(partitions, ({ partition, to: offset }) =>
      Effect.map(states.pathOf(partition), (statePath) => ({ partition, offset, statePath }))
    )
    return yield* commitAdoption(table, {
      commitId: table.ports.ids.uuid(),
      topic,
      logIdentity,
      partitionCount,
      planned: recorded.offsets,
      partitions: adopted
    })
  })

/**
 * In the same log a partition keeps its state, but for where counting began if the offset jumps:
 * what an operator has given up was not consumed (R16). From other logs they are carried over.
 */
const statesFor = (
  table: Table,
  { topic, logIdentity, partitionCount, partitions, recorded, retired }: AdoptionPlan
) =>
  Effect.gen(function* () {
    const own = recorded.states[logIdentity]?.[topic] ?? {}
    const others = Object.keys(retired).map((of) => recorded.states[of]?.[topic] ?? {})
    const given = Object.keys(own).length > 0 ? [own, ...others] : others
    const isMoved = others.length > 0
    const states: StateOfPartition[] = []
    for (const paths of isMoved ? given : []) {
      for (const [partition, path] of Object.entries(paths))
        states.push({ partition: Number(partition), state: yield* stateOf(table, path) })
    }
    const moved = yield* Effect.try({
      try: () => transferStates(states, partitionCount, (it) => partitionOf(it, partitionCount)),
      catch: (error) => new AdoptionRefused({ reasons: [(error as Error).message] })
    })
    const pathOf = (partition: number) => {
      const path = own[partition]
      const write = (state: PartitionState) =>
        writeState(table, `${topic}-${partition}`, Buffer.from(JSON.stringify(state)))
      if (isMoved || path === undefined) return write(moved.states[partition]!)
      const { from, to } = partitions.find((it) => it.partition === partition)!
      if (from === to) return Effect.succeed(path)
      return Effect.flatMap(stateOf(table, path), (kept) => {
        const { origin: _origin, ...state } = kept
        return write(state)
      })
    }
    return { returned: moved.returned, pathOf }
  })

const stateOf = (table: Table, path: string) =>
  Effect.flatMap(readState(table, path), (bytes) =>
    Effect.try({
      try: () => parsePartitionState(bytes),
      catch: (error) => unreadable(path, (error as Error).message)
    })
  ).pipe(
    Effect.catchTag('TableUnreadable', ({ message }) => Effect.fail(unreadable(path, message)))
  )

const unreadable = (path: string, reason: string): AdoptionRefused =>
  new AdoptionRefused({
    reasons: [`sequence state ${path} cannot be read (${reason}); run k2 rebuild-state first`]
  })

const letterOf = (
  topic: string,
  atMs: number,
  { partition, held }: ReturnedRecord
): DeadLetterEntry => {
  const { offset, record } = JSON.parse(held.payload) as {
    readonly offset: number
    readonly record: { readonly symbol: string }
  }
  return {
    atMs,
    reason: 'unconfirmed_sequence',
    detail: `id ${held.id} was not confirmed before its log was given up`,
    symbol: record.symbol,
    nativeId: held.id,
    position: { topic, partition, offset },
    raw: Buffer.from(held.payload)
  }
}
