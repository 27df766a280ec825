/** The list of children that a supervisor keeps, and the changes it makes to it. Pure and total. */
import type { DoneActorEvent, ErrorActorEvent } from 'xstate'
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'
import type { ChildOutput, ChildSpec } from './supervisor-spec.ts'

/** `ending` was asked to stop, `removing` will also leave the list, `ended` has for good. */
export type ChildPhase = 'pending' | 'starting' | 'up' | 'down' | 'ending' | 'removing' | 'ended'
export interface ChildEntry {
  readonly spec: ChildSpec
  readonly phase: ChildPhase
  readonly lastError: CrashFacts | null
}

export interface Ended {
  readonly childId: string
  readonly escalation: CrashFacts | null
  readonly lastError: CrashFacts | null
}

export const isLive = (phase: ChildPhase): boolean => phase !== 'pending' && phase !== 'ended'

export const isDown = (phase: ChildPhase): boolean => phase === 'starting' || phase === 'down'

export const changeWhere = (
  children: ReadonlyArray<ChildEntry>,
  childId: string,
  applies: (phase: ChildPhase) => boolean,
  change: Partial<ChildEntry>
): ReadonlyArray<ChildEntry> =>
  children.map((child) =>
    child.spec.id === childId && applies(child.phase) ? { ...child, ...change } : child
  )

export const withPhase = (
  children: ReadonlyArray<ChildEntry>,
  childId: string,
  phase: ChildPhase
): ReadonlyArray<ChildEntry> =>
  changeWhere(children, childId, () => true, { phase })

export function endedOf({ actorId, output }: DoneActorEvent): Ended {
  const { outcome, crash } = output as ChildOutput
  const hasFailed = outcome === 'failed' || outcome === 'escalated'
  return {
    childId: actorId,
    escalation: outcome === 'escalated' ? crash : null,
    lastError: hasFailed ? crash : null
  }
}

/** A keeper never fails; if one did, its subtree would be unknown, so the supervisor gives up. */
export function failedOf({ actorId, error }: ErrorActorEvent): Ended {
  const crash = factsOf(crashOf(error))
  return { childId: actorId, escalation: crash, lastError: crash }
}
