/**
 * Wires the feed machine's ports: instruments from the venue's REST API, frames from its socket
 * into the publisher, refused frames into the dead-letter log.
 *
 * 1. What the sinks cannot take is not read from the socket: pressure reaches the venue and not
 *    memory.
 * 2. A drained stream has everything durable, in event log or spool, that it had accepted. One
 *    that was replaced does not wait for that: the publisher is never empty while the other one
 *    delivers.
 * 3. What the level of degradation asks holds from the next batch on (R40), and for a feed that is
 *    started anew, too (R39).
 * 4. Quotes never make trades wait for longer than a busy log does: where the log takes none, or
 *    their publisher is away, they are dropped and counted (R34).
 */
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import { runBinanceFeed } from '../../adapters/exchange/binance-feed.ts'
import { fetchNewestIds } from '../../adapters/exchange/venue-newest-ids.ts'
import { HoleWatch } from '../../adapters/exchange/hole-watch.ts'
import { fetchInstruments, type InstrumentsError } from '../../adapters/exchange/binance-rest.ts'
import {
  binanceRestDefaults,
  type RestEvent,
  type VenueError
} from '../../adapters/exchange/rest-request.ts'
import { BinanceSocket, binanceSocketDefaults } from '../../adapters/exchange/binance-socket.ts'
import {
  type FeedAccount,
  noneRefused,
  type RefusedBySymbol
} from '../../adapters/exchange/feed-account.ts'
import { LetterSampler } from '../../adapters/exchange/frame-letters.ts'
import type { EventObject } from 'xstate'
import { feedMachine } from '../../machines/feed-machine.ts'
import type {
  FeedCommand,
  FeedNotice,
  PauseNotice,
  ResolveInput,
  StreamInput
} from '../../machines/feed-protocol.ts'
import type { IngestPolicy } from '../../machines/ingest-policy.ts'
import type { Instrument } from '../../market/instrument.ts'
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import { defaultCryptoTiers, tierOf } from '../../market/tier.ts'
import type { EffectActorArgs, FromEffect, ProgramArgs } from '../effect-actor.ts'
import { lastKnownIds } from '../gaps/known-ids.ts'
import { symbolOf } from '../publisher/record-packer.ts'
import { tracked } from '../resource-registry.ts'
import type { Shared } from '../shared.ts'
import { FeedConnections } from './feed-connections.ts'
import { frameLetters, noteNotTaken, observeFrames, observeRest } from './feed-telemetry.ts'
import type { Intake } from './intake.ts'
import { KeptIds } from './kept-ids.ts'

/** Stands for the address of the exchange that this process simulates. */
export const simulatedAddress = 'simulated:'

const lettersPerMinuteMax = 100

/** The newest trade id of each symbol that the venue answers for (R3). */
export type AskNewestIds = (
  restUrl: string,
  symbols: readonly string[]
) => Effect.Effect<ReadonlyMap<string, number>, VenueError>

/** What a feed received since it was made, by data type. */
export type FeedAccounts = Pick<Intake, 'trades' | 'quotes'>

interface FeedParts {
  /** By default those that the process shows. */
  readonly accounts?: FeedAccounts
  readonly newestIds?: AskNewestIds
}

export const makeFeedActor = (
  fromEffect: FromEffect<BinanceSocket>,
  shared: Shared,
  feed: string,
  { accounts, newestIds = newestIdsOf(shared) }: FeedParts = {}
) => {
  const { trades: account, quotes: quoteAccount } = accounts ?? shared.intake
  const sampler = new LetterSampler(lettersPerMinuteMax)
  const connections = new FeedConnections(shared, feed)
  const kept = new KeptIds({
    read: lastKnownIds(shared),
    onUnknown: (detail) => {
      const { tableName: table } = shared.trades
      shared.telemetry.log('warn', 'feed.kept_ids_unknown', { table, detail })
    }
  })
  const holes = new HoleWatch({
    exchange: shared.exchange,
    account,
    claims: shared.claims,
    keptId: (symbol) => kept.of(symbol),
    nowUs: () => shared.nowMs() * 1_000
  })
  const context = {
    shared, feed, account, quoteAccount, sampler, connections, kept, holes, newestIds
  }
  return feedMachine.provide({
    actions: { reportRotation: (_, report) => connections.noteRotation(report) },
    actors: {
      resolveInstruments: fromEffect(
        ({ input }: EffectActorArgs<ResolveInput, EventObject, EventObject>) =>
          noted(shared, feed, resolveInstruments(shared, input.restUrl, input.symbols))
      ),
      followPolicy: fromEffect((args: PolicyArgs) => followPolicy(args, shared)),
      streamFeed: fromEffect((args: StreamArgs) => streamFeed(args, context))
    }
  })
}

type PolicyArgs = ProgramArgs<undefined, EventObject, PauseNotice>

/** (3) */
const followPolicy = (
  { contain, notifyParent, reportStatus }: PolicyArgs,
  { policy }: Shared
) =>
  Effect.gen(function* () {
    reportStatus(() => ({ counters: { paused: policy.current?.isPaused === false ? 0 : 1 } }))
    const tell = ({ isPaused }: Pick<IngestPolicy, 'isPaused'>) =>
      notifyParent({ type: isPaused ? 'pause.requested' : 'resume.requested' })
    yield* Effect.acquireRelease(
      Effect.sync(() => policy.follow(contain(tell))),
      (stop) => Effect.sync(stop)
    )
    yield* Effect.never
  })

type StreamArgs = EffectActorArgs<StreamInput, FeedCommand, FeedNotice>

interface StreamContext {
  readonly shared: Shared
  readonly feed: string
  /** Outlives connections: what a feed received since it was made. */
  readonly account: FeedAccount
  readonly quoteAccount: FeedAccount
  readonly sampler: LetterSampler
  readonly connections: FeedConnections
  readonly kept: KeptIds
  readonly holes: HoleWatch
  readonly newestIds: AskNewestIds
}

/** The venue's listing, under the exchange code that this process uses for it. */
const resolveInstruments = (
  shared: Shared,
  restUrl: string,
  symbols: readonly string[]
): Effect.Effect<readonly Instrument[], InstrumentsError> =>
  Effect.gen(function* () {
    const address = yield* restAddress(shared, restUrl)
    const found = yield* fetchInstruments(address, symbols, restOptions(shared))
    for (const instrument of found) {
      shared.intake.tiers.set(instrument.symbol, tierOf(defaultCryptoTiers, instrument))
    }
    return found.map((instrument): Instrument => ({ ...instrument, exchange: shared.exchange }))
  })

const newestIdsOf =
  (shared: Shared): AskNewestIds =>
  (restUrl, symbols) =>
    Effect.flatMap(restAddress(shared, restUrl), (address) =>
      fetchNewestIds(address, symbols, restOptions(shared))
    )

const restAddress = ({ simulator }: Shared, restUrl: string): Effect.Effect<string> =>
  isSimulated(restUrl)
    ? Effect.map(simulator.get, ({ restUrl: simulated }) => simulated)
    : Effect.succeed(restUrl)

const restOptions = (shared: Shared) => ({
  ...binanceRestDefaults,
  observe: (event: RestEvent) => observeRest(shared, event)
})

const isSimulated = (url: string): boolean => url === simulatedAddress

const streamFeed = (args: StreamArgs, context: StreamContext) =>
  Effect.gen(function* () {
    const { input, commands, notifyParent } = args
    const { stream } = input
    const { shared, feed, account, quoteAccount, sampler, connections, holes, newestIds } = context
    const { kept } = context
    const { dataTypes } = shared.config
    const attempt = runBinanceFeed({
      connect: (streams) => openConnection(args, context, streams),
      predecessorsCaughtUp: connections.othersCaughtUp(stream),
      resolveInstruments: (symbols) => resolveInstruments(shared, input.restUrl, symbols),
      newestIds: (symbols) =>
        Effect.andThen(
          kept.lookedFor(symbols.filter((symbol) => account.lastIdOf(symbol) === null)),
          noted(shared, feed, newestIds(input.restUrl, symbols))
        ),
      dataTypes,
      exchange: shared.exchange,
      tiers: defaultCryptoTiers,
      level: () => shared.policy.current, // (3)
      claims: shared.claims,
      holes,
      isPaused: input.isPaused,
      symbols: input.symbols,
      instruments: input.instruments,
      nextCommand: Queue.take(commands),
      notify: (notice) => {
        if (notice.type === 'feed.subscribed') connections.noteSubscribed(stream, notice.venue)
        if (notice.type === 'shutdown.announced') connections.noteAnnounced(stream)
        notifyParent({ ...notice, stream })
      },
      sink: {
        offer: (trades, onTaken) =>
          dataTypes.includes('trades')
            ? Effect.flatMap(shared.trades.publisher.get, (publisher) =>
                shared.faults.losesBatch('handover:trades')
                  ? Effect.succeed(noneRefused)
                  : publisher.offer(trades, onTaken)
              )
            : Effect.as(
                noteNotTaken(shared, 'not_captured', {
                  topic: shared.trades.topic,
                  symbols: trades.map(symbolOf)
                }),
                noneRefused
              )
      },
      quotes: dataTypes.includes('quotes')
        ? { sink: quoteSink(shared), account: quoteAccount }
        : undefined,
      deadLetters: frameLetters(shared, feed),
      sampler,
      account,
      observe: (event) => {
        observeFrames(shared, feed, event)
        shared.telemetry.metrics.feedQueueBytes.set({ feed }, connections.queuedBytes)
      }
    })
    yield* kept.loaded
    const end = yield* noted(shared, feed, attempt)
    // (2)
    if (end === 'drain.requested') yield* flushed(shared)
  })

/** Ends once everything that was accepted is durable. */
const flushed = ({ config, trades, quotes }: Shared): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (config.dataTypes.includes('trades')) {
      yield* Effect.flatMap(trades.publisher.get, (publisher) => publisher.flushed)
    }
    yield* quotes.publisher.current?.flushed ?? Effect.void
  })

const openConnection = (
  { input: { stream, webSocketUrl }, reportStatus }: StreamArgs,
  { shared, connections }: StreamContext,
  streams: readonly string[]
) =>
  Effect.gen(function* () {
    const socket = yield* BinanceSocket
    const address = isSimulated(webSocketUrl) ? yield* shared.simulator.get : { webSocketUrl }
    const session = yield* tracked('venue socket', 'socket')(
      socket.connect(address.webSocketUrl, streams)
    )
    const openedMs = shared.nowMs()
    reportStatus(() => ({
      queueBytes: session.queuedBytes(),
      queueBytesMax: binanceSocketDefaults.queueBytesMax,
      counters: {
        connectionAgeMs: shared.nowMs() - openedMs,
        streams: session.streams().length
      }
    }))
    yield* connections.enter(stream, { session, openedMs })
    return session
  })

/** (4) */
const quoteSink = (shared: Shared) => ({
  offer: (
    records: readonly QuoteV2[],
    onTaken: (refused: RefusedBySymbol) => void
  ): Effect.Effect<'shed' | RefusedBySymbol> =>
    Effect.suspend((): Effect.Effect<'shed' | RefusedBySymbol> => {
      const { quotes } = shared
      const publisher = quotes.publisher.current
      if (publisher !== undefined && !publisher.refused) {
        return shared.faults.losesBatch('handover:quotes')
          ? Effect.succeed(noneRefused)
          : publisher.offer(records, onTaken)
      }
      const reason = publisher === undefined ? 'publisher_away' : 'log_refused'
      const symbols = records.map(({ symbol }) => symbol)
      const shed = noteNotTaken(shared, reason, { topic: quotes.topic, symbols })
      return Effect.as(shed, 'shed' as const)
    })
})

/** Reports an attempt that fails, by what it failed of. */
const noted = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  { telemetry }: Shared,
  feed: string,
  attempt: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.tapError(attempt, ({ _tag, message }) =>
    Effect.sync(() => {
      telemetry.metrics.feedFailures.inc({ feed, failure: _tag })
      telemetry.log('warn', 'feed.attempt_failed', { feed, failure: _tag, detail: message })
    })
  )
