/**
 * The healer: looks at what is missing, and has it brought from the venue's history, piece by
 * piece. What to ask is the plan's to say (`heal-plan.ts`), how much of it the budget's
 * (`weight-budget.ts`).
 *
 *     paused ──level──► looking ──► choosing ──► healing ──► choosing …
 *       ▲                             │            ├──► resting (slow pace) ──────► looking
 *       └── from anywhere             │            └──► backingOff (of no use) ───► looking
 *                                     ├──► waiting (nothing to ask yet) ──────────► looking
 *                                     ├──► idle (nothing is missing) ──something──► choosing
 *                                     └──► exhausted (the budget) ────────────────► looking
 *
 * Invariants:
 *  1. One request is under way at most, and none while the level is above soft: one that is, is
 *     given up at once.
 *  2. An unavailable venue, log or table is a state, `backingOff`, for as long as it takes (R14).
 *     Its failures cost no hole an attempt.
 *  3. Nothing is asked beyond the budget, and nothing while the venue refuses.
 *  4. What is decided is decided by the time of the latest event; a wait ends in a new look.
 */
import { and, type DoneActorEvent, type ErrorActorEvent } from 'xstate'
import { emptyPlan } from './heal-plan.ts'
import type * as Healer from './healer-protocol.ts'
import { crashOfEvent, type FailedPort, healerSetup } from './healer-setup.ts'
import { openBudget, weightLimitDefault } from './weight-budget.ts'

type Context = Healer.HealerContext

const errorOf = ({ event }: { readonly event: { readonly error: unknown } }) => event.error
const outputOf = <A>({ event }: { readonly event: DoneActorEvent<A> }): A => event.output

const paceIn = ({ event }: { readonly event: { pace: Healer.HealPace; atMs: number } }) => event
const claimsIn = ({ context }: { readonly context: Context }) => context.claims
const contextIn = ({ context }: { readonly context: Context }) => context

const lookedAround = [
  { type: 'noteLook', params: outputOf<Healer.LookReport> },
  { type: 'claim', params: claimsIn },
  { type: 'reportContext', params: contextIn }
] as const

const settled = [
  { type: 'noteReport', params: outputOf<Healer.HealReport> },
  { type: 'claim', params: claimsIn },
  { type: 'reportContext', params: contextIn }
] as const

const failedPort = (port: FailedPort['port']) =>
  [
    {
      guard: { type: 'isUnavailable', params: crashOfEvent },
      target: 'backingOff',
      actions: [
        {
          type: 'reportFailure',
          params: (args: { readonly event: ErrorActorEvent }): FailedPort => ({
            port,
            crash: crashOfEvent(args)
          })
        },
        { type: 'recordError', params: crashOfEvent }
      ]
    },
    { actions: { type: 'fail', params: errorOf } }
  ] as const

export const healerMachine = healerSetup.createMachine({
  id: 'healer',
  context: ({ input }) => ({
    ...input,
    pace: 'stopped',
    nowMs: Number.NEGATIVE_INFINITY,
    lookedMs: Number.NEGATIVE_INFINITY,
    seen: null,
    plan: emptyPlan,
    budget: openBudget(weightLimitDefault, { nowMs: 0, skewMs: 0 }),
    request: null,
    claims: [],
    attempt: 0,
    lastError: null
  }),
  invoke: {
    id: 'watch',
    src: 'watch',
    onDone: '.drained',
    onError: { actions: { type: 'fail', params: errorOf } }
  },
  initial: 'paused',
  on: {
    'drain.requested': '.drained',
    'pace.changed': [
      {
        guard: { type: 'isStopped', params: ({ event }) => event.pace },
        target: '.paused',
        actions: [
          { type: 'setPace', params: paceIn },
          { type: 'abandon', params: ({ event }) => event }
        ]
      },
      { actions: { type: 'setPace', params: paceIn } }
    ]
  },
  states: {
    paused: {
      tags: ['healthy', 'waiting'],
      on: {
        'pace.changed': [
          {
            guard: { type: 'isStopped', params: ({ event }) => event.pace },
            actions: { type: 'setPace', params: paceIn }
          },
          { target: 'looking', actions: { type: 'setPace', params: paceIn } }
        ]
      }
    },
    /** Looks without an end, until there is something new to see. */
    idle: {
      tags: 'healthy',
      invoke: {
        id: 'look',
        src: 'look',
        input: ({ context }) => ({ unless: context.seen, isPatient: true }),
        onDone: { target: 'choosing', actions: [...lookedAround] },
        onError: failedPort('look')
      }
    },
    looking: {
      tags: 'healthy',
      invoke: {
        id: 'look',
        src: 'look',
        input: { unless: null, isPatient: false },
        onDone: { target: 'choosing', actions: [...lookedAround] },
        onError: failedPort('look')
      }
    },
    waiting: { tags: 'healthy', after: { lookDelay: 'looking' } },
    choosing: {
      tags: 'healthy',
      always: [
        { guard: 'isRefused', target: 'exhausted' },
        { guard: 'isLookDue', target: 'looking' },
        { guard: and(['hasNothing', 'isSettled']), target: 'idle' },
        { guard: 'hasNothing', target: 'waiting' },
        { guard: 'isExhausted', target: 'exhausted' },
        { target: 'healing', actions: 'choose' }
      ]
    },
    healing: {
      tags: 'healthy',
      invoke: {
        id: 'heal',
        src: 'heal',
        input: ({ context }) => context.request!,
        onDone: [
          {
            guard: { type: 'isUseless', params: outputOf },
            target: 'backingOff',
            actions: [...settled]
          },
          { guard: 'isSlow', target: 'resting', actions: [...settled, 'forgetAttempts'] },
          { target: 'choosing', actions: [...settled, 'forgetAttempts'] }
        ],
        onError: failedPort('heal')
      }
    },
    resting: { tags: ['healthy', 'waiting'], after: { slowDelay: 'looking' } },
    exhausted: { tags: ['healthy', 'waiting'], after: { budgetDelay: 'looking' } },
    backingOff: {
      tags: ['degraded', 'waiting'],
      entry: 'countFailure',
      after: { backoffDelay: 'looking' }
    },
    drained: { type: 'final' }
  }
})
