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
 * 4. While a commit is on its way, reading goes on into other rows. One commit is outstanding: the
 *    next is cut when it has landed; when it has not, all that was read is discarded (2).
 * 5. What cannot be landed safely stops its partition by name, not the others (R8, R10).
 * 6. A session lands the partitions that are assigned to it. Once the assignment changes, the
 *    commit that is on its way ends, all else is discarded, and a new session reads the table: who
 *    had a partition in between does not matter. An owner that has not heard of the change yet is
 *    stopped by the fence.
 * 7. Asked to finish, it lands what was durable in its partitions then: what comes later, from
 *    other processes, is left to others.
 */
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as Latch from 'effect/Latch'
import type { LogBatch } from '../../adapters/log/record-batch.ts'
import type { SequencedRecord } from '../../machines/partition-fold.ts'
import { followedOffsets } from '../traces/followed-records.ts'
import { boundsOf, openPartitions } from './landing-positions.ts'
import { type LanderOptions, type LanderPorts, LandingFailed } from './lander-ports.ts'
import { cut, land, type Session } from './landing-commit.ts'
import type { LandingPartition } from './landing-partition.ts'

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
/** Records of one commit that are traced, about. */
const followedMax = 1_000
/** The first commit does not wait for the full age: a start should show that it lands. */
const firstCommitAgeMs = 500

export const makeLander = <A extends SequencedRecord, Files>(
  options: LanderOptions,
  ports: LanderPorts<A, Files>
): Lander => {
  const news = Latch.makeUnsafe(false)
  const finishing = { requested: false }
  const assignment = { hasChanged: false }
  return {
    finish: Effect.sync(() => {
      finishing.requested = true
      news.openUnsafe()
    }),
    run: Effect.gen(function* () {
      const { log } = ports
      yield* Effect.acquireRelease(
        Effect.sync(() => [
          log.changed(() => news.openUnsafe()),
          log.assignmentChanged(() => {
            assignment.hasChanged = true
            news.openUnsafe()
          })
        ]),
        (stops) => Effect.sync(() => stops.forEach((stop) => stop()))
      )
      for (;;) {
        // Before it is read: a change in between ends the new session at once (6).
        assignment.hasChanged = false
        const session = yield* openSession(options, ports)
        const end = yield* runSession(session, { options, ports, news, finishing, assignment })
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
  readonly assignment: { readonly hasChanged: boolean }
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
      followed: [],
      bytes: 0,
      oldestMs: undefined,
      commits: 0,
      landing: undefined,
      ends: undefined
    }
  })

const runSession = <A extends SequencedRecord, Files>(
  session: Session<A>,
  context: Context<A, Files>
): Effect.Effect<'finished' | 'fenced' | 'reassigned', LandingFailed> =>
  Effect.gen(function* () {
    const { ports, news, finishing, assignment } = context
    for (;;) {
      news.closeUnsafe()
      if (assignment.hasChanged) {
        yield* landed(session)
        return 'reassigned'
      }
      if (finishing.requested) session.ends ??= yield* endsOf(session, context)
      const isDrained = isAtEnds(session)
      // Behind the ends nothing is read (7).
      const bytesRead = isDrained ? 0 : yield* readOnce(session, context)
      const dueInMs = commitDueInMs(session, context.options, ports)
      const isDue = dueInMs <= 0 || (isDrained && session.partitions.some(({ isAhead }) => isAhead))
      if (isDue || isDrained || session.landing?.pollUnsafe() !== undefined) {
        if ((yield* landed(session)) === 'fenced') return 'fenced'
      }
      if (isDue) {
        session.landing = yield* Effect.forkScoped(
          land(cut(session, ports), { session, topic: context.options.topic }, ports)
        )
      } else if (isDrained) {
        return 'finished'
      } else if (bytesRead === 0 && !isAtEnds(session)) {
        yield* Effect.raceFirst(somethingToDo(dueInMs, news), landingEnds(session))
      } else if (bytesRead < readBytesSmall && !finishing.requested) {
        yield* Effect.sleep(Math.min(readPauseMs, dueInMs))
      }
    }
  }).pipe(Effect.scoped)

/** Where the log ends now, by partition that is still landed (7). */
const endsOf = <A extends SequencedRecord, Files>(
  { partitions }: Session<A>,
  { options, ports }: Context<A, Files>
): Effect.Effect<ReadonlyMap<number, number>, LandingFailed> =>
  Effect.map(
    Effect.forEach(partitions, ({ partition }) =>
      Effect.map(
        boundsOf(ports.log, options.topic, partition),
        ({ durableEnd }) => [partition, durableEnd] as const
      )
    ),
    (ends) => new Map(ends)
  )

const isAtEnds = <A extends SequencedRecord>({ ends, partitions }: Session<A>): boolean =>
  ends !== undefined &&
  partitions.every(
    ({ partition, position, fault }) => fault !== undefined || position >= ends.get(partition)!
  )

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
        const from = partition.position
        partition.fold(batch, session.rows, session.letters)
        follow(session, { partition, from }, context)
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

/** What was read of a partition just now, as far as it is traced. */
const follow = <A extends SequencedRecord, Files>(
  { followed }: Session<A>,
  { partition: { partition, position }, from }: {
    readonly partition: LandingPartition<A>
    readonly from: number
  },
  { options: { traceRecords: every }, ports }: Context<A, Files>
): void => {
  if (every === undefined || followed.length >= followedMax) return
  for (const offset of followedOffsets(every, from, position))
    followed.push({ partition, offset, readMs: ports.nowMs() })
}

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
