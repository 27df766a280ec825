/**
 * Child specifications as data, in OTP's words, and the events of the supervision protocol.
 *
 * Invariants:
 *  1. A spec is plain JSON and complete: `childSpec` fills defaults and rejects contradictions
 *     once, so that the machines that read it need no checks.
 *  2. Every deadline is finite and named.
 */
import * as Schema from 'effect/Schema'
import type { AnyActorRef } from 'xstate'
import { fateDefault, fateFaults, type MessageFate } from './message-fate.ts'
import {
  type BackoffPolicy,
  backoffDefault,
  backoffFaults,
  limitFaults,
  type RestartLimit,
  restartLimitDefault
} from './restart-policy.ts'
import type { CrashFacts } from './supervisor-crash.ts'

/** permanent: always restarted; transient: after a crash only; temporary: never. */
export type RestartType = 'permanent' | 'transient' | 'temporary'

/**
 * What follows when a child has crashed too often: the supervisor gives up, or the child is parked
 * until an operator releases it while the rest goes on.
 */
type OnLimit = 'escalate' | 'quarantine'

/** What a child is told when it starts; plain JSON, since it is shown and repeated at restarts. */
export type ChildData = Readonly<Record<string, unknown>> | null

export interface ChildSpec {
  /** Unique among its siblings; segment of the actor's path. */
  readonly id: string
  /** Name of the logic among those that the supervisor was built with. */
  readonly src: string
  /** Input of that logic; plain JSON. */
  readonly input: ChildData
  readonly type: 'worker' | 'supervisor'
  readonly restart: RestartType
  /** Its end by itself counts for the supervisor's `autoShutdown`. */
  readonly significant: boolean
  /**
   * `reported`: started when it says so; `started`: as soon as it runs; `unawaited`: when it says
   * so, and nobody waits for that.
   */
  readonly ready: 'reported' | 'started' | 'unawaited'
  /** Of a worker; a supervisor has started when its children have, each within its own. */
  readonly startMsMax: number
  /** 0: no drain. Otherwise the child gets `drain.requested` and this long to end by itself. */
  readonly drainMsMax: number
  /** How long its resources may take to be released. */
  readonly shutdownMsMax: number
  readonly backoff: BackoffPolicy
  readonly limit: RestartLimit
  readonly onLimit: OnLimit
  /** Of messages that are sent to its address while it is down. */
  readonly fate: MessageFate
}

export type ChildSpecOptions = Pick<ChildSpec, 'id'> & Partial<Omit<ChildSpec, 'id'>>

export class InvalidChildSpec extends Schema.TaggedError<InvalidChildSpec>()('InvalidChildSpec', {
  childId: Schema.String,
  faults: Schema.Array(Schema.String)
}) {
  override get message() {
    return `child "${this.childId}": ${this.faults.join('; ')}`
  }
}

/** How a child ended for good. */
export type ChildOutcome = 'stopped' | 'completed' | 'failed' | 'escalated'
export interface ChildOutput {
  readonly _tag: 'ChildEnded'
  readonly outcome: ChildOutcome
  readonly crash: CrashFacts | null
}

/**
 * Output of a supervisor: a normal stop, the end of significant children, or the crash that it
 * could not handle and who had it.
 */
export type SupervisorOutput =
  | { readonly _tag: 'Stopped' }
  | { readonly _tag: 'ShutDown'; readonly childId: string }
  | { readonly _tag: 'Escalated'; readonly childId: string; readonly crash: CrashFacts }

export interface ChildCrashed extends CrashFacts {
  readonly type: 'child.crashed'
  readonly childId: string
  readonly restarts: number
}

/** Message from a keeper to its supervisor. */
export type ChildNotice = { readonly type: ChildSignal; readonly childId: string } | ChildCrashed

/**
 * `vacated`: what crashed holds nothing any more, its wait has begun. `standing_by`: down, and
 * ready to be started by `start.requested`. `quarantined`: that once an operator has released it.
 */
export type ChildSignal =
  'child.started' | 'child.vacated' | 'child.standing_by' | 'child.quarantined'

/** Message from a supervisor to a keeper. */
export type KeeperOrder =
  | { readonly type: 'start.requested' }
  /** Go down for the sake of a sibling, and be ready to start again. */
  | { readonly type: 'stand_down.requested' }
  | { readonly type: 'stop.requested' }
  /** The crash just reported was one too many for the supervisor. */
  | { readonly type: 'limit.reached' }

const deadlineMsMax = 3_600_000

/** Completes and checks a spec. @throws InvalidChildSpec naming every fault */
export const childSpec = (options: ChildSpecOptions): ChildSpec => {
  const spec: ChildSpec = {
    src: options.id,
    input: null,
    type: 'worker',
    restart: 'permanent',
    significant: false,
    ready: 'reported',
    startMsMax: 10_000,
    drainMsMax: 0,
    shutdownMsMax: 5_000,
    backoff: backoffDefault,
    limit: restartLimitDefault,
    onLimit: 'escalate',
    fate: fateDefault,
    ...options
  }
  const faults = [
    ...backoffFaults(spec.backoff),
    ...limitFaults('limit', spec.limit),
    ...fateFaults(spec.fate)
  ]
  if (spec.significant && spec.restart === 'permanent') {
    faults.push('significant is for transient and temporary children: a permanent one never ends')
  }
  if (!/^[\w:.@-]+$/.test(spec.id)) faults.push('id may contain letters, digits and _ : . @ - only')
  if (spec.id === subjectId) faults.push(`id "${subjectId}" is reserved`)
  for (const field of ['startMsMax', 'shutdownMsMax'] as const) {
    const isSound = spec[field] >= 1 && spec[field] <= deadlineMsMax
    if (!isSound) faults.push(`${field} must be 1 ms to 1 h`)
  }
  if (!(spec.drainMsMax >= 0 && spec.drainMsMax <= deadlineMsMax)) {
    faults.push('drainMsMax must be 0 to 1 h')
  }
  if (faults.length > 0) throw new InvalidChildSpec({ childId: spec.id, faults })
  return spec
}

/** Id of the actor inside a keeper. It is no segment of a path: one child has one address. */
export const subjectId = 'subject'

/**
 * Stable address of an actor: ids from the root down, `root/ingest/feed:binance`. Session ids would
 * change with each restart, and a successor could not know its predecessor.
 */
export const pathOf = (actor: AnyActorRef): string => {
  const parent = actor._parent
  if (parent === undefined) return actor.id
  return actor.id === subjectId ? pathOf(parent) : `${pathOf(parent)}/${actor.id}`
}

/** A child by id, if it runs. Total: an actor that is still being created has no snapshot. */
export const childOf = (actor: AnyActorRef, id: string): AnyActorRef | undefined => {
  const snapshot = actor.getSnapshot() as
    { readonly children?: Readonly<Record<string, AnyActorRef | undefined>> } | undefined
  return snapshot?.children?.[id]
}
