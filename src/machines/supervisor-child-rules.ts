/** What a keeper reads out of a spec and out of what its child left behind. Pure and total. */
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'
import type { ChildOutcome, ChildSpec, SupervisorOutput } from './supervisor-spec.ts'

export interface ChildInput {
  readonly spec: ChildSpec
  readonly seed: number
}
export interface ChildContext extends ChildInput {
  /** Crashes since the child was last healthy for `upMsMin`. */
  readonly attempt: number
  readonly restarts: number
  readonly crashes: number
  readonly inWindow: number
  readonly hasStarted: boolean
  readonly lastError: CrashFacts | null
  readonly outcome: ChildOutcome | null
}

/** Whether another restart is of no use: too many were, or a person has to act first. */
export const mustEscalate = ({ inWindow, spec, lastError, hasStarted }: ChildContext): boolean =>
  inWindow > spec.limit.restartsMax || (lastError?.isRefusal === true && !hasStarted)

type StopEvent = { readonly type: 'stop.requested' | 'drain.requested' }

/** How a child is asked to end by itself; null for one that is simply stopped. */
export const stopEventOf = (spec: ChildSpec): StopEvent | null => {
  if (spec.type === 'supervisor') return { type: 'stop.requested' }
  return spec.drainMsMax > 0 ? { type: 'drain.requested' } : null
}

export const drainMsOf = (spec: ChildSpec): number =>
  spec.type === 'supervisor' ? spec.shutdownMsMax : spec.drainMsMax

type Escalated = Extract<SupervisorOutput, { _tag: 'Escalated' }>

export const isEscalated = (output: unknown): output is Escalated =>
  typeof output === 'object' && output !== null && '_tag' in output && output._tag === 'Escalated'

export const escalationOf = (output: unknown): CrashFacts =>
  isEscalated(output)
    ? { ...output.crash, message: `${output.childId}: ${output.crash.message}` }
    : factsOf(crashOf(output))

export function endedFacts(): CrashFacts {
  const message = 'a permanent child ended by itself'
  return { tag: 'EndedUnexpectedly', message, isDependency: false }
}

export function startFacts(args: { readonly context: { readonly spec: ChildSpec } }): CrashFacts {
  const message = `not ready within ${args.context.spec.startMsMax} ms`
  return { tag: 'StartDeadlineMissed', message, isDependency: false }
}
