/**
 * One commit of a landing session: cut off from what is read on, then landed in one atomic step.
 *
 * 1. Dead letters are durable before the commit that passes them (R29).
 * 2. What is counted of letters is counted once the commit has passed them: a batch that is landed
 *    again is not counted again.
 * 3. Nothing is committed that may have been read from another log than the one that the offsets
 *    are recorded for (R8).
 */
import * as Effect from 'effect/Effect'
import type * as Fiber from 'effect/Fiber'
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import {
  type FollowedRead,
  type LandedRows,
  type LanderPorts,
  LandingFailed,
  type PartitionAdvance,
  type PartitionPosition
} from './lander-ports.ts'
import type { LandingPartition, PartitionCut } from './landing-partition.ts'

/** What is landed between two looks at the table. */
export interface Session<A extends SequencedRecord> {
  readonly partitions: readonly LandingPartition<A>[]
  /** What is not cut yet. */
  rows: LandedRows<A>
  letters: DeadLetterEntry[]
  /** Records that are traced. */
  followed: FollowedRead[]
  bytes: number
  /** When the oldest record that is not cut was read. */
  oldestMs: number | undefined
  commits: number
  /** The one commit that is on its way. */
  landing: Fiber.Fiber<'landed' | 'fenced', LandingFailed> | undefined
  /** Once the end was asked for: where the log ended then, by partition. */
  ends: ReadonlyMap<number, number> | undefined
}

/** One commit, cut off from what is read on. */
interface Cut<A> {
  readonly commitId: string
  readonly startedMs: number
  readonly rows: LandedRows<A>
  readonly letters: readonly DeadLetterEntry[]
  readonly followed: readonly FollowedRead[]
  readonly partitions: readonly PartitionCut[]
  /** Of all partitions. */
  readonly positions: readonly PartitionPosition[]
}

export const cut = <A extends SequencedRecord, Files>(
  session: Session<A>,
  ports: LanderPorts<A, Files>
): Cut<A> => {
  const { rows, letters, followed, partitions } = session
  const positions = partitions.map(({ counters }) => counters)
  session.rows = ports.rows[rows === ports.rows[0] ? 1 : 0]
  session.letters = []
  session.followed = []
  session.bytes = 0
  session.oldestMs = undefined
  session.commits++
  return {
    commitId: ports.uuid(),
    startedMs: ports.nowMs(),
    rows,
    letters,
    followed,
    partitions: partitions.filter(({ isAhead }) => isAhead).map((partition) => partition.cut()),
    positions
  }
}

export const land = <A extends SequencedRecord, Files>(
  { commitId, startedMs, rows, letters, followed, partitions, positions }: Cut<A>,
  { session, topic }: { readonly session: Session<A>; readonly topic: string },
  ports: LanderPorts<A, Files>
): Effect.Effect<'landed' | 'fenced', LandingFailed> =>
  Effect.gen(function* () {
    const { table } = ports
    // (3) After all of it was read.
    yield* Effect.mapError(
      ports.log.confirm(topic),
      ({ message }) =>
        new LandingFailed({ step: 'log identity', detail: message, isDependency: true })
    )
    yield* writeLetters(letters, ports)
    const [files, advances] = yield* Effect.all(
      [
        table.writeRows(rows, commitId),
        Effect.forEach(partitions, (partition) => advanceOf(partition, table), {
          concurrency: 'unbounded'
        })
      ],
      { concurrency: 'unbounded' }
    )
    const writtenMs = ports.nowMs()
    const outcome = yield* table.commit({ commitId, files, advances })
    if (outcome.kind === 'fenced') {
      ports.observe({ type: 'commit.fenced', detail: outcome.detail })
      return 'fenced'
    }
    for (const settled of partitions) {
      session.partitions.find(({ partition }) => partition === settled.partition)!.settle(settled)
    }
    ports.log.noteLanded(
      topic,
      new Map(partitions.map(({ partition, nextOffset }) => [partition, nextOffset]))
    )
    observeLetters(letters, ports)
    const { snapshotId } = outcome
    const landedMs = ports.nowMs()
    ports.observe({
      type: 'commit.landed',
      snapshotId,
      rows: rows.length,
      tookMs: landedMs - startedMs,
      positions
    })
    if (followed.length > 0) {
      const times = { cutMs: startedMs, writtenMs, landedMs }
      ports.observe({ type: 'records.followed', commitId, snapshotId, ...times, records: followed })
    }
    rows.clear()
    return 'landed'
  }).pipe(
    Effect.tapError(({ message: detail }) =>
      Effect.sync(() => ports.observe({ type: 'commit.failed', detail }))
    )
  )

const advanceOf = (
  { state, ...advance }: PartitionCut,
  table: {
    readonly writeState: (
      partition: number,
      bytes: Uint8Array
    ) => Effect.Effect<string, LandingFailed>
  }
): Effect.Effect<PartitionAdvance, LandingFailed> =>
  Effect.map(table.writeState(advance.partition, state), (statePath) => ({ ...advance, statePath }))

/** (1) */
const writeLetters = <A extends SequencedRecord, Files>(
  letters: readonly DeadLetterEntry[],
  { deadLetters }: LanderPorts<A, Files>
): Effect.Effect<void, LandingFailed> =>
  letters.length === 0
    ? Effect.void
    : Effect.mapError(
        deadLetters.write(letters),
        ({ message }) =>
          new LandingFailed({ step: 'dead letters', detail: message, isDependency: true })
      )

/** (2) */
const observeLetters = <A extends SequencedRecord, Files>(
  letters: readonly DeadLetterEntry[],
  { observe }: LanderPorts<A, Files>
): void => {
  const countByReason = new Map<string, number>()
  for (const { reason } of letters) countByReason.set(reason, (countByReason.get(reason) ?? 0) + 1)
  for (const [reason, count] of countByReason)
    observe({ type: 'record.dead_lettered', reason, count })
  const rejected = letters.flatMap(({ symbol, nativeId, atMs }) =>
    symbol === null || nativeId === null
      ? []
      : [{ symbol, nativeId, atUs: Math.round(atMs * 1_000) }]
  )
  if (rejected.length > 0) observe({ type: 'ids.rejected', rejected })
}
