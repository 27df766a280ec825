/** The list of children that a supervisor keeps, and the changes it makes to it. Pure and total. */
import type { DoneActorEvent, ErrorActorEvent } from 'xstate'
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'
import type { ChildOutcome, ChildOutput, ChildSignal, ChildSpec } from './supervisor-spec.ts'

/**
 * - `pending` has no keeper yet; `starting`, `up`;
 * - `down`: crashed, its resources are being released; `vacated`: released, its wait has begun;
 * - `condemned`: runs, and will be stopped for the sake of a sibling; `standingDown`: asked to;
 * - `standingBy`: ready to start again; `quarantined`: not before an operator releases it;
 * - `ending` was asked to stop for good, `removing` will also leave the list, `ended` has.
 */
export type ChildPhase =
  | 'pending'
  | 'starting'
  | 'up'
  | 'down'
  | 'vacated'
  | 'condemned'
  | 'standingDown'
  | 'standingBy'
  | 'quarantined'
  | 'ending'
  | 'removing'
  | 'ended'

export interface ChildEntry {
  readonly spec: ChildSpec
  readonly phase: ChildPhase
  /** Has started at least once: those after it need not wait for it any more. */
  readonly hasStarted: boolean
  readonly lastError: CrashFacts | null
}

export interface Ended {
  readonly childId: string
  readonly outcome: ChildOutcome
  readonly escalation: CrashFacts | null
  readonly lastError: CrashFacts | null
}

export const newEntry = (spec: ChildSpec): ChildEntry => ({
  spec,
  phase: 'pending',
  hasStarted: false,
  lastError: null
})

/** A keeper lives. */
export const isLive = (phase: ChildPhase): boolean => phase !== 'pending' && phase !== 'ended'

/** Asked to end: no crash and no start of it changes that. */
export const isLeaving = (phase: ChildPhase): boolean => phase === 'ending' || phase === 'removing'

/** Does not do its work, or has not said yet that it does, and should. */
export const isDown = (phase: ChildPhase): boolean =>
  isLive(phase) && !isLeaving(phase) && phase !== 'up'

/** Phases between which a keeper's own word moves its child. */
const phaseAfter: Readonly<Record<ChildSignal, (phase: ChildPhase) => ChildPhase>> = {
  // A condemned child that starts after all stays condemned.
  'child.started': (phase) => (phase === 'starting' ? 'up' : phase),
  'child.vacated': (phase) => (phase === 'down' ? 'vacated' : phase),
  'child.standing_by': () => 'standingBy',
  'child.quarantined': () => 'quarantined'
}

export const withSignal = (
  children: ReadonlyArray<ChildEntry>,
  { type, childId }: { readonly type: ChildSignal; readonly childId: string }
): ReadonlyArray<ChildEntry> =>
  children.map((child) =>
    child.spec.id === childId && isLive(child.phase) && !isLeaving(child.phase)
      ? {
          ...child,
          phase: phaseAfter[type](child.phase),
          hasStarted: child.hasStarted || type === 'child.started'
        }
      : child
  )

export const changeChild = (
  children: ReadonlyArray<ChildEntry>,
  childId: string,
  change: Partial<ChildEntry>
): ReadonlyArray<ChildEntry> =>
  children.map((child) => (child.spec.id === childId ? { ...child, ...change } : child))

export const withPhase = (
  children: ReadonlyArray<ChildEntry>,
  childId: string,
  phase: ChildPhase
): ReadonlyArray<ChildEntry> => changeChild(children, childId, { phase })

export function endedOf({ actorId, output }: DoneActorEvent): Ended {
  const { outcome, crash } = output as ChildOutput
  const hasFailed = outcome === 'failed' || outcome === 'escalated'
  return {
    childId: actorId,
    outcome,
    escalation: outcome === 'escalated' ? crash : null,
    lastError: hasFailed ? crash : null
  }
}

/** A keeper never fails; if one did, its subtree would be unknown, so the supervisor gives up. */
export function failedOf({ actorId, error }: ErrorActorEvent): Ended {
  const crash = factsOf(crashOf(error))
  return { childId: actorId, outcome: 'escalated', escalation: crash, lastError: crash }
}
