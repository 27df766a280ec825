/**
 * What the supervisor's states are made of. All of it is total (R18), and `context` is plain JSON:
 * keepers are addressed by their ids.
 */
import { assign, type DoneActorEvent, enqueueActions, type ErrorActorEvent, setup } from 'xstate'
import { seedFor } from './restart-policy.ts'
import { isCounted, timerOf } from './supervisor-child-rules.ts'
import {
  changeChild,
  type ChildEntry,
  type Ended,
  isDown,
  isLeaving,
  isLive,
  newEntry,
  withPhase,
  withSignal
} from './supervisor-children.ts'
import { factsOf } from './supervisor-crash.ts'
import { misfit, type SupervisorFlags } from './supervisor-flags.ts'
import {
  type ChildCrashed,
  childOf,
  type ChildSignal,
  type ChildSpec,
  type KeeperOrder,
  type SupervisorOutput
} from './supervisor-spec.ts'
import { isShutdown, isStartingUp, nextOrders, withCrash } from './supervisor-strategy.ts'

export interface SupervisorInput {
  readonly specs: ReadonlyArray<ChildSpec>
  readonly flags: SupervisorFlags
  /** Names of the logic that children may be made of; a spec with another `src` is refused. */
  readonly sources: ReadonlyArray<string>
  readonly seed: number
}
export interface SupervisorContext {
  /** In start order. */
  readonly children: ReadonlyArray<ChildEntry>
  readonly flags: SupervisorFlags
  readonly sources: ReadonlyArray<string>
  readonly seed: number
  /** Crashes of the last `intensity.windowMs`, oldest first. */
  readonly window: ReadonlyArray<CountedCrash>
  readonly crashCount: number
  /** How it will have ended, once nothing lives any more; null while it is to go on. */
  readonly verdict: SupervisorOutput | null
}
interface CountedCrash {
  readonly number: number
  readonly childId: string
}
type SupervisorEvent =
  | { readonly type: 'stop.requested' }
  | { readonly type: 'child.add_requested'; readonly spec: ChildSpec }
  | { readonly type: 'child.remove_requested'; readonly childId: string }
  | { readonly type: ChildSignal; readonly childId: string }
  | { readonly type: 'crash.forgotten'; readonly number: number }
  | ChildCrashed
  | DoneActorEvent
  | ErrorActorEvent

const childrenMax = 1_000

export const supervisorSetup = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    output: {} as SupervisorOutput,
    tags: {} as 'healthy' | 'degraded'
  },
  guards: {
    isStartingUp: ({ context }) => isStartingUp(context.flags.strategy, context.children),
    isDegraded: ({ context }) =>
      context.children.some(
        ({ phase, lastError }) => isDown(phase) || (phase === 'ended' && lastError !== null)
      ),
    hasEndedAll: ({ context }) => !context.children.some(({ phase }) => isLive(phase)),
    mustEnd: ({ context }) => context.verdict !== null,
    hasEscalated: ({ context }) => context.verdict?._tag === 'Escalated',
    canAdd: ({ context }, spec: ChildSpec) =>
      context.verdict === null &&
      context.sources.includes(spec.src) &&
      context.children.length < childrenMax &&
      misfit(context.flags, spec) === null &&
      !context.children.some((child) => child.spec.id === spec.id && child.phase !== 'ended')
  },
  actions: {
    /** Orders what has to go down and what can start now, and marks it so in the list. */
    advance: enqueueActions(({ context, enqueue, self }) => {
      const { flags, seed, verdict } = context
      if (verdict !== null) return
      let { children } = context
      const { standDown, stop, start } = nextOrders(flags.strategy, children)
      const order = (childId: string, type: KeeperOrder['type']): boolean => {
        const keeper = childOf(self, childId)
        if (keeper !== undefined) enqueue.sendTo(keeper, { type })
        return keeper !== undefined
      }
      if (standDown !== null && order(standDown, 'stand_down.requested')) {
        children = withPhase(children, standDown, 'standingDown')
      }
      if (stop !== null && order(stop, 'stop.requested')) {
        children = withPhase(children, stop, 'ending')
      }
      for (const { spec, phase } of children.filter(({ spec }) => start.includes(spec.id))) {
        children = withPhase(children, spec.id, 'starting')
        if (phase === 'standingBy' && order(spec.id, 'start.requested')) continue
        // The names of the logic are known to whoever built the supervisor, not to this machine's
        // types.
        const input = { spec, seed: seedFor(seed, spec.id) }
        enqueue.spawnChild(spec.src as never, { id: spec.id, input } as never)
      }
      enqueue.assign({ children })
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
        newEntry(spec)
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
    noteSignal: assign({
      children: ({ context }, signal: { readonly type: ChildSignal; readonly childId: string }) =>
        withSignal(context.children, signal)
    }),
    /** Counts it, and tells the keeper when it was one too many. */
    noteCrashed: enqueueActions(({ context, enqueue, self }, crashed: ChildCrashed) => {
      const { children, flags, crashCount } = context
      const { childId } = crashed
      const facts = factsOf(crashed)
      enqueue.assign({ children: withCrash(flags.strategy, children, childId, facts) })
      const child = children.find(({ spec }) => spec.id === childId)
      if (child === undefined || isLeaving(child.phase) || !isCounted(child.spec, facts)) return
      const number = crashCount + 1
      const window = [...context.window, { number, childId }]
      enqueue.assign({ window, crashCount: number })
      const delay = flags.intensity.windowMs
      enqueue.raise({ type: 'crash.forgotten', number }, { delay, id: timerOf(number) })
      const keeper = childOf(self, childId)
      if (window.length > flags.intensity.restartsMax && keeper !== undefined) {
        enqueue.sendTo(keeper, { type: 'limit.reached' })
      }
    }),
    forgetCrash: assign({
      window: ({ context }, number: number) => context.window.filter((one) => one.number !== number)
    }),
    /** What is parked crashes no more: its siblings do not pay for its crashes either. */
    forgetCrashesOf: enqueueActions(({ context, enqueue }, childId: string) => {
      const { window } = context
      for (const crash of window) {
        if (crash.childId === childId) enqueue.cancel(timerOf(crash.number))
      }
      enqueue.assign({ window: window.filter((crash) => crash.childId !== childId) })
    }),
    /** Forgets the keeper: a spawned actor that has ended stays in the list until it is stopped. */
    noteEnded: enqueueActions(({ context, enqueue }, ended: Ended) => {
      const { childId, outcome, escalation, lastError } = ended
      const child = context.children.find(({ spec }) => spec.id === childId)
      if (child === undefined) return
      enqueue.stopChild(childId)
      const children =
        child.phase === 'removing'
          ? context.children.filter((other) => other !== child)
          : changeChild(context.children, childId, { phase: 'ended', lastError })
      enqueue.assign({ children })
      const { verdict } = context
      if (escalation !== null) {
        if (verdict?._tag === 'Escalated') return
        enqueue.assign({ verdict: { _tag: 'Escalated', childId, crash: escalation } })
      } else if (
        verdict === null &&
        outcome !== 'stopped' &&
        !isLeaving(child.phase) &&
        isShutdown(context.flags.autoShutdown, children, child)
      ) {
        enqueue.assign({ verdict: { _tag: 'ShutDown', childId } })
      }
    }),
    noteStop: assign({ verdict: ({ context }) => context.verdict ?? { _tag: 'Stopped' } }),
    reportReady: enqueueActions(({ enqueue, self }) => {
      if (self._parent !== undefined) enqueue.sendTo(self._parent, { type: 'child.ready' })
    })
  }
})
