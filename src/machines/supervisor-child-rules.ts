/** What a keeper reads out of a spec and out of what its child left behind. Pure and total. */
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'
import type { ChildOutcome, ChildSpec, SupervisorOutput } from './supervisor-spec.ts'

/** Where a child that goes down goes next, once its resources are released. */
export type NextStep = ChildOutcome | 'quarantined' | 'standingBy' | 'waiting' | 'backingOff'

export interface ChildInput {
  readonly spec: ChildSpec
  readonly seed: number
}
export interface ChildContext extends ChildInput {
  /** Crashes since the child was last healthy for `upMsMin`. */
  readonly attempt: number
  readonly restarts: number
  /** Crashes, unavailable dependencies among them. */
  readonly crashes: number
  /** Unavailable dependencies. */
  readonly waits: number
  readonly inWindow: number
  /** Has been told to start at least once. */
  readonly hasBegun: boolean
  /** Has said at least once that it runs. */
  readonly hasStarted: boolean
  readonly lastError: CrashFacts | null
  readonly next: NextStep | null
}

/** What follows a crash that `context` has counted already. */
export const stepAfterCrash = (
  { inWindow, spec, hasStarted }: Pick<ChildContext, 'inWindow' | 'spec' | 'hasStarted'>,
  crash: CrashFacts
): NextStep => {
  if (crash.isRefusal === true && !hasStarted) return 'escalated'
  if (spec.restart === 'temporary') return 'failed'
  if (crash.isDependency) return 'waiting'
  return inWindow > spec.limit.restartsMax ? stepAtLimit(spec) : 'backingOff'
}

export const stepAtLimit = ({ onLimit }: ChildSpec): NextStep =>
  onLimit === 'quarantine' ? 'quarantined' : 'escalated'

/** An end is an end: what comes after it changes nothing. */
export const decided = (current: NextStep | null, step: NextStep): NextStep =>
  current !== null && finalSteps.has(current) ? current : step

const finalSteps: ReadonlySet<NextStep> = new Set(['stopped', 'completed', 'failed', 'escalated'])

/** Asked to go down, so its end is no crash. */
export const isAsked = ({ next }: ChildContext): boolean =>
  next === 'stopped' || next === 'standingBy'

/** Crashes that count for a limit: restarts, of what is no dependency. */
export const isCounted = ({ restart }: ChildSpec, { isDependency }: CrashFacts): boolean =>
  restart !== 'temporary' && !isDependency

/** Names of the timers at which the crashes of the window will be forgotten. */
export const windowTimers = ({ crashes, waits, inWindow }: ChildContext): ReadonlyArray<string> =>
  Array.from({ length: inWindow }, (_, index) => timerOf(crashes - waits - index))

export const timerOf = (crash: number): string => `crash:${crash}`

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
