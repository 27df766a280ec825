/**
 * What the feed machine is made of: its ports, guards, delays and actions.
 *
 * A connection is a spawned child at an address of its own, with a role in `context.streams`:
 * an address has a role exactly as long as it has a child.
 */
import { assign, type DoneActorEvent, enqueueActions, type ErrorActorEvent, setup } from 'xstate'
import type { Instrument } from '../market/instrument.ts'
import { FeedFailed } from './feed-protocol.ts'
import type * as Feed from './feed-protocol.ts'
import { declarePort } from './port.ts'
import { backoffMs, nextSeed } from './restart-policy.ts'
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'

/** The end of a connection that nobody asked for. */
interface Loss {
  readonly stream: string
  readonly crash: CrashFacts
}

type BatchOfStream = Omit<Feed.BatchHandled, 'type'> & { readonly stream: Feed.StreamId }

export const crashOfEvent = ({ event }: { readonly event: { readonly error: unknown } }) =>
  factsOf(crashOf(event.error))

export const lossIn = ({ event }: { readonly event: ErrorActorEvent }): Loss => ({
  stream: event.actorId,
  crash: factsOf(crashOf(event.error))
})

export const endedStream = ({ event }: { readonly event: DoneActorEvent | ErrorActorEvent }) =>
  event.actorId

export const ofStream = ({ event }: { readonly event: { readonly stream: Feed.StreamId } }) =>
  event.stream

export const feedSetup = setup({
  types: {
    input: {} as Feed.FeedInput,
    context: {} as Feed.FeedContext,
    events: {} as Feed.FeedEvent,
    output: {} as Feed.FeedOutput,
    tags: {} as 'healthy' | 'degraded' | 'waiting'
  },
  actors: {
    resolveInstruments: declarePort<readonly Instrument[], Feed.ResolveInput>('resolveInstruments'),
    streamFeed: declarePort<void, Feed.StreamInput, Feed.FeedCommand>('streamFeed'),
    followPolicy: declarePort<void, undefined>('followPolicy')
  },
  guards: {
    isUnavailable: (_, crash: CrashFacts) => crash.isDependency,
    isLive: ({ context }, stream: string) => streamOf(context, 'live') === stream,
    isRetiring: ({ context }, stream: string) => streamOf(context, 'retiring') === stream,
    hasRetiring: ({ context }) => streamOf(context, 'retiring') !== undefined,
    isLiveUnavailable: ({ context }, { stream, crash }: Loss) =>
      streamOf(context, 'live') === stream && crash.isDependency,
    isPaused: ({ context }) => context.isPaused,
    hasNoStream: ({ context }) => streamsOf(context).length === 0,
    areResolved: ({ context }, more: ReadonlyArray<Instrument>) => {
      const known = new Set([...context.instruments, ...more].map(({ symbol }) => symbol))
      return context.symbols.every((symbol) => known.has(symbol))
    }
  },
  delays: {
    backoffDelay: ({ context }) => backoffMs(context.backoff, context.attempt, context.jitterSeed),
    upTimeout: ({ context }) => context.backoff.upMsMin,
    drainTimeout: ({ context }) => context.drainMsMax
  },
  actions: {
    openStream: enqueueActions(({ context, enqueue }, role: Feed.StreamRole) => {
      const stream = freeStream(context)
      if (stream === undefined) return
      const { exchange, symbols, instruments, replacement, isPaused } = context
      const index = role === 'live' ? context.webSocketIndex : (replacement?.webSocketIndex ?? 0)
      enqueue.assign({ streams: { ...context.streams, [stream]: role } })
      const webSocketUrl = context.webSocketUrls[index] ?? ''
      const restUrl = context.restUrls[context.restIndex] ?? ''
      const wish = { symbols, instruments, isPaused }
      const input = { stream, exchange, webSocketUrl, restUrl, ...wish }
      enqueue.spawnChild('streamFeed', { id: stream, input })
    }),
    /** A spawned actor that has ended stays among the children until it is stopped. */
    dropStream: enqueueActions(({ context, enqueue }, stream: string) => {
      enqueue.stopChild(stream)
      enqueue.assign({ streams: without(context, stream) })
    }),
    dropRole: enqueueActions(({ context, enqueue }, role: Feed.StreamRole) => {
      const stream = streamOf(context, role)
      if (stream === undefined) return
      enqueue.stopChild(stream)
      enqueue.assign({ streams: without(context, stream) })
    }),
    tellStreams: enqueueActions(({ context, enqueue }, command: Feed.FeedCommand) => {
      for (const stream of streamsOf(context)) enqueue.sendTo(stream, command)
    }),
    countRestFailure: assign(({ context }, crash: CrashFacts) => ({
      ...failedOnce(context, crash),
      restIndex: following(context.restIndex, context.restUrls)
    })),
    countStreamFailure: assign(({ context }, { crash }: Loss) => ({
      ...failedOnce(context, crash),
      rotationAttempt: 0,
      // (3)
      ...(context.hasLasted
        ? { hasLasted: false }
        : { webSocketIndex: following(context.webSocketIndex, context.webSocketUrls) })
    })),
    forgetAttempts: assign({ attempt: 0, hasLasted: true }),
    recordError: assign({ lastError: (_, crash: CrashFacts) => crash }),
    learnInstruments: assign({
      instruments: ({ context }, found: ReadonlyArray<Instrument>) => {
        const bySymbol = new Map(context.instruments.map((known) => [known.symbol, known]))
        for (const instrument of found) bySymbol.set(instrument.symbol, instrument)
        return [...bySymbol.values()]
      }
    }),
    addSymbols: assign(({ context }, symbols: ReadonlyArray<string>) => {
      const wanted = [...new Set([...context.symbols, ...symbols])]
      const refusedCount = Math.max(0, wanted.length - context.symbolsMax)
      return {
        symbols: wanted.slice(0, context.symbolsMax),
        refusedSymbolCount: context.refusedSymbolCount + refusedCount
      }
    }),
    removeSymbols: assign(({ context }, symbols: ReadonlyArray<string>) => ({
      symbols: context.symbols.filter((symbol) => !symbols.includes(symbol))
    })),
    /** Before they are removed: two connections may both be refused the same symbol. */
    countRefused: assign(({ context }, symbols: ReadonlyArray<string>) => ({
      refusedSymbolCount:
        context.refusedSymbolCount +
        symbols.filter((symbol) => context.symbols.includes(symbol)).length
    })),
    noteSubscribed: assign(({ context }, { venue }: { readonly venue: string }) => ({
      venue,
      connectCount: context.connectCount + 1
    })),
    countBatch: assign(({ context }, batch: BatchOfStream) => ({
      replacement: overlapOf(context, batch),
      frameCount: context.frameCount + batch.frameCount,
      tradeCount: context.tradeCount + batch.tradeCount,
      rejectedCount: context.rejectedCount + batch.rejectedCount,
      lastBatchUs: batch.receivedUs
    })),
    setPaused: assign({ isPaused: (_, isPaused: boolean) => isPaused }),
    noteForcedDrain: assign({ isDrainForced: true }),
    giveUp: ({ context }) => {
      const { exchange, lastError } = context
      const { tag, message } = lastError ?? { tag: 'UnknownFailure', message: 'no reason is known' }
      throw new FeedFailed({ exchange, tag, reason: message })
    }
  }
})

const addresses = ['stream:a', 'stream:b'] as const

const streamsOf = ({ streams }: Feed.FeedContext): ReadonlyArray<Feed.StreamId> =>
  addresses.filter((stream) => streams[stream] !== undefined)

export const streamOf = (
  { streams }: Feed.FeedContext,
  role: Feed.StreamRole
): Feed.StreamId | undefined => addresses.find((stream) => streams[stream] === role)

export const freeStream = ({ streams }: Feed.FeedContext): Feed.StreamId | undefined =>
  addresses.find((stream) => streams[stream] === undefined)

const without = ({ streams }: Feed.FeedContext, stream: string): Feed.FeedContext['streams'] =>
  Object.fromEntries(Object.entries(streams).filter(([other]) => other !== stream))

const overlapOf = (
  context: Feed.FeedContext,
  { stream, frameCount }: BatchOfStream
): Feed.Replacement | null => {
  const { replacement, streams } = context
  if (replacement === null) return null
  return streams[stream] === 'incoming'
    ? { ...replacement, frameCount: replacement.frameCount + frameCount }
    : { ...replacement, liveFrameCount: replacement.liveFrameCount + frameCount }
}

const failedOnce = (context: Feed.FeedContext, crash: CrashFacts) => ({
  attempt: context.attempt + 1,
  failureCount: context.failureCount + 1,
  jitterSeed: nextSeed(context.jitterSeed),
  lastError: crash,
  venue: null
})

/** Round robin. */
const following = (index: number, list: ReadonlyArray<string>): number => (index + 1) % list.length
