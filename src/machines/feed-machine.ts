/**
 * Lifecycle of one exchange feed: learn the instruments, connect, stream, back off, drain. How a
 * connection is replaced while it streams is in `feed-rotation.ts`.
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
 *  5. Paused, it has no streams and goes on otherwise: connections come, are replaced and lost as
 *     ever (R40). It is paused from the beginning where nobody has told it yet (R39).
 *  6. Draining ends within `drainMsMax`.
 *  7. The machine hears of batches, at most one event each, never of trades.
 */
import { not } from 'xstate'
import { instrumentsIncomplete } from './feed-protocol.ts'
import type * as Feed from './feed-protocol.ts'
import { rotatingFeedSetup, streamingState } from './feed-rotation.ts'
import { crashOfEvent, endedStream, lossIn, ofStream } from './feed-setup.ts'

const symbolsIn = ({ event }: { readonly event: { readonly symbols: ReadonlyArray<string> } }) =>
  event.symbols

const symbolsChanged = ({ context: { symbols } }: { readonly context: Feed.FeedContext }) =>
  ({ type: 'symbols.changed', symbols }) as const

const incomplete = () => instrumentsIncomplete

const endRetirement = [{ type: 'dropRole', params: 'retiring' }, 'cancelOverdue'] as const

const forced = { outcome: 'forced', reason: 'it did not end in time' } as const

export const feedMachine = rotatingFeedSetup.createMachine({
  id: 'feed',
  context: ({ input }) => ({
    ...input,
    streams: {},
    replacement: null,
    rotationAttempt: 0,
    rotationCount: 0,
    rotationFailureCount: 0,
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
  invoke: { id: 'policy', src: 'followPolicy' },
  on: {
    // (5)
    'pause.requested': {
      guard: not('isPaused'),
      actions: [
        { type: 'setPaused', params: true },
        { type: 'tellStreams', params: { type: 'pause.requested' } }
      ]
    },
    'resume.requested': {
      guard: 'isPaused',
      actions: [
        { type: 'setPaused', params: false },
        { type: 'tellStreams', params: { type: 'resume.requested' } }
      ]
    },
    'subscribe.requested': { actions: { type: 'addSymbols', params: symbolsIn } },
    'unsubscribe.requested': { actions: { type: 'removeSymbols', params: symbolsIn } },
    'drain.requested': [
      {
        guard: 'hasRetiring',
        target: '.active.draining',
        actions: { type: 'dropRole', params: 'live' }
      },
      { target: '.drained' }
    ],
    'batch.handled': { actions: { type: 'countBatch', params: ({ event }) => event } },
    // A connection that has been replaced ends beside whatever the feed does meanwhile.
    'retirement.overdue': {
      guard: 'hasRetiring',
      actions: [
        { type: 'dropRole', params: 'retiring' },
        { type: 'reportRotation', params: forced }
      ]
    },
    'xstate.done.actor.*': {
      guard: { type: 'isRetiring', params: endedStream },
      actions: endRetirement
    },
    'xstate.error.actor.*': {
      guard: { type: 'isRetiring', params: endedStream },
      actions: [{ type: 'recordError', params: crashOfEvent }, ...endRetirement]
    }
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
            actions: [
              { type: 'learnInstruments', params: ({ event }) => event.output },
              { type: 'openStream', params: 'live' }
            ]
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
      on: {
        'xstate.done.actor.*': {
          guard: { type: 'isLive', params: endedStream },
          target: 'drained'
        },
        'xstate.error.actor.*': [
          {
            guard: { type: 'isLiveUnavailable', params: lossIn },
            target: 'backingOff',
            actions: [
              { type: 'countStreamFailure', params: lossIn },
              { type: 'dropStream', params: endedStream }
            ]
          },
          {
            guard: { type: 'isLive', params: endedStream },
            target: 'failed',
            actions: { type: 'recordError', params: crashOfEvent }
          }
        ],
        'subscription.applied': {
          actions: { type: 'learnInstruments', params: ({ event }) => event.instruments }
        },
        'subscription.refused': {
          actions: [
            { type: 'countRefused', params: symbolsIn },
            { type: 'removeSymbols', params: symbolsIn }
          ]
        },
        'subscribe.requested': {
          actions: [
            { type: 'addSymbols', params: symbolsIn },
            { type: 'tellStreams', params: symbolsChanged }
          ]
        },
        'unsubscribe.requested': {
          actions: [
            { type: 'removeSymbols', params: symbolsIn },
            { type: 'tellStreams', params: symbolsChanged }
          ]
        }
      },
      states: {
        connecting: {
          tags: 'degraded',
          on: {
            'feed.subscribed': {
              guard: { type: 'isLive', params: ofStream },
              target: 'streaming',
              actions: { type: 'noteSubscribed', params: ({ event }) => event }
            }
          }
        },
        streaming: streamingState,
        draining: {
          tags: 'degraded',
          always: { guard: 'hasNoStream', target: '#feed.drained' },
          after: { drainTimeout: { target: '#feed.drained', actions: 'noteForcedDrain' } },
          on: {
            'drain.requested': {},
            'xstate.done.actor.*': { actions: { type: 'dropStream', params: endedStream } },
            // What was to end has ended.
            'xstate.error.actor.*': {
              actions: [
                { type: 'recordError', params: crashOfEvent },
                { type: 'dropStream', params: endedStream }
              ]
            }
          }
        }
      }
    },
    backingOff: {
      tags: ['degraded', 'waiting'],
      after: {
        backoffDelay: [
          {
            guard: { type: 'areResolved', params: [] },
            target: 'active',
            actions: { type: 'openStream', params: 'live' }
          },
          { target: 'resolvingInstruments' }
        ]
      }
    },
    drained: { type: 'final' },
    failed: { entry: 'giveUp' }
  }
})
