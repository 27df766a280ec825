/**
 * Supervisor: starts its children in order, lets a crash take along whom its strategy says, starts
 * them again, stops them in reverse order and awaits each. Keepers run the children, and
 * `supervisor-strategy.ts` says who is next; here is what happens when.
 *
 * Invariants:
 *  1. A child starts for the first time only when every child before it has started once, has
 *     ended, is parked, or is not awaited.
 *  2. While stopping, at most one child is asked to stop at a time: the last one that still lives.
 *  3. A final state is entered only when no keeper lives.
 *  4. It never throws (R18): a child that crashed too often leads to `escalated`, whose output is
 *     the crash, unless its spec says that it is parked.
 *  5. `window` holds the crashes of the last `intensity.windowMs`, those of dependencies, of
 *     temporary and of parked children excepted.
 *  6. Only the end of significant children by themselves shuts it down: not one that it asked for.
 */
import { and, type DoneActorEvent, type ErrorActorEvent, not } from 'xstate'
import { endedOf, failedOf, newEntry } from './supervisor-children.ts'
import { supervisorSetup } from './supervisor-setup.ts'
import type { ChildSignal } from './supervisor-spec.ts'

const noted = {
  type: 'noteSignal',
  params: ({ event }: { readonly event: { type: ChildSignal; readonly childId: string } }) => event
} as const
const ended = {
  type: 'noteEnded',
  params: ({ event }: { readonly event: DoneActorEvent }) => endedOf(event)
} as const
const failed = {
  type: 'noteEnded',
  params: ({ event }: { readonly event: ErrorActorEvent }) => failedOf(event)
} as const

export const supervisorMachine = supervisorSetup.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    children: input.specs.map(newEntry),
    flags: input.flags,
    sources: input.sources,
    seed: input.seed,
    window: [],
    crashCount: 0,
    verdict: null
  }),
  output: ({ context }) => context.verdict ?? { _tag: 'Stopped' },
  // Wherever it stands, what it is told changes the list, and the list says what is next; once it
  // must end, nothing is.
  on: {
    'child.started': { actions: [noted, 'advance'] },
    'child.vacated': { actions: [noted, 'advance'] },
    'child.standing_by': { actions: [noted, 'advance'] },
    'child.quarantined': {
      actions: [noted, { type: 'forgetCrashesOf', params: ({ event }) => event.childId }, 'advance']
    },
    'child.crashed': {
      actions: [{ type: 'noteCrashed', params: ({ event }) => event }, 'advance']
    },
    'child.add_requested': {
      guard: { type: 'canAdd', params: ({ event }) => event.spec },
      actions: [{ type: 'addChild', params: ({ event }) => event.spec }, 'advance']
    },
    'child.remove_requested': {
      guard: not('mustEnd'),
      actions: [{ type: 'removeChild', params: ({ event }) => event.childId }, 'advance']
    },
    'crash.forgotten': {
      actions: { type: 'forgetCrash', params: ({ event }) => event.number }
    },
    'xstate.done.actor.*': { actions: [ended, 'advance'] },
    'xstate.error.actor.*': { actions: [failed, 'advance'] },
    'stop.requested': { actions: 'noteStop' }
  },
  initial: 'starting',
  states: {
    starting: {
      tags: 'degraded',
      entry: 'advance',
      always: [
        { guard: 'mustEnd', target: 'stopping' },
        { guard: not('isStartingUp'), target: 'running' }
      ]
    },
    running: {
      entry: 'reportReady',
      initial: 'sound',
      always: [
        { guard: 'mustEnd', target: 'stopping' },
        { guard: 'isStartingUp', target: 'starting' }
      ],
      states: {
        sound: { tags: 'healthy', always: { guard: 'isDegraded', target: 'impaired' } },
        impaired: { tags: 'degraded', always: { guard: not('isDegraded'), target: 'sound' } }
      }
    },
    stopping: {
      tags: 'degraded',
      entry: 'stopLast',
      always: [
        { guard: and(['hasEndedAll', 'hasEscalated']), target: 'escalated' },
        { guard: 'hasEndedAll', target: 'stopped' }
      ],
      on: {
        'xstate.done.actor.*': { target: 'stopping', reenter: true, actions: ended },
        'xstate.error.actor.*': { target: 'stopping', reenter: true, actions: failed }
      }
    },
    stopped: { type: 'final' },
    escalated: { type: 'final' }
  }
})
