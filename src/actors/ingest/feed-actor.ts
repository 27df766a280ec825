/**
 * Wires the feed machine's ports: instruments from the venue's REST API, frames from its socket into
 * the publisher, refused frames into the dead-letter log.
 *
 * 1. What the sink cannot take is not read from the socket: pressure reaches the venue, not memory.
 * 2. A drained stream has everything durable in the event log that it had accepted.
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import * as Queue from 'effect/Queue'
import { binanceRestDefaults, fetchInstruments, type InstrumentsError } from '../../adapters/exchange/binance-rest.ts'
import { BinanceSocket, type ExchangeSession } from '../../adapters/exchange/binance-socket.ts'
import { FeedAccount } from '../../adapters/exchange/feed-account.ts'
import { LetterSampler, pumpFrames } from '../../adapters/exchange/feed-pump.ts'
import type { EventObject } from 'xstate'
import { feedMachine } from '../../machines/feed-machine.ts'
import type { FeedCommand, FeedNotice, ResolveInput, StreamInput } from '../../machines/feed-protocol.ts'
import type { Instrument } from '../../market/instrument.ts'
import type { EffectActorArgs, FromEffect } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import type { Shared } from '../shared.ts'
import { frameLetters, observeFrames, observeRest } from './feed-telemetry.ts'

/** Stands for the address of the exchange that this process simulates. */
export const simulatedAddress = 'simulated:'

const lettersPerMinuteMax = 100

export const makeFeedActor = (fromEffect: FromEffect<BinanceSocket>, shared: Shared, feed: string) => {
  const account = new FeedAccount()
  const sampler = new LetterSampler(lettersPerMinuteMax)
  return feedMachine.provide({
    actors: {
      resolveInstruments: fromEffect(({ input }: EffectActorArgs<ResolveInput, EventObject, EventObject>) =>
        resolveInstruments(shared, input.restUrl, input.symbols)
      ),
      streamFeed: fromEffect((args: StreamArgs) => streamFeed(args, { shared, feed, account, sampler }))
    }
  })
}

type StreamArgs = EffectActorArgs<StreamInput, FeedCommand, FeedNotice>

interface StreamContext {
  readonly shared: Shared
  readonly feed: string
  /** Outlives connections: what a feed received since it was made. */
  readonly account: FeedAccount
  readonly sampler: LetterSampler
}

/** The venue's listing, under the exchange code that this process uses for it. */
const resolveInstruments = (
  shared: Shared,
  restUrl: string,
  symbols: readonly string[]
): Effect.Effect<readonly Instrument[], InstrumentsError> =>
  Effect.gen(function* () {
    const { restUrl: simulated } = isSimulated(restUrl) ? yield* shared.simulator.get : { restUrl }
    const found = yield* fetchInstruments(simulated, symbols, {
      ...binanceRestDefaults,
      observe: (event) => observeRest(shared, event)
    })
    return found.map((instrument): Instrument => ({ ...instrument, exchange: shared.exchange }))
  })

const isSimulated = (url: string): boolean => url === simulatedAddress

const streamFeed = (args: StreamArgs, context: StreamContext) =>
  Effect.gen(function* () {
    const { input, notifyParent } = args
    const { shared, feed, account, sampler } = context
    const socket = yield* BinanceSocket
    const { webSocketUrl } = isSimulated(input.webSocketUrl) ? yield* shared.simulator.get : input
    const session = yield* tracked('venue socket', 'socket')(
      socket.connect(webSocketUrl, streamsOf(input.symbols))
    )
    notifyParent({ type: 'feed.subscribed', venue: session.venue })
    shared.telemetry.log('info', 'feed.subscribed', { feed, venue: session.venue, symbols: input.symbols.length })
    yield* connectedGauge(shared, feed)
    const instruments = new Map(input.instruments.map((instrument) => [instrument.symbol, instrument]))
    const draining = Latch.makeUnsafe(false)
    yield* Effect.forkScoped(followCommands(args, { shared, session, instruments, draining }))
    yield* pumpFrames({
      source: session,
      instruments,
      sink: { offer: (trades) => Effect.flatMap(shared.publisher.get, (publisher) => publisher.offer(trades)) },
      deadLetters: frameLetters(shared, feed),
      sampler,
      account,
      drainRequested: draining.await,
      observe: (event) => {
        observeFrames(shared, feed, event)
        notifyParent({
          type: 'batch.handled',
          frameCount: event.tally.frameCount,
          tradeCount: event.tally.tradeCount,
          rejectedCount: sum(event.tally.rejected.values()),
          receivedUs: event.receivedUs
        })
      }
    })
    // (2)
    yield* Effect.flatMap(shared.publisher.get, (publisher) => publisher.flushed)
  })

const streamsOf = (symbols: readonly string[]): readonly string[] =>
  symbols.map((symbol) => `${symbol.toLowerCase()}@trade`)

const sum = (counts: Iterable<number>): number => {
  let total = 0
  for (const count of counts) total += count
  return total
}

const connectedGauge = ({ telemetry: { metrics } }: Shared, feed: string) =>
  Effect.acquireRelease(
    Effect.sync(() => metrics.feedConnected.set({ feed }, 1)),
    () => Effect.sync(() => metrics.feedConnected.set({ feed }, 0))
  )

interface LiveStream {
  readonly shared: Shared
  readonly session: ExchangeSession
  readonly instruments: Map<string, Instrument>
  readonly draining: Latch.Latch
}

/** Applies the machine's commands until it asks to drain. */
const followCommands = (args: StreamArgs, live: LiveStream) =>
  Effect.gen(function* () {
    for (;;) {
      const command = yield* Queue.take(args.commands)
      if (command.type === 'drain.requested') {
        live.draining.openUnsafe()
        return
      }
      yield* applySymbols(args, live, command.symbols)
    }
  })

const applySymbols = (
  { input, notifyParent }: StreamArgs,
  { shared, session, instruments }: LiveStream,
  symbols: readonly string[]
) =>
  Effect.gen(function* () {
    const added = symbols.filter((symbol) => !instruments.has(symbol))
    const found = yield* resolveInstruments(shared, input.restUrl, added).pipe(
      Effect.catchTag('UnknownSymbols', (unknown) => {
        notifyParent({ type: 'subscription.refused', symbols: unknown.symbols })
        const known = added.filter((symbol) => !unknown.symbols.includes(symbol))
        return resolveInstruments(shared, input.restUrl, known)
      })
    )
    for (const instrument of found) instruments.set(instrument.symbol, instrument)
    const wanted = new Set(streamsOf(symbols.filter((symbol) => instruments.has(symbol))))
    yield* session.unsubscribe(session.streams().filter((stream) => !wanted.has(stream)))
    yield* session.subscribe([...wanted])
    notifyParent({ type: 'subscription.applied', instruments: found })
  })
