/**
 * Supervisor, one_for_one: starts its children in order, lets each keeper restart its own, stops
 * them in reverse order and awaits each.
 *
 * Invariants:
 *  1. A child starts only when every child before it has started once.
 *  2. While stopping, at most one child is asked to stop at a time: the last one that still lives.
 *  3. A final state is entered only when no keeper lives.
 *  4. It never throws (R18): a child over its limit leads to `escalated`, whose output is the
 *     crash.
 *  5. `context` is plain JSON; keepers are addressed by their ids.
 */
import {
  and,
  assign,
  type DoneActorEvent,
  enqueueActions,
  type ErrorActorEvent,
  not,
  setup
} from 'xstate'
import { seedFor } from './restart-policy.ts'
import {
  changeWhere,
  type ChildEntry,
  type Ended,
  endedOf,
  failedOf,
  isDown,
  isLive,
  withPhase
} from './supervisor-children.ts'
import { factsOf } from './supervisor-crash.ts'
import {
  type ChildCrashed,
  childOf,
  type ChildSpec,
  type SupervisorOutput
} from './supervisor-spec.ts'

export interface SupervisorInput {
  readonly specs: ReadonlyArray<ChildSpec>
  /** Names of the logic that children may be made of; a spec with another `src` is refused. */
  readonly sources: ReadonlyArray<string>
  readonly seed: number
}
export interface SupervisorContext {
  /** In start order. */
  readonly children: ReadonlyArray<ChildEntry>
  readonly sources: ReadonlyArray<string>
  readonly seed: number
  readonly escalation: Extract<SupervisorOutput, { _tag: 'Escalated' }> | null
}
type SupervisorEvent =
  | { readonly type: 'stop.requested' }
  | { readonly type: 'child.add_requested'; readonly spec: ChildSpec }
  | { readonly type: 'child.remove_requested'; readonly childId: string }
  | { readonly type: 'child.started'; readonly childId: string }
  | ChildCrashed
  | DoneActorEvent
  | ErrorActorEvent

const childrenMax = 1_000

const supervisorSetup = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    output: {} as SupervisorOutput,
    tags: {} as 'healthy' | 'degraded'
  },
  guards: {
    hasStartedAll: ({ context }) =>
      context.children.every(({ phase }) => phase !== 'pending' && phase !== 'starting'),
    isDegraded: ({ context }) =>
      context.children.some(
        ({ phase, lastError }) => isDown(phase) || (phase === 'ended' && lastError !== null)
      ),
    hasEndedAll: ({ context }) => !context.children.some(({ phase }) => isLive(phase)),
    hasEscalated: ({ context }) => context.escalation !== null,
    canAdd: ({ context }, spec: ChildSpec) =>
      context.sources.includes(spec.src) &&
      context.children.length < childrenMax &&
      !context.children.some((child) => child.spec.id === spec.id && child.phase !== 'ended')
  },
  actions: {
    startNext: enqueueActions(({ context, enqueue }) => {
      const { children, escalation, seed } = context
      if (escalation !== null) return
      const next = children.find(({ phase }) => phase === 'pending' || phase === 'starting')
      if (next?.phase !== 'pending') return
      const { spec } = next
      enqueue.assign({ children: withPhase(children, spec.id, 'starting') })
      // The names of the logic are known to whoever built the supervisor, not to this machine's
      // types.
      const input = { spec, seed: seedFor(seed, spec.id) }
      enqueue.spawnChild(spec.src as never, { id: spec.id, input } as never)
    }),
    stopLast: enqueueActions(({ context, enqueue, self }) => {
      let { children } = context
      for (const { spec, phase } of context.children.toReversed()) {
        if (!isLive(phase)) continue
        const keeper = childOf(self, spec.id)
        // A child without a keeper cannot answer: it has ended, or the stop would wait for ever.
        children = withPhase(children, spec.id, keeper === undefined ? 'ended' : 'ending')
        if (keeper === undefined) continue
        enqueue.sendTo(keeper, { type: 'stop.requested' })
        break
      }
      enqueue.assign({ children })
    }),
    addChild: assign({
      children: ({ context }, spec: ChildSpec) => [
        ...context.children.filter((child) => child.spec.id !== spec.id),
        { spec, phase: 'pending' as const, lastError: null }
      ]
    }),
    removeChild: enqueueActions(({ context, enqueue, self }, childId: string) => {
      const child = context.children.find(({ spec }) => spec.id === childId)
      if (child === undefined) return
      const keeper = isLive(child.phase) ? childOf(self, childId) : undefined
      if (keeper === undefined) {
        enqueue.assign({ children: context.children.filter(({ spec }) => spec.id !== childId) })
      } else {
        enqueue.assign({ children: withPhase(context.children, childId, 'removing') })
        enqueue.sendTo(keeper, { type: 'stop.requested' })
      }
    }),
    noteStarted: assign({
      children: ({ context }, childId: string) =>
        changeWhere(context.children, childId, isDown, { phase: 'up' })
    }),
    noteCrashed: assign({
      children: ({ context }, { childId, ...facts }: ChildCrashed) =>
        changeWhere(
          changeWhere(context.children, childId, (phase) => phase === 'up', { phase: 'down' }),
          childId,
          () => true,
          { lastError: factsOf(facts) }
        )
    }),
    /** Forgets the keeper: a spawned actor that has ended stays in the list until it is stopped. */
    noteEnded: enqueueActions(({ context, enqueue }, ended: Ended) => {
      const { childId, escalation, lastError } = ended
      const child = context.children.find(({ spec }) => spec.id === childId)
      if (child === undefined) return
      enqueue.stopChild(childId)
      enqueue.assign({
        children:
          child.phase === 'removing'
            ? context.children.filter((other) => other !== child)
            : changeWhere(context.children, childId, () => true, { phase: 'ended', lastError }),
        escalation:
          escalation === null || context.escalation !== null
            ? context.escalation
            : { _tag: 'Escalated', childId, crash: escalation }
      })
    }),
    reportReady: enqueueActions(({ enqueue, self }) => {
      if (self._parent !== undefined) enqueue.sendTo(self._parent, { type: 'child.ready' })
    })
  }
})

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
    children: input.specs.map((spec) => ({ spec, phase: 'pending' as const, lastError: null })),
    sources: input.sources,
    seed: input.seed,
    escalation: null
  }),
  output: ({ context }) => context.escalation ?? { _tag: 'Stopped' },
  on: {
    'child.crashed': { actions: { type: 'noteCrashed', params: ({ event }) => event } }
  },
  initial: 'starting',
  states: {
    starting: {
      tags: 'degraded',
      entry: 'startNext',
      always: [
        { guard: 'hasEscalated', target: 'stopping' },
        { guard: 'hasStartedAll', target: 'running' }
      ],
      on: {
        'child.started': {
          target: 'starting',
          reenter: true,
          actions: { type: 'noteStarted', params: ({ event }) => event.childId }
        },
        'child.add_requested': {
          guard: { type: 'canAdd', params: ({ event }) => event.spec },
          actions: { type: 'addChild', params: ({ event }) => event.spec }
        },
        'child.remove_requested': {
          target: 'starting',
          reenter: true,
          actions: { type: 'removeChild', params: ({ event }) => event.childId }
        },
        'xstate.done.actor.*': { target: 'starting', reenter: true, actions: ended },
        'xstate.error.actor.*': { target: 'starting', reenter: true, actions: failed },
        'stop.requested': 'stopping'
      }
    },
    running: {
      entry: 'reportReady',
      initial: 'sound',
      always: { guard: 'hasEscalated', target: 'stopping' },
      on: {
        'child.started': { actions: { type: 'noteStarted', params: ({ event }) => event.childId } },
        'child.add_requested': {
          guard: { type: 'canAdd', params: ({ event }) => event.spec },
          target: 'starting',
          actions: { type: 'addChild', params: ({ event }) => event.spec }
        },
        'child.remove_requested': {
          actions: { type: 'removeChild', params: ({ event }) => event.childId }
        },
        'xstate.done.actor.*': { actions: ended },
        'xstate.error.actor.*': { actions: failed },
        'stop.requested': 'stopping'
      },
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
