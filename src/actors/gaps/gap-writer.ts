/**
 * The gap writer: derives `market.gaps` from the sequence states of the trades and from the claims
 * in the log (R5). One writer at a time: whoever is assigned the claims' partition.
 *
 * 1. The table alone says where to go on: a crash or a fence anywhere discards what was read since
 *    its last commit, and the same is derived again (R19).
 * 2. Claims are read before the trades are looked at: who lets a trade go has claimed it before the
 *    next one is accepted, so a hole is not seen before its reason is.
 * 3. A commit is due when there are events, or claims that have waited; at most one per `commitMs`.
 * 4. Asked to finish, it reads what is in the log then, and looks once more.
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import type { EventLogReader } from '../../adapters/log/event-log.ts'
import { type GapLedger, type LedgerLook, stepLedger } from '../../machines/gap-ledger.ts'
import type { GapClaim } from '../../market/gap-claim.ts'
import { LandingFailed } from '../lander/lander-ports.ts'
import { type ClaimReader, claimsPartition } from './claim-reader.ts'
import type { LedgerPosition, LedgerTable } from './ledger-table.ts'
import type { TradesLook, TradeStates } from './trade-states.ts'

export interface GapWriterOptions {
  readonly topic: string
  readonly terms: LedgerLook['terms']
  readonly tickMs: number
  readonly commitMs: number
}

export interface GapWriterPorts {
  readonly log: Pick<EventLogReader, 'assignment' | 'assignmentChanged' | 'confirm' | 'noteLanded'>
  readonly claims: ClaimReader
  readonly trades: TradeStates
  readonly ledger: LedgerTable
  readonly writeLetters: (
    letters: readonly DeadLetterEntry[]
  ) => Effect.Effect<void, { readonly message: string }>
  readonly nowMs: () => number
  readonly observe: (event: GapWriterEvent) => void
}

export type GapWriterEvent =
  /** A session has read the table; null: another process writes the ledger now. */
  | { readonly type: 'ledger.opened'; readonly offset: number | null; readonly isOurs: boolean }
  | {
      readonly type: 'ledger.committed'
      readonly events: number
      readonly claims: number
      readonly offset: number
      readonly snapshotId: string
      readonly tookMs: number
    }
  | { readonly type: 'ledger.fenced'; readonly detail: string }
  | { readonly type: 'ledger.failed'; readonly detail: string }
  | { readonly type: 'claims.lost'; readonly detail: string }
  | { readonly type: 'claims.undecodable'; readonly count: number }
  /** What is open, as the table has it. */
  | { readonly type: 'ledger.current'; readonly ledger: GapLedger }

export interface GapWriter {
  /** Ends by failure, or after `finish`. */
  readonly run: Effect.Effect<void, LandingFailed>
  readonly finish: Effect.Effect<void>
}

/** Claims in memory beyond which they are committed before more are read. */
const claimsMax = 20_000

export const makeGapWriter = (options: GapWriterOptions, ports: GapWriterPorts): GapWriter => {
  const news = Latch.makeUnsafe(false)
  const context: Context = {
    options,
    ports,
    news,
    asked: { hasChanged: false, isFinishing: false }
  }
  return {
    finish: Effect.sync(() => {
      context.asked.isFinishing = true
      news.openUnsafe()
    }),
    run: Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          ports.log.assignmentChanged(() => {
            context.asked.hasChanged = true
            news.openUnsafe()
          })
        ),
        (stop) => Effect.sync(stop)
      )
      while ((yield* runSession(context)) !== 'finished');
    }).pipe(Effect.scoped)
  }
}

interface Context {
  readonly options: GapWriterOptions
  readonly ports: GapWriterPorts
  readonly news: Latch.Latch
  readonly asked: { hasChanged: boolean; isFinishing: boolean }
}

interface Session {
  position: LedgerPosition
  /** First claim that is not committed. */
  fromOffset: number
  /** Next claim to read. */
  readOffset: number
  claims: readonly GapClaim[]
  letters: readonly DeadLetterEntry[]
  /** When the oldest claim that is not committed was read. */
  oldestMs: number | undefined
  committedMs: number
}

type SessionEnd = 'finished' | 'reassigned' | 'fenced'

const runSession = (context: Context): Effect.Effect<SessionEnd, LandingFailed> =>
  Effect.gen(function* () {
    const { options, ports, asked } = context
    asked.hasChanged = false
    const { partitions } = yield* ports.log
      .assignment(options.topic)
      .pipe(Effect.mapError(failedAt('assignment')))
    const isOurs = partitions.includes(claimsPartition)
    if (!isOurs) {
      ports.observe({ type: 'ledger.opened', isOurs, offset: null })
      return yield* idle(context)
    }
    const session = yield* openSession(ports)
    ports.observe({ type: 'ledger.opened', isOurs, offset: session.fromOffset })
    ports.observe({ type: 'ledger.current', ledger: session.position.ledger })
    for (;;) {
      const isLast = asked.isFinishing
      context.news.closeUnsafe()
      if (asked.hasChanged) return 'reassigned'
      const isCaughtUp = yield* readClaims(session, ports)
      const outcome = yield* derive(session, context, isLast)
      if (outcome === 'fenced') return outcome
      if (!isCaughtUp) continue
      if (isLast) return 'finished'
      yield* pause(context)
    }
  })

const openSession = ({ ledger, claims }: GapWriterPorts): Effect.Effect<Session, LandingFailed> =>
  Effect.gen(function* () {
    const position = yield* ledger.read
    const { startOffset } = yield* claims.bounds
    const fromOffset = position.offset ?? startOffset
    return {
      position,
      fromOffset,
      readOffset: fromOffset,
      claims: [],
      letters: [],
      oldestMs: undefined,
      committedMs: Number.NEGATIVE_INFINITY
    }
  })

const pause = ({ news, options, asked }: Context): Effect.Effect<void> =>
  asked.isFinishing
    ? Effect.void
    : Effect.raceFirst(news.await, Effect.sleep(options.tickMs))

/** Until the assignment changes. */
const idle = (context: Context): Effect.Effect<SessionEnd> =>
  Effect.gen(function* () {
    const { asked, news } = context
    for (;;) {
      news.closeUnsafe()
      if (asked.isFinishing) return 'finished'
      if (asked.hasChanged) return 'reassigned'
      yield* news.await
    }
  })

/** Whether all is read that the log has. */
const readClaims = (
  session: Session,
  { claims: reader, nowMs, observe }: GapWriterPorts
): Effect.Effect<boolean, LandingFailed> =>
  Effect.gen(function* () {
    while (session.claims.length < claimsMax) {
      const { claims, letters, nextOffset, lost } = yield* reader.read(session.readOffset)
      if (lost !== undefined) observe({ type: 'claims.lost', detail: lost })
      if (nextOffset === session.readOffset) return true
      session.readOffset = nextOffset
      session.claims = [...session.claims, ...claims]
      session.letters = [...session.letters, ...letters]
      session.oldestMs ??= nowMs()
    }
    return false
  })

const derive = (
  session: Session,
  { options, ports }: Context,
  isLast: boolean
): Effect.Effect<'done' | 'fenced', LandingFailed> =>
  Effect.gen(function* () {
    const { position, claims, readOffset } = session
    const look = yield* ports.trades.look(isLast)
    const nowMs = ports.nowMs()
    const step = stepLedger(position.ledger, ledgerLook(look, claims, { options, nowMs }))
    const hasRead = readOffset !== session.fromOffset
    const isWaiting = hasRead && nowMs - (session.oldestMs ?? nowMs) >= options.commitMs
    const isTimely = nowMs - session.committedMs >= options.commitMs
    const isFull = claims.length >= claimsMax
    const hasNews = step.events.length > 0 || hasRead
    const isDue = isLast || isFull || isWaiting || (step.events.length > 0 && isTimely)
    if (!hasNews || !isDue) return 'done'
    // What was read is of the log that the offsets are recorded for (R8).
    yield* Effect.mapError(ports.log.confirm(options.topic), failedAt('log identity'))
    if (session.letters.length > 0) {
      yield* Effect.mapError(ports.writeLetters(session.letters), failedAt('dead letters'))
    }
    const commit = ports.ledger.commit({
      from: position,
      ledger: step.ledger,
      events: step.events,
      nextOffset: readOffset,
      snapshotId: look.snapshotId
    })
    const outcome = yield* Effect.tapError(commit, ({ message: detail }) =>
      Effect.sync(() => ports.observe({ type: 'ledger.failed', detail }))
    )
    if (outcome.kind === 'fenced' || outcome.position === undefined) {
      const detail = outcome.kind === 'fenced' ? outcome.detail : 'no position'
      ports.observe({ type: 'ledger.fenced', detail })
      return 'fenced'
    }
    settle(session, outcome.position, { options, ports, nowMs })
    ports.observe({
      type: 'ledger.committed',
      events: step.events.length,
      claims: claims.length,
      offset: readOffset,
      snapshotId: outcome.snapshotId,
      tookMs: ports.nowMs() - nowMs
    })
    ports.observe({ type: 'ledger.current', ledger: step.ledger })
    return 'done'
  })

const settle = (
  session: Session,
  position: LedgerPosition,
  { options, ports, nowMs }: Pick<Context, 'options' | 'ports'> & { readonly nowMs: number }
): void => {
  if (session.letters.length > 0) {
    ports.observe({ type: 'claims.undecodable', count: session.letters.length })
  }
  session.position = position
  session.fromOffset = session.readOffset
  session.claims = []
  session.letters = []
  session.oldestMs = undefined
  session.committedMs = nowMs
  ports.log.noteLanded(options.topic, new Map([[claimsPartition, session.readOffset]]))
}

const ledgerLook = (
  { sequences, snapshotMs }: TradesLook,
  claims: readonly GapClaim[],
  { options, nowMs }: { readonly options: GapWriterOptions; readonly nowMs: number }
): LedgerLook => ({
  sequences,
  claims,
  snapshotUs: (snapshotMs ?? nowMs) * 1_000,
  nowUs: nowMs * 1_000,
  terms: options.terms
})

const failedAt =
  (step: string) =>
  ({ message }: { readonly message: string }): LandingFailed =>
    new LandingFailed({ step, detail: message, isDependency: true })
