/**
 * One attempt at a Binance feed: connect, subscribe, pump, and follow commands, until it fails or
 * was drained. Whoever calls decides about the next attempt.
 *
 * 1. Wanted symbols are declarative: a command names all of them, the difference is subscribed.
 * 2. A symbol that cannot be had is refused by a notice; the running streams go on.
 * 3. A refused or unanswered SUBSCRIBE ends the attempt: the next one connects with all of them.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import type { Instrument } from '../../market/instrument.ts'
import { type BinanceRestOptions, fetchInstruments } from './binance-rest.ts'
import { BinanceSocket, type ExchangeSession } from './binance-socket.ts'
import type { ConnectError, SessionError, SubscribeRejected } from './exchange-errors.ts'
import { type FramesHandled, type PumpOptions, pumpFrames } from './feed-pump.ts'

export type FeedAttemptCommand =
  | { readonly type: 'symbols.changed'; readonly symbols: ReadonlyArray<string> }
  | { readonly type: 'drain.requested' }

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
  | { readonly type: 'subscription.refused'; readonly symbols: ReadonlyArray<string> }

export interface FeedAttemptOptions<E>
  extends Pick<PumpOptions<E>, 'sink' | 'deadLetters' | 'sampler' | 'account' | 'observe'> {
  readonly webSocketUrl: string
  readonly restUrl: string
  readonly rest: BinanceRestOptions
  readonly symbols: ReadonlyArray<string>
  /** Of all `symbols`. */
  readonly instruments: ReadonlyArray<Instrument>
  /** Waits for the next command; there is one taker. */
  readonly nextCommand: Effect.Effect<FeedAttemptCommand>
  readonly notify: (notice: FeedAttemptNotice) => void
}

export type FeedAttemptError = ConnectError | SessionError | SubscribeRejected

/** Runs until the connection is lost (fails) or was drained on command (succeeds). */
export const runBinanceFeed = Effect.fnUntraced(function* <E>(
  options: FeedAttemptOptions<E>
): Effect.fn.Return<void, FeedAttemptError | E, BinanceSocket | Scope.Scope> {
  const socket = yield* BinanceSocket
  const drained = yield* Deferred.make<void>()
  const instruments = new Map(options.instruments.map((known) => [known.symbol, known]))
  const session = yield* socket.connect(options.webSocketUrl, options.symbols.map(streamOf))
  options.notify({ type: 'feed.subscribed', venue: session.venue })
  const pump = pumpFrames({
    ...options,
    source: session,
    instruments,
    drainRequested: Deferred.await(drained),
    observe: (event) => {
      options.observe(event)
      options.notify(noticeOf(event))
    }
  })
  const obey = (command: FeedAttemptCommand): Effect.Effect<unknown, FeedAttemptError> =>
    command.type === 'drain.requested'
      ? Deferred.succeed(drained, undefined)
      : follow(command.symbols, { session, instruments, options })
  const commands = Effect.forever(Effect.flatMap(options.nextCommand, obey))
  // A close that we asked for also ends a request in flight: then the pump's own end is the answer.
  const commandsUntilDrained = Effect.catchIf(
    commands,
    (error) => error._tag === 'SocketClosed' && error.closedBy === 'k2',
    () => Effect.never
  )
  yield* Effect.raceFirst(pump, commandsUntilDrained)
})

export const streamOf = (symbol: string): string => `${symbol.toLowerCase()}@trade`

interface Running<E> {
  readonly session: ExchangeSession
  readonly instruments: Map<string, Instrument>
  readonly options: FeedAttemptOptions<E>
}

/** Makes the subscribed streams those of the wanted symbols, as far as the venue lists them. */
const follow = Effect.fnUntraced(function* <E>(
  symbols: ReadonlyArray<string>,
  { session, instruments, options }: Running<E>
) {
  const unknown = symbols.filter((symbol) => !instruments.has(symbol))
  const found = yield* learn(unknown, options)
  for (const instrument of found) instruments.set(instrument.symbol, instrument)
  const refused = unknown.filter((symbol) => !instruments.has(symbol))
  if (refused.length > 0) options.notify({ type: 'subscription.refused', symbols: refused })
  const wanted = new Set(symbols.filter((symbol) => instruments.has(symbol)).map(streamOf))
  yield* session.unsubscribe(session.streams().filter((stream) => !wanted.has(stream)))
  yield* session.subscribe([...wanted])
  options.notify({ type: 'subscription.applied', instruments: found })
})

/** The instruments among these that can be had now; one unlisted symbol costs itself only. */
const learn = <E>(
  symbols: ReadonlyArray<string>,
  { restUrl, rest }: FeedAttemptOptions<E>
): Effect.Effect<ReadonlyArray<Instrument>> =>
  fetchInstruments(restUrl, symbols, rest).pipe(
    Effect.catchTag('UnknownSymbols', (error) =>
      fetchInstruments(
        restUrl,
        symbols.filter((symbol) => !error.symbols.includes(symbol)),
        rest
      )
    ),
    Effect.catch(() => Effect.succeed([]))
  )

const noticeOf = ({ receivedUs, tally }: FramesHandled): FeedAttemptNotice => {
  const { frameCount, tradeCount, rejected } = tally
  let rejectedCount = 0
  for (const count of rejected.values()) rejectedCount += count
  return { type: 'batch.handled', frameCount, tradeCount, rejectedCount, receivedUs }
}
