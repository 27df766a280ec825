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
 * 5. While a commit is on its way, reading goes on into other rows. One commit is outstanding: the
 *    next is cut when it has landed; when it has not, all that was read is discarded (2).
 * 6. What cannot be landed safely stops its partition by name, not the others (R8, R10).
 */
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as Latch from 'effect/Latch'
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import type { LogBatch } from '../../adapters/log/record-batch.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import { openPartitions } from './landing-positions.ts'
import {
  type LandedRows,
  type LanderOptions,
  type LanderPorts,
  LandingFailed,
  type PartitionAdvance,
  type PartitionPosition
} from './lander-ports.ts'
import type { LandingPartition, PartitionCut } from './landing-partition.ts'

export interface Lander {
  /** Ends by failure, or after `finish` once what is durable in the log has landed. */
  readonly run: Effect.Effect<void, LandingFailed>
  readonly finish: Effect.Effect<void>
}

/** Bytes of one read from a partition. */
const readBytesMax = 2 * 1_024 * 1_024
/** After a pass that brought less, some more is waited for: each read opens a file. */
const readBytesSmall = 1_024 * 1_024
const readPauseMs = 100
/** The first commit does not wait for the full age: a start should show that it lands. */
const firstCommitAgeMs = 500

interface Session<A extends SequencedRecord> {
  readonly partitions: readonly LandingPartition<A>[]
  /** What is not cut yet. */
  rows: LandedRows<A>
  letters: DeadLetterEntry[]
  bytes: number
  /** When the oldest record that is not cut was read. */
  oldestMs: number | undefined
  commits: number
  /** The commit that is on its way (5). */
  landing: Fiber.Fiber<'landed' | 'fenced', LandingFailed> | undefined
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
    for (const rows of ports.rows) rows.clear()
    const partitions = yield* openPartitions(options, ports)
    ports.observe({ type: 'lander.started', positions: partitions.map(({ counters }) => counters) })
    for (const { partition, fault } of partitions) {
      if (fault === undefined) continue
      ports.observe({ type: 'partition.stopped', partition, detail: fault })
    }
    return {
      partitions,
      rows: ports.rows[0],
      letters: [],
      bytes: 0,
      oldestMs: undefined,
      commits: 0,
      landing: undefined
    }
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
      const isDue = dueInMs <= 0 || (isDrained && session.partitions.some(({ isAhead }) => isAhead))
      if (isDue || isDrained || session.landing?.pollUnsafe() !== undefined) {
        if ((yield* landed(session)) === 'fenced') return 'fenced'
      }
      if (isDue) {
        session.landing = yield* Effect.forkScoped(land(cut(session, ports), session, ports))
      } else if (isDrained) {
        return 'finished'
      } else if (bytesRead === 0) {
        yield* Effect.raceFirst(somethingToDo(dueInMs, news), landingEnds(session))
      } else if (bytesRead < readBytesSmall && !finishing.requested) {
        yield* Effect.sleep(Math.min(readPauseMs, dueInMs))
      }
    }
  }).pipe(Effect.scoped)

const somethingToDo = (dueInMs: number, news: Latch.Latch): Effect.Effect<void> =>
  dueInMs === Number.POSITIVE_INFINITY
    ? news.await
    : Effect.race(news.await, Effect.sleep(dueInMs))

const landingEnds = ({ landing }: Pick<Session<never>, 'landing'>): Effect.Effect<void> =>
  landing === undefined ? Effect.never : Effect.asVoid(Fiber.await(landing))

/** Waits for the commit that is on its way, if there is one. */
const landed = <A extends SequencedRecord>(
  session: Session<A>
): Effect.Effect<'landed' | 'fenced', LandingFailed> =>
  Effect.suspend(() => {
    const { landing } = session
    session.landing = undefined
    return landing === undefined ? Effect.succeed('landed' as const) : Fiber.join(landing)
  })

/**
 * One read from every partition, all under way at once; what they bring is folded in the order of
 * the partitions. Returns the bytes read.
 */
const readOnce = <A extends SequencedRecord, Files>(
  session: Session<A>,
  context: Context<A, Files>
): Effect.Effect<number, LandingFailed> =>
  Effect.gen(function* () {
    const { ports } = context
    const reads = yield* Effect.forEach(
      session.partitions.filter(({ fault }) => fault === undefined),
      (partition) =>
        Effect.map(Effect.forkChild(readPartition(partition, context)), (reading) => ({
          partition,
          reading
        }))
    )
    let bytesRead = 0
    for (const { partition, reading } of reads) {
      for (const batch of yield* Fiber.join(reading)) {
        partition.fold(batch, session.rows, session.letters)
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

const readPartition = <A extends SequencedRecord, Files>(
  partition: LandingPartition<A>,
  { options, ports }: Context<A, Files>
): Effect.Effect<readonly LogBatch[], LandingFailed> =>
  ports.log
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
  if (session.rows.length >= options.commitRowsMax || session.bytes >= options.commitBytesMax)
    return 0
  const ageMs =
    session.commits === 0 ? Math.min(firstCommitAgeMs, options.commitAgeMs) : options.commitAgeMs
  return session.oldestMs + ageMs - ports.nowMs()
}

/** One commit, cut off from what is read on. */
interface Cut<A> {
  readonly commitId: string
  readonly startedMs: number
  readonly rows: LandedRows<A>
  readonly letters: readonly DeadLetterEntry[]
  readonly partitions: readonly PartitionCut[]
  /** Of all partitions. */
  readonly positions: readonly PartitionPosition[]
}

const cut = <A extends SequencedRecord, Files>(
  session: Session<A>,
  ports: LanderPorts<A, Files>
): Cut<A> => {
  const { rows, letters, partitions } = session
  const positions = partitions.map(({ counters }) => counters)
  session.rows = ports.rows[rows === ports.rows[0] ? 1 : 0]
  session.letters = []
  session.bytes = 0
  session.oldestMs = undefined
  session.commits++
  return {
    commitId: ports.uuid(),
    startedMs: ports.nowMs(),
    rows,
    letters,
    partitions: partitions.filter(({ isAhead }) => isAhead).map((partition) => partition.cut()),
    positions
  }
}

const land = <A extends SequencedRecord, Files>(
  { commitId, startedMs, rows, letters, partitions, positions }: Cut<A>,
  session: Session<A>,
  ports: LanderPorts<A, Files>
): Effect.Effect<'landed' | 'fenced', LandingFailed> =>
  Effect.gen(function* () {
    const { table } = ports
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
    const outcome = yield* table.commit({ commitId, files, advances })
    if (outcome.kind === 'fenced') {
      ports.observe({ type: 'commit.fenced', detail: outcome.detail })
      return 'fenced'
    }
    for (const settled of partitions) {
      session.partitions.find(({ partition }) => partition === settled.partition)!.settle(settled)
    }
    observeLetters(letters, ports)
    ports.observe({
      type: 'commit.landed',
      snapshotId: outcome.snapshotId,
      rows: rows.length,
      tookMs: ports.nowMs() - startedMs,
      positions
    })
    rows.clear()
    return 'landed'
  })

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

/** (4) */
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

/**
 * Counts letters once the commit has passed them: a batch that
 * is landed again is not counted again.
 */
const observeLetters = <A extends SequencedRecord, Files>(
  letters: readonly DeadLetterEntry[],
  { observe }: LanderPorts<A, Files>
): void => {
  const countByReason = new Map<string, number>()
  for (const { reason } of letters) countByReason.set(reason, (countByReason.get(reason) ?? 0) + 1)
  for (const [reason, count] of countByReason)
    observe({ type: 'record.dead_lettered', reason, count })
}
