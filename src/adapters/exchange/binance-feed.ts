/**
 * One attempt at a Binance feed: connect, subscribe, pump, and follow commands, until it fails or
 * was told to end. Whoever calls decides about the next attempt.
 *
 * 1. Wanted symbols are declarative: a command names all of them, the difference is subscribed.
 * 2. A symbol that cannot be had is refused by a notice; the running streams go on.
 * 3. A refused or unanswered SUBSCRIBE ends the attempt: the next one connects with all of them.
 * 4. A pause is a wish, too: while it lasts no stream is subscribed, with one UNSUBSCRIBE for all
 *    of them, and the connection stays (R40). Afterwards tier 1 is subscribed first.
 * 5. Whatever begins to be subscribed is suspected of trades that were missed, and the venue is
 *    asked for the newest ids of what stays silent (R3).
 * 6. Beside an older connection, nothing is taken from this one before `predecessorsCaughtUp`: what
 *    it has in common with the older one comes second, and nothing overtakes what comes first.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import type * as Scope from 'effect/Scope'
import type { StreamedDataType } from '../../market/data-type.ts'
import type { ClaimReason } from '../../market/gap-claim.ts'
import type { Instrument } from '../../market/instrument.ts'
import { tierOf } from '../../market/tier.ts'
import type { InstrumentsError } from './binance-rest.ts'
import type { ExchangeSession } from './binance-socket.ts'
import {
  type ConnectError,
  type SessionError,
  type SubscribeRejected,
  UnknownSymbols
} from './exchange-errors.ts'
import { type FramesHandled, isClosedByUs, type PumpOptions, pumpFrames } from './feed-pump.ts'
import type { VenueError } from './rest-request.ts'

export type FeedAttemptCommand =
  | { readonly type: 'symbols.changed'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'pause.requested' }
  | { readonly type: 'resume.requested' }
  | { readonly type: 'drain.requested' }
  | { readonly type: 'retirement.requested' }

/** What ended an attempt that ended well. */
export type FeedAttemptEnd = 'drain.requested' | 'retirement.requested'

export type FeedAttemptNotice =
  | { readonly type: 'feed.subscribed'; readonly venue: string }
  | {
      readonly type: 'batch.handled'
      readonly frameCount: number
      readonly tradeCount: number
      readonly rejectedCount: number
      readonly receivedUs: number
    }
  | { readonly type: 'subscription.applied'; readonly instruments: ReadonlyArray<Instrument> }
  /** No stream is subscribed any more. */
  | { readonly type: 'pause.applied' }
  | { readonly type: 'subscription.refused'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'shutdown.announced' }

export interface FeedAttemptOptions<E, R>
  extends Pick<
    PumpOptions<E>,
    | 'sink'
    | 'quotes'
    | 'deadLetters'
    | 'sampler'
    | 'account'
    | 'observe'
    | 'exchange'
    | 'tiers'
    | 'level'
    | 'claims'
    | 'holes'
  > {
  /** Opens the connection with these streams, in the attempt's scope. */
  readonly connect: (
    streams: ReadonlyArray<string>
  ) => Effect.Effect<ExchangeSession, E | ConnectError | SessionError | SubscribeRejected, R>
  /** Ends once older connections have delivered what they were sent before it was asked for. */
  readonly predecessorsCaughtUp: Effect.Effect<void>
  /** Instruments of symbols that are added while it runs. */
  readonly resolveInstruments: (
    symbols: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Instrument>, E | InstrumentsError, R>
  /** Of each symbol the venue's newest trade id; symbols may be missing. */
  readonly newestIds: (
    symbols: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyMap<string, number>, E | VenueError, R>
  readonly dataTypes: ReadonlyArray<StreamedDataType>
  /** Whether it begins without streams, until it is resumed. */
  readonly isPaused: boolean
  readonly symbols: ReadonlyArray<string>
  /** Of all `symbols`. */
  readonly instruments: ReadonlyArray<Instrument>
  /** Waits for the next command; there is one taker. */
  readonly nextCommand: Effect.Effect<FeedAttemptCommand>
  readonly notify: (notice: FeedAttemptNotice) => void
}

export type FeedAttemptError = ConnectError | SessionError | SubscribeRejected

/** Runs until the connection is lost (fails) or has ended on command (succeeds). */
export const runBinanceFeed = Effect.fnUntraced(function* <E, R>(
  options: FeedAttemptOptions<E, R>
): Effect.fn.Return<FeedAttemptEnd, FeedAttemptError | E, R | Scope.Scope> {
  const asked = yield* Deferred.make<FeedAttemptEnd>()
  const instruments = new Map(options.instruments.map((known) => [known.symbol, known]))
  const { isPaused, symbols, dataTypes } = options
  if (!isPaused) suspect(symbols, 'disconnect', options)
  const session = yield* options.connect(isPaused ? [] : streamsOf(symbols, dataTypes))
  yield* options.predecessorsCaughtUp // (6)
  if (!isPaused) options.holes.subscribed(withTrades(symbols, options))
  options.notify({ type: 'feed.subscribed', venue: session.venue })
  const pump = pumpFrames<E>({
    ...options,
    source: session,
    instruments,
    drainRequested: Effect.asVoid(Deferred.await(asked)),
    observe: (event) => {
      options.observe(event)
      options.notify(noticeOf(event))
      if (event.tally.unsupported.has('serverShutdown')) {
        options.notify({ type: 'shutdown.announced' })
      }
    }
  })
  // Only the newest wish matters; and a drain must not wait behind a request for its answer.
  const wishes = yield* Queue.sliding<Wish>(1)
  let wish: Wish = { symbols, isPaused }
  const hear = Effect.forever(
    Effect.flatMap(options.nextCommand, (command) => {
      if (isEnd(command)) return Deferred.succeed(asked, command.type)
      wish = wishOf(command, wish)
      return Queue.offer(wishes, wish)
    })
  )
  const running = { session, instruments, options }
  const fulfil = Effect.forever(
    Effect.flatMap(Queue.take(wishes), (newest) => follow(newest, running))
  ).pipe(
    // A close that we asked for also ends a request in flight: the pump's own end is the answer.
    Effect.catchIf(
      isClosedByUs,
      () => Effect.never
    )
  )
  yield* Effect.raceAllFirst([pump, hear, fulfil, askForHoles(options)])
  // The pump ends well only when it was asked to.
  return yield* Deferred.await(asked)
})

/** What is wanted of the connection. */
interface Wish {
  readonly symbols: ReadonlyArray<string>
  readonly isPaused: boolean
}

type EndCommand = Extract<FeedAttemptCommand, { readonly type: FeedAttemptEnd }>

const isEnd = (command: FeedAttemptCommand): command is EndCommand =>
  command.type === 'drain.requested' || command.type === 'retirement.requested'

const wishOf = (command: Exclude<FeedAttemptCommand, EndCommand>, wish: Wish): Wish =>
  command.type === 'symbols.changed'
    ? { ...wish, symbols: command.symbols }
    : { ...wish, isPaused: command.type === 'pause.requested' }

type TradeOptions = Pick<FeedAttemptOptions<never, never>, 'dataTypes' | 'holes'>

const withTrades = (
  symbols: ReadonlyArray<string>,
  { dataTypes }: Pick<TradeOptions, 'dataTypes'>
): ReadonlyArray<string> => (dataTypes.includes('trades') ? symbols : [])

/** (5) */
const suspect = (
  symbols: ReadonlyArray<string>,
  reason: ClaimReason,
  options: TradeOptions
): void => options.holes.suspect(withTrades(symbols, options), reason)

const askForHoles = <E, R>({
  holes,
  newestIds
}: FeedAttemptOptions<E, R>): Effect.Effect<never, never, R> => {
  const ask = Effect.suspend(() => {
    holes.settle()
    const due = holes.due()
    if (due.length === 0) return Effect.void
    return Effect.matchEffect(newestIds(due), {
      onSuccess: (ids) => Effect.sync(() => holes.noteNewest(ids)),
      onFailure: () => Effect.sleep(askAgainMs)
    })
  })
  return Effect.forever(Effect.andThen(Effect.sleep(askMs), ask))
}

const askMs = 250
/** After the venue gave no answer. */
const askAgainMs = 10_000

const streamByType: Readonly<Record<StreamedDataType, string>> = {
  trades: 'trade',
  quotes: 'bookTicker'
}

const streamsOf = (
  symbols: ReadonlyArray<string>,
  dataTypes: ReadonlyArray<StreamedDataType>
): ReadonlyArray<string> =>
  dataTypes.flatMap((dataType) =>
    symbols.map((symbol) => `${symbol.toLowerCase()}@${streamByType[dataType]}`)
  )

interface Running<E, R> {
  readonly session: ExchangeSession
  readonly instruments: Map<string, Instrument>
  readonly options: FeedAttemptOptions<E, R>
}

/** Makes the subscribed streams those of the wanted symbols, as far as the venue lists them. */
const follow = Effect.fnUntraced(function* <E, R>(
  { symbols, isPaused }: Wish,
  { session, instruments, options }: Running<E, R>
) {
  if (isPaused) {
    options.holes.subscribed([])
    yield* session.unsubscribe(session.streams())
    options.notify({ type: 'pause.applied' })
    return
  }
  const unknown = symbols.filter((symbol) => !instruments.has(symbol))
  const found = yield* learn(unknown, options)
  for (const instrument of found) instruments.set(instrument.symbol, instrument)
  const refused = unknown.filter((symbol) => !instruments.has(symbol))
  if (refused.length > 0) options.notify({ type: 'subscription.refused', symbols: refused })
  const known = symbols.filter((symbol) => instruments.has(symbol))
  yield* subscribeTo(known, { session, instruments, options })
  options.notify({ type: 'subscription.applied', instruments: found })
})

const subscribeTo = Effect.fnUntraced(function* <E, R>(
  symbols: ReadonlyArray<string>,
  { session, instruments, options }: Running<E, R>
) {
  const { dataTypes, holes, tiers } = options
  const present = new Set(session.streams())
  const wanted = new Set(streamsOf(symbols, dataTypes))
  yield* session.unsubscribe([...present].filter((stream) => !wanted.has(stream)))
  const isAdded = (symbol: string) =>
    streamsOf([symbol], dataTypes).some((stream) => !present.has(stream))
  const isResumed = present.size === 0
  suspect(symbols.filter(isAdded), isResumed ? 'paused' : 'disconnect', options)
  // (4)
  const isFirst = (symbol: string) => tierOf(tiers, instruments.get(symbol)!) === 1
  const first = isResumed ? symbols.filter(isFirst) : []
  yield* session.subscribe(streamsOf(first, dataTypes))
  yield* session.subscribe([...wanted])
  holes.subscribed(withTrades(symbols, options))
})

/** The instruments among these that can be had now; one unlisted symbol costs itself only. */
const learn = <E, R>(
  symbols: ReadonlyArray<string>,
  { resolveInstruments }: FeedAttemptOptions<E, R>
): Effect.Effect<ReadonlyArray<Instrument>, never, R> =>
  resolveInstruments(symbols).pipe(
    Effect.catch((error) => {
      if (!(error instanceof UnknownSymbols)) return Effect.succeed([])
      return resolveInstruments(symbols.filter((symbol) => !error.symbols.includes(symbol)))
    }),
    Effect.catch(() => Effect.succeed([]))
  )

const noticeOf = ({ receivedUs, tally }: FramesHandled): FeedAttemptNotice => {
  const { frameCount, tradeCount, rejected } = tally
  let rejectedCount = 0
  for (const count of rejected.values()) rejectedCount += count
  return { type: 'batch.handled', frameCount, tradeCount, rejectedCount, receivedUs }
}
