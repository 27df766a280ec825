/**
 * A circuit breaker around a program that sends to a dependency. The program reports how its sends
 * end; the breaker tells it when to send, when to keep away, and when to try once.
 *
 *     closed ──failures, or an indeterminate send──► open ──backoff──► halfOpen.ready
 *       ▲                                             ▲                     │ the probe is sent
 *       │                                             └──failed, overdue────┤
 *       └───────────────── acknowledged ──────────── halfOpen.probing ◄─────┘
 *
 * Invariants:
 *  1. `failureCount` counts consecutive failures while closed; `failuresMax` of them, or one send
 *     whose outcome is unknown, open the circuit.
 *  2. While half-open exactly one probe may be under way, and it has a deadline: the circuit never
 *     stays `probing`. In `ready` nothing waits for it: whoever has something to send is the probe.
 *  3. Only the present probe counts: late word of sends from before changes nothing.
 *  4. The delay grows with each opening up to `backoff.msMax`, and starts anew only after the
 *     circuit was closed for `backoff.upMsMin`: one lucky probe does not undo it.
 *  5. The breaker lives exactly as long as its program, and ends as the program ends.
 */
import { assign, type DoneActorEvent, type ErrorActorEvent, sendTo, setup } from 'xstate'
import { declarePort } from './port.ts'
import { type BackoffPolicy, backoffMs, nextSeed } from './restart-policy.ts'
import { crashOf } from './supervisor-crash.ts'

interface CircuitPolicy {
  /** Consecutive failures that open the circuit, at least 1. */
  readonly failuresMax: number
  readonly backoff: BackoffPolicy
  /** A probe that has not ended by then has failed. */
  readonly probeMsMax: number
}

export interface CircuitInput extends CircuitPolicy {
  readonly jitterSeed: number
}

/** What the program reports. */
export type CircuitNotice =
  | { readonly type: 'send.acknowledged' }
  /** `isIndeterminate`: the dependency may have it, now or later. */
  | { readonly type: 'send.failed'; readonly isIndeterminate: boolean; readonly detail: string }
  | { readonly type: 'probe.started'; readonly probe: number }
  | { readonly type: 'probe.acknowledged'; readonly probe: number }
  | { readonly type: 'probe.failed'; readonly probe: number; readonly detail: string }

/** What the program is told; without a word the circuit is closed. */
export type CircuitCommand =
  | { readonly type: 'circuit.closed' }
  | { readonly type: 'circuit.opened' }
  /** One send may be tried. `probe` names it in what is reported of it. */
  | { readonly type: 'probe.granted'; readonly probe: number }
  | { readonly type: 'drain.requested' }

export type CircuitEvent =
  | CircuitNotice
  | { readonly type: 'drain.requested' }
  | DoneActorEvent
  | ErrorActorEvent

export interface CircuitContext extends CircuitInput {
  readonly failureCount: number
  /** Openings since the circuit was last closed for long enough (4). */
  readonly attempt: number
  readonly openedCount: number
  /** Number of the last probe that was granted. */
  readonly probe: number
  /** Why the circuit opened last. */
  readonly lastFailure: string | null
}

/** A change of the circuit, for those who watch it. */
export interface CircuitChange {
  readonly to: 'closed' | 'open' | 'halfOpen'
  readonly openedCount: number
  readonly detail: string | null
}

const programId = 'program'

const ofEvent = ({ event }: { readonly event: { readonly probe: number } }) => event.probe

const detailOf = ({ event }: { readonly event: { readonly detail: string } }) => event.detail

const errorOf = ({ event }: { readonly event: { readonly error: unknown } }) => event.error

const overdue = 'the probe was not answered in time'

const circuitSetup = setup({
  types: {
    input: {} as CircuitInput,
    context: {} as CircuitContext,
    events: {} as CircuitEvent,
    tags: {} as 'healthy' | 'degraded' | 'waiting'
  },
  actors: { program: declarePort<void, void, CircuitCommand>(programId) },
  guards: {
    opens: ({ context }, isIndeterminate: boolean) =>
      isIndeterminate || context.failureCount + 1 >= context.failuresMax,
    isPresentProbe: ({ context }, probe: number) => probe === context.probe
  },
  delays: {
    backoffDelay: ({ context }) => backoffMs(context.backoff, context.attempt, context.jitterSeed),
    upDelay: ({ context }) => context.backoff.upMsMin,
    probeDeadline: ({ context }) => context.probeMsMax
  },
  actions: {
    countFailure: assign(({ context }, detail: string) => ({
      failureCount: context.failureCount + 1,
      lastFailure: detail
    })),
    forgetFailures: assign({ failureCount: 0 }),
    forgetAttempts: assign({ attempt: 0 }),
    countOpening: assign(({ context }, detail: string) => ({
      failureCount: 0,
      attempt: context.attempt + 1,
      openedCount: context.openedCount + 1,
      jitterSeed: nextSeed(context.jitterSeed),
      lastFailure: detail
    })),
    nextProbe: assign({ probe: ({ context }) => context.probe + 1 }),
    tell: sendTo(programId, (_, command: CircuitCommand) => command),
    grantProbe: sendTo(programId, ({ context }) => ({
      type: 'probe.granted' as const,
      probe: context.probe
    })),
    /** Port: metrics and log lines. */
    report: (_args, _change: CircuitChange) => {},
    fail: (_, error: unknown) => {
      throw crashOf(error)
    }
  }
})

const changedTo =
  (to: CircuitChange['to']) =>
  ({ context }: { readonly context: CircuitContext }): CircuitChange => ({
    to,
    openedCount: context.openedCount,
    detail: to === 'closed' ? null : context.lastFailure
  })

const reopened = {
  target: '#circuit.open',
  actions: { type: 'countOpening' as const, params: detailOf }
}

export const circuitBreakerMachine = circuitSetup.createMachine({
  id: 'circuit',
  context: ({ input }) => ({
    ...input,
    failureCount: 0,
    attempt: 0,
    openedCount: 0,
    probe: 0,
    lastFailure: null
  }),
  invoke: {
    id: programId,
    src: 'program',
    onDone: '.ended',
    // (5): the same failure, to whoever supervises the breaker.
    onError: { actions: { type: 'fail', params: errorOf } }
  },
  on: { 'drain.requested': { actions: { type: 'tell', params: { type: 'drain.requested' } } } },
  initial: 'closed',
  states: {
    closed: {
      tags: 'healthy',
      after: { upDelay: { actions: 'forgetAttempts' } },
      on: {
        'send.acknowledged': { actions: 'forgetFailures' },
        'send.failed': [
          {
            guard: { type: 'opens', params: ({ event }) => event.isIndeterminate },
            ...reopened
          },
          { actions: { type: 'countFailure', params: detailOf } }
        ]
      }
    },
    open: {
      tags: ['degraded', 'waiting'],
      entry: [
        { type: 'tell', params: { type: 'circuit.opened' } },
        { type: 'report', params: changedTo('open') }
      ],
      after: { backoffDelay: 'halfOpen' }
    },
    halfOpen: {
      tags: ['degraded', 'waiting'],
      entry: ['nextProbe', 'grantProbe', { type: 'report', params: changedTo('halfOpen') }],
      initial: 'ready',
      on: {
        'probe.acknowledged': {
          guard: { type: 'isPresentProbe', params: ofEvent },
          target: 'closed',
          actions: [
            { type: 'tell', params: { type: 'circuit.closed' } },
            { type: 'report', params: changedTo('closed') }
          ]
        },
        'probe.failed': { guard: { type: 'isPresentProbe', params: ofEvent }, ...reopened }
      },
      states: {
        ready: {
          on: {
            'probe.started': {
              guard: { type: 'isPresentProbe', params: ofEvent },
              target: 'probing'
            }
          }
        },
        probing: {
          after: {
            probeDeadline: {
              target: '#circuit.open',
              actions: { type: 'countOpening', params: overdue }
            }
          }
        }
      }
    },
    ended: { type: 'final' }
  }
})
