/**
 * Which children to stop and to start next, as a pure function of the list: the whole of OTP's
 * strategies. The supervisor asks after every event and marks what it has asked for in the list, so
 * that a crash in the midst of a group's restart can neither lose nor double anything.
 *
 * Invariants:
 *  1. A crash condemns exactly the siblings that the strategy takes along: all of them, those after
 *     it, or none. A temporary child of the group ends with it and is not started again; a
 *     transient one that had completed is.
 *  2. A group goes down in reverse order, one at a time, each awaited until its resources are
 *     released; those that crashed are awaited in their place.
 *  3. A group starts again in order, each once the one before it has started or is not awaited, and
 *     once nothing of it still goes down or waits: the backoff of the one that crashed is
 *     everybody's.
 *  4. What depends on a quarantined child stands by until that is released: nobody in one_for_one,
 *     those after it in rest_for_one, all in one_for_all.
 *  5. For the first time, a child starts only when those before it have started once, have ended,
 *     are quarantined, or are not awaited.
 */
import type { CrashFacts } from './supervisor-crash.ts'
import { changeChild, type ChildEntry, type ChildPhase, isLeaving } from './supervisor-children.ts'
import type { AutoShutdown, Strategy } from './supervisor-flags.ts'

type Children = ReadonlyArray<ChildEntry>

export interface Orders {
  /** To go down and stand by; at most one at a time. */
  readonly standDown: string | null
  /** A temporary child of a group that goes down. */
  readonly stop: string | null
  /** In start order. */
  readonly start: ReadonlyArray<string>
}

/** The list once a child has crashed: itself down, its group condemned. */
export const withCrash = (
  strategy: Strategy,
  children: Children,
  childId: string,
  lastError: CrashFacts
): Children => {
  const crashedAt = children.findIndex(({ spec }) => spec.id === childId)
  const crashed = children[crashedAt]
  if (crashed === undefined) return children
  const noted = changeChild(children, childId, {
    lastError,
    phase: isLeaving(crashed.phase) ? crashed.phase : 'down'
  })
  // One that is not restarted takes nobody along.
  if (isLeaving(crashed.phase) || crashed.spec.restart === 'temporary') return noted
  return noted.map((child, index) =>
    index !== crashedAt && isTaken(strategy, crashedAt, index)
      ? { ...child, phase: phaseInGroup(child) }
      : child
  )
}

const isTaken = (strategy: Strategy, crashedAt: number, index: number): boolean =>
  strategy === 'one_for_all' || (strategy === 'rest_for_one' && index > crashedAt)

const phaseInGroup = ({ phase, spec }: ChildEntry): ChildPhase => {
  if (phase === 'starting' || phase === 'up') return 'condemned'
  return phase === 'ended' && spec.restart === 'transient' ? 'pending' : phase
}

export const nextOrders = (strategy: Strategy, children: Children): Orders => ({
  ...nextDown(children),
  start:
    strategy === 'one_for_one' ? startableAlone(children) : startableInGroup(strategy, children)
})

/** Ready, but for a sibling that is quarantined. */
const isBlocked = (strategy: Strategy, children: Children, index: number): boolean =>
  strategy !== 'one_for_one' &&
  children.some(
    ({ phase }, at) => phase === 'quarantined' && isTaken(strategy, at, index) && at !== index
  )

/** Whether children still have to start for the first time, and can. */
export const isStartingUp = (strategy: Strategy, children: Children): boolean =>
  children.some(
    (child, index) => keepsOthersWaiting(child) && !isBlocked(strategy, children, index)
  )

/** (5) */
const keepsOthersWaiting = ({ spec, phase, hasStarted }: ChildEntry): boolean =>
  !hasStarted && !restingPhases.has(phase) && spec.ready !== 'unawaited'

const restingPhases: ReadonlySet<ChildPhase> = new Set(['quarantined', 'ended', 'removing'])

/** Whether the end of `ended` by itself ends the supervisor; `children` knows of it already. */
export const isShutdown = (
  autoShutdown: AutoShutdown,
  children: Children,
  ended: ChildEntry
): boolean => {
  if (!ended.spec.significant || autoShutdown === 'never') return false
  return (
    autoShutdown === 'any_significant' ||
    !children.some(({ spec, phase }) => spec.significant && phase !== 'ended')
  )
}

/** (2) */
const nextDown = (children: Children): Pick<Orders, 'standDown' | 'stop'> => {
  for (const { spec, phase } of children.toReversed()) {
    if (goingDown.has(phase)) break
    if (phase !== 'condemned') continue
    return spec.restart === 'temporary'
      ? { standDown: null, stop: spec.id }
      : { standDown: spec.id, stop: null }
  }
  return { standDown: null, stop: null }
}

const goingDown: ReadonlySet<ChildPhase> = new Set(['down', 'standingDown', 'ending'])

/** (5); one that has started before waits for nobody. */
const startableAlone = (children: Children): ReadonlyArray<string> => {
  const ids: Array<string> = []
  let areAllBeforeStarted = true
  for (const child of children) {
    const { spec, phase, hasStarted } = child
    const isReady = phase === 'pending' || phase === 'standingBy'
    if (isReady && (hasStarted || areAllBeforeStarted)) ids.push(spec.id)
    if (keepsOthersWaiting(child)) areAllBeforeStarted = false
  }
  return ids
}

/** (3), (4) */
const startableInGroup = (strategy: Strategy, children: Children): ReadonlyArray<string> => {
  const isBusy = children.some(
    ({ phase, spec }) =>
      goingDown.has(phase) ||
      phase === 'condemned' ||
      phase === 'vacated' ||
      (phase === 'starting' && spec.ready !== 'unawaited')
  )
  if (isBusy) return []
  const ids: Array<string> = []
  for (const [index, { spec, phase }] of children.entries()) {
    if (phase !== 'pending' && phase !== 'standingBy') continue
    if (isBlocked(strategy, children, index)) break
    ids.push(spec.id)
    if (spec.ready !== 'unawaited') break
  }
  return ids
}
