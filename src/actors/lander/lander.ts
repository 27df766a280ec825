/**
 * Lands one topic: log → decode → validate → classify → rows →
 * one commit of rows, offsets and state.
 *
 * 1. The table alone says where to start; nothing else is
 *    remembered over a restart (DESIGN part 5).
 * 2. Nothing moves before the commit: a crash or a fence anywhere discards rows and draft states
 *    together, and the log is read again from the table's offsets (R19).
 * 3. A commit is due by rows, bytes or age, also when no row is
 *    to be added (R30); never without news.
 * 4. Dead letters are durable before the commit that passes them (R29).
 * 5. What cannot be landed safely stops its partition by name, not the others (R8, R10).
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import { openPartitions } from './landing-positions.ts'
import {
  type LanderOptions,
  type LanderPorts,
  LandingFailed,
  type PartitionAdvance
} from './lander-ports.ts'
import type { LandingPartition } from './landing-partition.ts'

export interface Lander {
  /** Ends by failure, or after `finish` once what is durable in the log has landed. */
  readonly run: Effect.Effect<void, LandingFailed>
  readonly finish: Effect.Effect<void>
}

/** Bytes of one read from a partition. */
const readBytesMax = 2 * 1_024 * 1_024
/** After a pass that brought less, some more is waited for: each read opens a file. */
const readBytesSmall = 256 * 1_024
const readPauseMs = 20
/** The first commit does not wait for the full age: a start should show that it lands. */
const firstCommitAgeMs = 1_000

interface Session<A extends SequencedRecord> {
  readonly partitions: readonly LandingPartition<A>[]
  readonly letters: DeadLetterEntry[]
  bytes: number
  /** When the oldest record that is not committed was read. */
  oldestMs: number | undefined
  commits: number
}

export const makeLander = <A extends SequencedRecord, Files>(
  options: LanderOptions,
  ports: LanderPorts<A, Files>
): Lander => {
  const news = Latch.makeUnsafe(false)
  const finishing = { requested: false }
  return {
    finish: Effect.sync(() => {
      finishing.requested = true
      news.openUnsafe()
    }),
    run: Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => ports.log.changed(() => news.openUnsafe())),
        (stop) => Effect.sync(stop)
      )
      for (;;) {
        const session = yield* openSession(options, ports)
        const end = yield* runSession(session, { options, ports, news, finishing })
        if (end === 'finished') return
      }
    }).pipe(Effect.scoped)
  }
}

interface Context<A extends SequencedRecord, Files> {
  readonly options: LanderOptions
  readonly ports: LanderPorts<A, Files>
  readonly news: Latch.Latch
  readonly finishing: { readonly requested: boolean }
}

const openSession = <A extends SequencedRecord, Files>(
  options: LanderOptions,
  ports: LanderPorts<A, Files>
): Effect.Effect<Session<A>, LandingFailed> =>
  Effect.gen(function* () {
    ports.rows.clear()
    const partitions = yield* openPartitions(options, ports)
    ports.observe({ type: 'lander.started', positions: partitions.map(({ counters }) => counters) })
    for (const { partition, fault } of partitions) {
      if (fault === undefined) continue
      ports.observe({ type: 'partition.stopped', partition, detail: fault })
    }
    return { partitions, letters: [], bytes: 0, oldestMs: undefined, commits: 0 }
  })

const runSession = <A extends SequencedRecord, Files>(
  session: Session<A>,
  context: Context<A, Files>
): Effect.Effect<'finished' | 'fenced', LandingFailed> =>
  Effect.gen(function* () {
    const { ports, news, finishing } = context
    for (;;) {
      news.closeUnsafe()
      const bytesRead = yield* readOnce(session, context)
      const dueInMs = commitDueInMs(session, context.options, ports)
      const isDrained = bytesRead === 0 && finishing.requested
      if (dueInMs <= 0 || (isDrained && session.partitions.some(({ isAhead }) => isAhead))) {
        if ((yield* commit(session, ports)) === 'fenced') return 'fenced'
      } else if (isDrained) {
        return 'finished'
      } else if (bytesRead === 0) {
        yield* dueInMs === Number.POSITIVE_INFINITY
          ? news.await
          : Effect.race(news.await, Effect.sleep(dueInMs))
      } else if (bytesRead < readBytesSmall && !finishing.requested) {
        yield* Effect.sleep(Math.min(readPauseMs, dueInMs))
      }
    }
  })

/** One read from every partition. Returns the bytes read. */
const readOnce = <A extends SequencedRecord, Files>(
  session: Session<A>,
  { options, ports }: Context<A, Files>
): Effect.Effect<number, LandingFailed> =>
  Effect.gen(function* () {
    let bytesRead = 0
    for (const partition of session.partitions) {
      if (partition.fault !== undefined) continue
      const batches = yield* ports.log
        .read(options.topic, partition.partition, {
          fromOffset: partition.position,
          bytesMax: readBytesMax
        })
        .pipe(
          Effect.catch((error) =>
            error._tag === 'LogUnavailable'
              ? // A disk that cannot be read now comes back; no operator is needed (R14).
                Effect.fail(
                  new LandingFailed({ step: 'log', detail: error.message, isDependency: true })
                )
              : stopPartition(partition, error.message, ports)
          )
        )
      for (const batch of batches) {
        partition.fold(batch, ports.rows, session.letters)
        if (partition.fault !== undefined) {
          yield* stopPartition(partition, partition.fault, ports)
          break
        }
        bytesRead += batch.bytes.length
      }
    }
    if (bytesRead > 0) {
      session.bytes += bytesRead
      session.oldestMs ??= ports.nowMs()
    }
    return bytesRead
  })

const stopPartition = <A extends SequencedRecord, Files>(
  partition: LandingPartition<A>,
  detail: string,
  ports: LanderPorts<A, Files>
) =>
  Effect.sync((): readonly never[] => {
    partition.fault = detail
    ports.observe({ type: 'partition.stopped', partition: partition.partition, detail })
    return []
  })

/** Milliseconds until a commit is due; infinity when there is nothing to commit. */
const commitDueInMs = <A extends SequencedRecord, Files>(
  session: Session<A>,
  options: LanderOptions,
  ports: LanderPorts<A, Files>
): number => {
  if (session.oldestMs === undefined) return Number.POSITIVE_INFINITY
  if (ports.rows.length >= options.commitRowsMax || session.bytes >= options.commitBytesMax)
    return 0
  const ageMs =
    session.commits === 0 ? Math.min(firstCommitAgeMs, options.commitAgeMs) : options.commitAgeMs
  return session.oldestMs + ageMs - ports.nowMs()
}

const commit = <A extends SequencedRecord, Files>(
  session: Session<A>,
  ports: LanderPorts<A, Files>
): Effect.Effect<'landed' | 'fenced', LandingFailed> =>
  Effect.gen(function* () {
    const { table, rows } = ports
    const startedMs = ports.nowMs()
    const commitId = ports.uuid()
    yield* writeLetters(session, ports)
    const ahead = session.partitions.filter(({ isAhead }) => isAhead)
    const [files, advances] = yield* Effect.all(
      [
        table.writeRows(rows, commitId),
        Effect.forEach(ahead, (partition) => advanceOf(partition, table), {
          concurrency: 'unbounded'
        })
      ],
      { concurrency: 'unbounded' }
    )
    const outcome = yield* table.commit({ commitId, files, advances })
    if (outcome.kind === 'fenced') {
      ports.observe({ type: 'commit.fenced', detail: outcome.detail })
      return 'fenced'
    }
    for (const partition of ahead) partition.settle()
    observeLetters(session, ports)
    ports.observe({
      type: 'commit.landed',
      snapshotId: outcome.snapshotId,
      rows: rows.length,
      tookMs: ports.nowMs() - startedMs,
      positions: session.partitions.map(({ counters }) => counters)
    })
    rows.clear()
    session.bytes = 0
    session.oldestMs = undefined
    session.commits++
    return 'landed'
  })

const advanceOf = <A extends SequencedRecord>(
  partition: LandingPartition<A>,
  table: {
    readonly writeState: (
      partition: number,
      bytes: Uint8Array
    ) => Effect.Effect<string, LandingFailed>
  }
): Effect.Effect<PartitionAdvance, LandingFailed> =>
  Effect.map(table.writeState(partition.partition, partition.serialiseState()), (statePath) => ({
    partition: partition.partition,
    fromOffset: partition.committedOffset,
    nextOffset: partition.position,
    statePath
  }))

/** (4) */
const writeLetters = <A extends SequencedRecord, Files>(
  { letters }: Session<A>,
  { deadLetters }: LanderPorts<A, Files>
): Effect.Effect<void, LandingFailed> =>
  letters.length === 0
    ? Effect.void
    : Effect.mapError(
        deadLetters.write(letters),
        ({ message }) =>
          new LandingFailed({ step: 'dead letters', detail: message, isDependency: true })
      )

/**
 * Counts letters once the commit has passed them: a batch that
 * is landed again is not counted again.
 */
const observeLetters = <A extends SequencedRecord, Files>(
  { letters }: Session<A>,
  { observe }: LanderPorts<A, Files>
): void => {
  const countByReason = new Map<string, number>()
  for (const { reason } of letters) countByReason.set(reason, (countByReason.get(reason) ?? 0) + 1)
  for (const [reason, count] of countByReason)
    observe({ type: 'record.dead_lettered', reason, count })
  letters.length = 0
}
