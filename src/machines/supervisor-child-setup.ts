/**
 * What the keeper's states are made of: guards, delays and actions. Total, all of them: nothing
 * here throws, whatever the child did (E-1, E-2).
 */
import { assign, type DoneActorEvent, enqueueActions, type ErrorActorEvent, setup } from 'xstate'
import { declarePort } from './port.ts'
import { backoffMs, nextSeed, waitMs } from './restart-policy.ts'
import type { CrashFacts } from './supervisor-crash.ts'
import {
  type ChildContext,
  type ChildInput,
  decided,
  drainMsOf,
  isAsked,
  isCounted,
  isEscalated,
  type NextStep,
  stepAfterCrash,
  stepAtLimit,
  stopEventOf,
  timerOf,
  windowTimers
} from './supervisor-child-rules.ts'
import {
  type ChildData,
  type ChildNotice,
  type ChildOutput,
  type ChildSignal,
  childOf,
  type KeeperOrder,
  subjectId
} from './supervisor-spec.ts'

type ChildEvent =
  | { readonly type: 'child.ready' }
  /** To itself: the start is over, so that the child can be reached by now. */
  | { readonly type: 'child.announced' }
  | { readonly type: 'child.released' }
  | { readonly type: 'crash.forgotten' }
  /** An operator's word that a quarantined child may start again. */
  | { readonly type: 'release.requested' }
  | KeeperOrder
  | DoneActorEvent
  | ErrorActorEvent

export const childSetup = setup({
  types: {
    input: {} as ChildInput,
    context: {} as ChildContext,
    events: {} as ChildEvent,
    output: {} as ChildOutput,
    tags: {} as 'healthy' | 'degraded' | 'waiting' | 'quarantined'
  },
  actors: {
    subject: declarePort<unknown, ChildData>('subject'),
    awaitRelease: declarePort<unknown, { readonly path: string }>('awaitRelease')
  },
  guards: {
    // A supervisor's start takes as long as its children's: one of them may wait for a dependency,
    // which is no crash of anybody (R14).
    hasStartDeadline: ({ context }) => context.spec.type === 'worker',
    isReadyWhenStarted: ({ context }) => context.spec.ready === 'started',
    hasGracefulStop: ({ context }) => stopEventOf(context.spec) !== null,
    isAsked: ({ context }) => isAsked(context),
    isEscalation: (_, ended: { readonly output: unknown }) => isEscalated(ended.output),
    isPermanent: ({ context }) => context.spec.restart === 'permanent',
    isNext: ({ context }, step: NextStep) => context.next === step
  },
  delays: {
    startDeadline: ({ context }) => context.spec.startMsMax,
    drainDeadline: ({ context }) => drainMsOf(context.spec),
    releaseDeadline: ({ context }) => context.spec.shutdownMsMax,
    upDelay: ({ context }) => context.spec.backoff.upMsMin,
    backoffDelay: ({ context }) => backoffMs(context.spec.backoff, context.attempt, context.seed),
    waitDelay: ({ context }) => waitMs(context.spec.backoff, context.attempt, context.seed)
  },
  actions: {
    countStart: assign({
      restarts: ({ context }) => context.restarts + (context.hasBegun ? 1 : 0),
      hasBegun: true,
      next: null
    }),
    forgetAttempts: assign({ attempt: 0 }),
    forgetCrash: assign({ inWindow: ({ context }) => Math.max(0, context.inWindow - 1) }),
    /** Timers too: what an operator has released starts with a clean record. */
    forgetCrashes: enqueueActions(({ context, enqueue }) => {
      for (const timer of windowTimers(context)) enqueue.cancel(timer)
      enqueue.assign({ attempt: 0, inWindow: 0, next: null })
    }),
    recordError: assign({ lastError: (_, facts: CrashFacts) => facts }),
    /** Counts the crash, decides what follows, tells the supervisor, schedules its oblivion. */
    recordCrash: enqueueActions(({ context, enqueue, self }, facts: CrashFacts) => {
      const { restarts, spec, hasStarted } = context
      const isInWindow = isCounted(spec, facts)
      const counted = {
        crashes: context.crashes + 1,
        waits: context.waits + (facts.isDependency ? 1 : 0),
        inWindow: context.inWindow + (isInWindow ? 1 : 0)
      }
      const { crashes, waits, inWindow } = counted
      enqueue.assign({
        ...counted,
        attempt: context.attempt + 1,
        seed: nextSeed(context.seed),
        lastError: facts,
        next: stepAfterCrash({ spec, hasStarted, inWindow }, facts)
      })
      if (isInWindow) {
        const delay = spec.limit.windowMs
        enqueue.raise({ type: 'crash.forgotten' }, { delay, id: timerOf(crashes - waits) })
      }
      const notice: ChildNotice = { type: 'child.crashed', childId: spec.id, restarts, ...facts }
      if (self._parent !== undefined) enqueue.sendTo(self._parent, notice)
    }),
    decide: assign({ next: ({ context }, step: NextStep) => decided(context.next, step) }),
    decideAtLimit: assign({
      next: ({ context }) => decided(context.next, stepAtLimit(context.spec))
    }),
    report: enqueueActions(({ context, enqueue, self }, type: ChildSignal) => {
      const notice: ChildNotice = { type, childId: context.spec.id }
      if (self._parent !== undefined) enqueue.sendTo(self._parent, notice)
    }),
    noteStarted: assign({ hasStarted: true }),
    /** An event of its own: an invoked child is started only after the step that invoked it. */
    announceLater: enqueueActions(({ enqueue, self }) => {
      enqueue.sendTo(self, { type: 'child.announced' })
    }),
    requestStop: enqueueActions(({ context, enqueue, self }) => {
      const subject = childOf(self, subjectId)
      const event = stopEventOf(context.spec)
      if (subject !== undefined && event !== null) enqueue.sendTo(subject, event)
    }),
    // Ports: whoever addresses the child learns that it runs, does not run, will not run again.
    openMessages: enqueueActions(() => {}),
    closeMessages: enqueueActions(() => {}),
    endMessages: enqueueActions(() => {})
  }
})
