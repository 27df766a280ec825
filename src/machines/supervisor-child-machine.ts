/**
 * Keeper of one supervised child: starts it, watches it, waits before it is started again, stops
 * it, parks it. When it starts again is for the supervisor to say, which knows its siblings.
 *
 * Invariants:
 *  1. A restart is always delayed, and starts only after the predecessor's resources are released
 *     or `shutdownMsMax` has passed (then they are leaks, recorded by name; R18).
 *  2. `attempt` returns to 0 only after `upMsMin` in `running`, or by an operator's release: a
 *     child that dies right after it started must still back off.
 *  3. `inWindow` is the number of crashes within the last `windowMs`, those of dependencies
 *     excepted (R14); more than `restartsMax`, or the supervisor's word, end the keeper in
 *     `escalated` or park it in `quarantined`, as the spec says. Nothing but `release.requested`
 *     or a stop ends a quarantine.
 *  4. An unavailable dependency is a state, `waiting`, with a delay of its own, for ever.
 *  5. After `stop.requested` the keeper ends, and after `stand_down.requested` it stands by, within
 *     drain + shutdown deadline, whatever the child does.
 *  6. A child that is refused what it needs before it has ever started ends in `escalated` at
 *     once: a start that needs a person must say so, not try for ever.
 *  7. Nothing here throws: guards and actions are total, the child's crashes are data.
 */
import { crashOf, factsOf } from './supervisor-crash.ts'
import { endedFacts, escalationOf, startFacts } from './supervisor-child-rules.ts'
import { childSetup } from './supervisor-child-setup.ts'
import { pathOf, subjectId } from './supervisor-spec.ts'

type Failed = { readonly event: { readonly error: unknown } }
const factsOfError = ({ event }: Failed) => factsOf(crashOf(event.error))

export const childMachine = childSetup.createMachine({
  id: 'child',
  context: ({ input }) => ({
    ...input,
    attempt: 0,
    restarts: 0,
    crashes: 0,
    waits: 0,
    inWindow: 0,
    hasBegun: false,
    hasStarted: false,
    lastError: null,
    next: null
  }),
  output: ({ context: { next, lastError } }) => ({
    _tag: 'ChildEnded',
    outcome: next === 'completed' || next === 'failed' || next === 'escalated' ? next : 'stopped',
    crash: lastError
  }),
  on: {
    'crash.forgotten': { actions: 'forgetCrash' },
    // A failure that was in the mailbox when its state was left. Without a handler it would fail
    // the keeper itself (7); what matters of it was recorded when the state was left.
    'xstate.error.actor.*': {}
  },
  initial: 'up',
  states: {
    up: {
      initial: 'starting',
      // Who addresses the child knows from now on what happens to messages until it runs.
      entry: ['countStart', 'closeMessages'],
      invoke: {
        id: subjectId,
        src: 'subject',
        input: ({ context }) => context.spec.input,
        onDone: [
          { guard: 'isAsked', target: 'releasing' },
          {
            guard: { type: 'isEscalation', params: ({ event }) => ({ output: event.output }) },
            target: 'releasing',
            actions: { type: 'recordCrash', params: ({ event }) => escalationOf(event.output) }
          },
          {
            guard: 'isPermanent',
            target: 'releasing',
            actions: { type: 'recordCrash', params: endedFacts }
          },
          { target: 'releasing', actions: { type: 'decide', params: 'completed' } }
        ],
        onError: [
          {
            guard: 'isAsked',
            target: 'releasing',
            actions: { type: 'recordError', params: factsOfError }
          },
          { target: 'releasing', actions: { type: 'recordCrash', params: factsOfError } }
        ]
      },
      on: {
        'stop.requested': [
          {
            guard: 'hasGracefulStop',
            target: '.draining',
            actions: { type: 'decide', params: 'stopped' }
          },
          { target: 'releasing', actions: { type: 'decide', params: 'stopped' } }
        ],
        'stand_down.requested': [
          {
            guard: 'hasGracefulStop',
            target: '.draining',
            actions: { type: 'decide', params: 'standingBy' }
          },
          { target: 'releasing', actions: { type: 'decide', params: 'standingBy' } }
        ]
      },
      states: {
        starting: {
          tags: 'degraded',
          always: { guard: 'isReadyWhenStarted', target: 'running' },
          on: { 'child.ready': 'running' },
          after: {
            startDeadline: {
              guard: 'hasStartDeadline',
              target: '#child.releasing',
              actions: { type: 'recordCrash', params: startFacts }
            }
          }
        },
        running: {
          tags: 'healthy',
          entry: ['noteStarted', { type: 'report', params: 'child.started' }, 'announceLater'],
          exit: 'closeMessages',
          on: { 'child.announced': { actions: 'openMessages' } },
          after: { upDelay: { actions: 'forgetAttempts' } }
        },
        draining: {
          tags: 'degraded',
          entry: 'requestStop',
          // Neither request, coming again, may restart the deadline (5).
          on: {
            'stop.requested': { actions: { type: 'decide', params: 'stopped' } },
            'stand_down.requested': {}
          },
          after: { drainDeadline: '#child.releasing' }
        }
      }
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
        'limit.reached': { actions: 'decideAtLimit' },
        'stop.requested': { actions: { type: 'decide', params: 'stopped' } }
      },
      after: { releaseDeadline: 'released' }
    },
    released: {
      tags: 'degraded',
      always: [
        { guard: { type: 'isNext', params: 'stopped' }, target: 'stopped' },
        { guard: { type: 'isNext', params: 'completed' }, target: 'completed' },
        { guard: { type: 'isNext', params: 'failed' }, target: 'failed' },
        { guard: { type: 'isNext', params: 'escalated' }, target: 'escalated' },
        { guard: { type: 'isNext', params: 'quarantined' }, target: 'quarantined' },
        { guard: { type: 'isNext', params: 'standingBy' }, target: 'standingBy' },
        { guard: { type: 'isNext', params: 'waiting' }, target: 'waiting' },
        { target: 'backingOff' }
      ]
    },
    backingOff: {
      tags: 'degraded',
      entry: { type: 'report', params: 'child.vacated' },
      after: { backoffDelay: 'standingBy' },
      on: {
        'limit.reached': { target: 'released', actions: 'decideAtLimit' },
        'stop.requested': 'stopped'
      }
    },
    waiting: {
      tags: ['degraded', 'waiting'],
      entry: { type: 'report', params: 'child.vacated' },
      after: { waitDelay: 'standingBy' },
      on: { 'stop.requested': 'stopped' }
    },
    standingBy: {
      tags: 'degraded',
      entry: { type: 'report', params: 'child.standing_by' },
      on: { 'start.requested': 'up', 'stop.requested': 'stopped' }
    },
    quarantined: {
      tags: ['degraded', 'quarantined'],
      entry: { type: 'report', params: 'child.quarantined' },
      on: {
        'release.requested': { target: 'standingBy', actions: 'forgetCrashes' },
        'stop.requested': 'stopped'
      }
    },
    stopped: { type: 'final', entry: [{ type: 'decide', params: 'stopped' }, 'endMessages'] },
    completed: { type: 'final', entry: 'endMessages' },
    failed: { type: 'final', entry: 'endMessages' },
    escalated: { type: 'final', entry: 'endMessages' }
  }
})
