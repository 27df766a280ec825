/**
 * Lifecycle of one exchange feed: learn the instruments, connect, stream, back off, drain.
 *
 * Invariants:
 *  1. An unavailable venue is a state, `backingOff`, for as long as it takes (R14); only failures
 *     not marked so end the feed, in `failed`, which throws `FeedFailed` to the supervisor.
 *  2. `attempt` returns to 0 only after `backoff.upMsMin` of uninterrupted streaming: a drop right
 *     after the handshake must still back off, or we redial at the floor for ever.
 *  3. An attempt that failed before that moves on to the next address, round robin; the end of a
 *     connection that had lasted does not, for its address is good.
 *  4. `symbols` is what is wanted, whatever the connection's state: each connect takes all of it.
 *     It holds no symbol twice and at most `symbolsMax`; what is beyond is refused and counted.
 *  5. Draining ends within `drainMsMax`.
 *  6. The machine hears of batches, at most one event each, never of trades.
 */
import { assign, sendTo, setup, stateIn } from 'xstate'
import type { Instrument } from '../market/instrument.ts'
import { FeedFailed, instrumentsIncomplete } from './feed-protocol.ts'
import type * as Feed from './feed-protocol.ts'
import { declarePort } from './port.ts'
import { backoffMs, nextSeed } from './restart-policy.ts'
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'

const crashOfEvent = ({ event }: { readonly event: { readonly error: unknown } }): CrashFacts =>
  factsOf(crashOf(event.error))

const symbolsIn = ({ event }: { readonly event: { readonly symbols: ReadonlyArray<string> } }) =>
  event.symbols

const symbolsChanged = ({ symbols }: Feed.FeedContext): Feed.FeedCommand => ({
  type: 'symbols.changed',
  symbols
})

const incomplete = () => instrumentsIncomplete

const feedSetup = setup({
  types: {
    input: {} as Feed.FeedInput,
    context: {} as Feed.FeedContext,
    events: {} as Feed.FeedEvent,
    output: {} as Feed.FeedOutput,
    tags: {} as 'healthy' | 'degraded' | 'waiting'
  },
  actors: {
    resolveInstruments: declarePort<readonly Instrument[], Feed.ResolveInput>('resolveInstruments'),
    streamFeed: declarePort<void, Feed.StreamInput, Feed.FeedCommand>('streamFeed')
  },
  guards: {
    isDraining: stateIn({ active: 'draining' }),
    isUnavailable: (_, crash: CrashFacts) => crash.isDependency,
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
    countRestFailure: assign(({ context }, crash: CrashFacts) => ({
      ...failedOnce(context, crash),
      restIndex: following(context.restIndex, context.restUrls)
    })),
    countStreamFailure: assign(({ context }, crash: CrashFacts) => ({
      ...failedOnce(context, crash),
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
    countRefused: assign(({ context }, symbols: ReadonlyArray<string>) => ({
      refusedSymbolCount: context.refusedSymbolCount + symbols.length
    })),
    tellSymbols: sendTo('streamFeed', ({ context }) => symbolsChanged(context)),
    tellDrain: sendTo('streamFeed', { type: 'drain.requested' }),
    noteSubscribed: assign(({ context }, { venue }: { readonly venue: string }) => ({
      venue,
      connectCount: context.connectCount + 1
    })),
    countBatch: assign(({ context }, batch: Omit<Feed.BatchHandled, 'type'>) => ({
      frameCount: context.frameCount + batch.frameCount,
      tradeCount: context.tradeCount + batch.tradeCount,
      rejectedCount: context.rejectedCount + batch.rejectedCount,
      lastBatchUs: batch.receivedUs
    })),
    noteForcedDrain: assign({ isDrainForced: true }),
    giveUp: ({ context }) => {
      const { exchange, lastError } = context
      const { tag, message } = lastError ?? { tag: 'UnknownFailure', message: 'no reason is known' }
      throw new FeedFailed({ exchange, tag, reason: message })
    }
  }
})

export const feedMachine = feedSetup.createMachine({
  id: 'feed',
  context: ({ input }) => ({
    ...input,
    symbols: [...new Set(input.symbols)].slice(0, input.symbolsMax),
    attempt: 0,
    hasLasted: false,
    webSocketIndex: 0,
    restIndex: 0,
    instruments: [],
    lastError: null,
    venue: null,
    connectCount: 0,
    failureCount: 0,
    frameCount: 0,
    tradeCount: 0,
    rejectedCount: 0,
    refusedSymbolCount: Math.max(0, new Set(input.symbols).size - input.symbolsMax),
    lastBatchUs: null,
    isDrainForced: false
  }),
  output: ({ context: { tradeCount, frameCount, isDrainForced } }) => ({
    tradeCount,
    frameCount,
    isDrainForced
  }),
  initial: 'resolvingInstruments',
  on: {
    'subscribe.requested': { actions: { type: 'addSymbols', params: symbolsIn } },
    'unsubscribe.requested': { actions: { type: 'removeSymbols', params: symbolsIn } },
    'drain.requested': '.drained'
  },
  states: {
    resolvingInstruments: {
      tags: 'degraded',
      invoke: {
        id: 'resolveInstruments',
        src: 'resolveInstruments',
        input: ({ context }) => ({
          restUrl: context.restUrls[context.restIndex] ?? '',
          symbols: context.symbols
        }),
        onDone: [
          {
            guard: { type: 'areResolved', params: ({ event }) => event.output },
            target: 'active',
            actions: { type: 'learnInstruments', params: ({ event }) => event.output }
          },
          { target: 'backingOff', actions: { type: 'countRestFailure', params: incomplete } }
        ],
        onError: [
          {
            guard: { type: 'isUnavailable', params: crashOfEvent },
            target: 'backingOff',
            actions: { type: 'countRestFailure', params: crashOfEvent }
          },
          { target: 'failed', actions: { type: 'recordError', params: crashOfEvent } }
        ]
      },
      on: {
        // The question has changed, so it is asked anew.
        'subscribe.requested': {
          target: 'resolvingInstruments',
          reenter: true,
          actions: { type: 'addSymbols', params: symbolsIn }
        }
      }
    },
    active: {
      initial: 'connecting',
      invoke: {
        id: 'streamFeed',
        src: 'streamFeed',
        input: ({ context }) => ({
          exchange: context.exchange,
          webSocketUrl: context.webSocketUrls[context.webSocketIndex] ?? '',
          restUrl: context.restUrls[context.restIndex] ?? '',
          symbols: context.symbols,
          instruments: context.instruments
        }),
        onDone: 'drained',
        onError: [
          {
            guard: 'isDraining', // what was to end has ended
            target: 'drained',
            actions: { type: 'recordError', params: crashOfEvent }
          },
          {
            guard: { type: 'isUnavailable', params: crashOfEvent },
            target: 'backingOff',
            actions: { type: 'countStreamFailure', params: crashOfEvent }
          },
          { target: 'failed', actions: { type: 'recordError', params: crashOfEvent } }
        ]
      },
      on: {
        'batch.handled': { actions: { type: 'countBatch', params: ({ event }) => event } },
        'subscription.applied': {
          actions: { type: 'learnInstruments', params: ({ event }) => event.instruments }
        },
        'subscription.refused': {
          actions: [
            { type: 'removeSymbols', params: symbolsIn },
            { type: 'countRefused', params: symbolsIn }
          ]
        },
        'subscribe.requested': {
          actions: [{ type: 'addSymbols', params: symbolsIn }, 'tellSymbols']
        },
        'unsubscribe.requested': {
          actions: [{ type: 'removeSymbols', params: symbolsIn }, 'tellSymbols']
        }
      },
      states: {
        connecting: {
          tags: 'degraded',
          on: {
            'feed.subscribed': {
              target: 'streaming',
              actions: { type: 'noteSubscribed', params: ({ event }) => event }
            }
          }
        },
        streaming: {
          tags: 'healthy',
          after: { upTimeout: { actions: 'forgetAttempts' } },
          on: { 'drain.requested': { target: 'draining', actions: 'tellDrain' } }
        },
        draining: {
          tags: 'degraded',
          after: { drainTimeout: { target: '#feed.drained', actions: 'noteForcedDrain' } },
          on: { 'drain.requested': {} }
        }
      }
    },
    backingOff: {
      tags: ['degraded', 'waiting'],
      after: {
        backoffDelay: [
          { guard: { type: 'areResolved', params: [] }, target: 'active' },
          { target: 'resolvingInstruments' }
        ]
      }
    },
    drained: { type: 'final' },
    failed: { entry: 'giveUp' }
  }
})

const failedOnce = (context: Feed.FeedContext, crash: CrashFacts) => ({
  attempt: context.attempt + 1,
  failureCount: context.failureCount + 1,
  jitterSeed: nextSeed(context.jitterSeed),
  lastError: crash,
  venue: null
})

/** Round robin. */
const following = (index: number, list: ReadonlyArray<string>): number => (index + 1) % list.length
