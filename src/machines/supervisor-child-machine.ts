/**
 * Keeper of one supervised child: starts it, watches it, restarts it with backoff, stops it.
 *
 * Invariants:
 *  1. A restart is always delayed, and starts only after the predecessor's resources are released
 *     or `shutdownMsMax` has passed (then they are leaks, recorded by name; R18).
 *  2. `attempt` returns to 0 only after `upMsMin` in `running`: a child that dies right after it
 *     started must still back off.
 *  3. `inWindow` is the number of crashes within the last `windowMs`, those of dependencies
 *     excepted (R14); more than `restartsMax` end the keeper in `escalated`.
 *  4. After `stop.requested` the keeper ends within drain + shutdown deadline, whatever the child
 *     does.
 *  5. A child that is refused what it needs before it has ever started ends in `escalated` at
 *     once: a start that needs a person must say so, not try for ever.
 *  6. Nothing here throws: guards and actions are total, the child's crashes are data.
 */
import { assign, type DoneActorEvent, enqueueActions, type ErrorActorEvent, setup } from 'xstate'
import { declarePort } from './port.ts'
import { backoffMs, nextSeed } from './restart-policy.ts'
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'
import {
  type ChildContext,
  type ChildInput,
  drainMsOf,
  endedFacts,
  escalationOf,
  isEscalated,
  mustEscalate,
  startFacts,
  stopEventOf
} from './supervisor-child-rules.ts'
import {
  type ChildData,
  type ChildNotice,
  type ChildOutcome,
  type ChildOutput,
  childOf,
  pathOf,
  subjectId
} from './supervisor-spec.ts'

type ChildEvent =
  | { readonly type: 'child.ready' }
  | { readonly type: 'child.released' }
  | { readonly type: 'stop.requested' }
  | { readonly type: 'crash.forgotten' }
  | DoneActorEvent
  | ErrorActorEvent

const childSetup = setup({
  types: {
    input: {} as ChildInput,
    context: {} as ChildContext,
    events: {} as ChildEvent,
    output: {} as ChildOutput,
    tags: {} as 'healthy' | 'degraded'
  },
  actors: {
    subject: declarePort<unknown, ChildData>('subject'),
    awaitRelease: declarePort<unknown, { readonly path: string }>('awaitRelease')
  },
  guards: {
    isReadyWhenStarted: ({ context }) => context.spec.ready === 'started',
    hasGracefulStop: ({ context }) => stopEventOf(context.spec) !== null,
    isStopping: ({ context }) => context.outcome !== null,
    isRestartable: ({ context }) => context.spec.restart !== 'temporary',
    mustEscalate: ({ context }) => mustEscalate(context),
    isEscalation: (_, ended: { readonly output: unknown }) => isEscalated(ended.output),
    isPermanent: ({ context }) => context.spec.restart === 'permanent',
    hasOutcome: ({ context }, outcome: ChildOutcome) => context.outcome === outcome
  },
  delays: {
    startDeadline: ({ context }) => context.spec.startMsMax,
    drainDeadline: ({ context }) => drainMsOf(context.spec),
    releaseDeadline: ({ context }) => context.spec.shutdownMsMax,
    upDelay: ({ context }) => context.spec.backoff.upMsMin,
    backoffDelay: ({ context }) => backoffMs(context.spec.backoff, context.attempt, context.seed)
  },
  actions: {
    countRestart: assign({
      restarts: ({ context }) => context.restarts + (context.crashes > 0 ? 1 : 0)
    }),
    forgetAttempts: assign({ attempt: 0 }),
    forgetCrash: assign({ inWindow: ({ context }) => Math.max(0, context.inWindow - 1) }),
    recordError: assign({ lastError: (_, facts: CrashFacts) => facts }),
    /** Counts the crash, tells the supervisor, and schedules the end of its window (3). */
    recordCrash: enqueueActions(({ context, enqueue, self }, facts: CrashFacts) => {
      const crashes = context.crashes + 1
      enqueue.assign({
        crashes,
        attempt: context.attempt + 1,
        inWindow: context.inWindow + (facts.isDependency ? 0 : 1),
        seed: nextSeed(context.seed),
        lastError: facts
      })
      if (!facts.isDependency) {
        const delay = context.spec.limit.windowMs
        enqueue.raise({ type: 'crash.forgotten' }, { delay, id: `crash:${crashes}` })
      }
      const { restarts, spec } = context
      const notice: ChildNotice = { type: 'child.crashed', childId: spec.id, restarts, ...facts }
      if (self._parent !== undefined) enqueue.sendTo(self._parent, notice)
    }),
    decideOutcome: assign({
      outcome: ({ context }, outcome: ChildOutcome) => context.outcome ?? outcome
    }),
    reportStarted: enqueueActions(({ context, enqueue, self }) => {
      const notice: ChildNotice = { type: 'child.started', childId: context.spec.id }
      enqueue.assign({ hasStarted: true })
      if (self._parent !== undefined) enqueue.sendTo(self._parent, notice)
    }),
    requestStop: enqueueActions(({ context, enqueue, self }) => {
      const subject = childOf(self, subjectId)
      const event = stopEventOf(context.spec)
      if (subject !== undefined && event !== null) enqueue.sendTo(subject, event)
    })
  }
})

export const childMachine = childSetup.createMachine({
  id: 'child',
  context: ({ input }) => ({
    ...input,
    attempt: 0,
    restarts: 0,
    crashes: 0,
    inWindow: 0,
    hasStarted: false,
    lastError: null,
    outcome: null
  }),
  output: ({ context: { outcome, lastError } }) => ({
    _tag: 'ChildEnded',
    outcome: outcome ?? 'stopped',
    crash: lastError
  }),
  on: {
    'crash.forgotten': { actions: 'forgetCrash' },
    // A failure that was in the mailbox when its state was left. Without a handler it would fail
    // the keeper itself (6); what matters of it was recorded when the state was left.
    'xstate.error.actor.*': {}
  },
  initial: 'up',
  states: {
    up: {
      initial: 'starting',
      entry: 'countRestart',
      invoke: {
        id: subjectId,
        src: 'subject',
        input: ({ context }) => context.spec.input,
        onDone: [
          { guard: 'isStopping', target: 'releasing' },
          {
            guard: { type: 'isEscalation', params: ({ event }) => ({ output: event.output }) },
            target: 'crashed',
            actions: { type: 'recordCrash', params: ({ event }) => escalationOf(event.output) }
          },
          {
            guard: 'isPermanent',
            target: 'crashed',
            actions: { type: 'recordCrash', params: endedFacts }
          },
          { target: 'releasing', actions: { type: 'decideOutcome', params: 'completed' } }
        ],
        onError: [
          {
            guard: 'isStopping',
            target: 'releasing',
            actions: { type: 'recordError', params: ({ event }) => factsOf(crashOf(event.error)) }
          },
          {
            target: 'crashed',
            actions: { type: 'recordCrash', params: ({ event }) => factsOf(crashOf(event.error)) }
          }
        ]
      },
      on: {
        'stop.requested': [
          {
            guard: 'hasGracefulStop',
            target: '.draining',
            actions: { type: 'decideOutcome', params: 'stopped' }
          },
          { target: 'releasing', actions: { type: 'decideOutcome', params: 'stopped' } }
        ]
      },
      states: {
        starting: {
          tags: 'degraded',
          always: { guard: 'isReadyWhenStarted', target: 'running' },
          on: { 'child.ready': 'running' },
          after: {
            startDeadline: {
              target: '#child.crashed',
              actions: { type: 'recordCrash', params: startFacts }
            }
          }
        },
        running: {
          tags: 'healthy',
          entry: 'reportStarted',
          after: { upDelay: { actions: 'forgetAttempts' } }
        },
        draining: {
          tags: 'degraded',
          entry: 'requestStop',
          // A second request must not restart the deadline (4).
          on: { 'stop.requested': {} },
          after: { drainDeadline: '#child.releasing' }
        }
      }
    },
    crashed: {
      tags: 'degraded',
      always: [
        {
          guard: 'mustEscalate',
          target: 'releasing',
          actions: { type: 'decideOutcome', params: 'escalated' }
        },
        { guard: 'isRestartable', target: 'releasing' },
        { target: 'releasing', actions: { type: 'decideOutcome', params: 'failed' } }
      ]
    },
    releasing: {
      tags: 'degraded',
      invoke: {
        id: 'awaitRelease',
        src: 'awaitRelease',
        input: ({ self }) => ({ path: pathOf(self) }),
        onError: 'released'
      },
      on: {
        'child.released': 'released',
        'stop.requested': { actions: { type: 'decideOutcome', params: 'stopped' } }
      },
      after: { releaseDeadline: 'released' }
    },
    released: {
      tags: 'degraded',
      always: [
        { guard: { type: 'hasOutcome', params: 'stopped' }, target: 'stopped' },
        { guard: { type: 'hasOutcome', params: 'completed' }, target: 'completed' },
        { guard: { type: 'hasOutcome', params: 'failed' }, target: 'failed' },
        { guard: { type: 'hasOutcome', params: 'escalated' }, target: 'escalated' },
        { target: 'backingOff' }
      ]
    },
    backingOff: {
      tags: 'degraded',
      after: { backoffDelay: 'up' },
      on: {
        'stop.requested': {
          target: 'stopped',
          actions: { type: 'decideOutcome', params: 'stopped' }
        }
      }
    },
    stopped: { type: 'final' },
    completed: { type: 'final' },
    failed: { type: 'final' },
    escalated: { type: 'final' }
  }
})
