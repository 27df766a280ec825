/**
 * The actor tree as plain JSON for HTTP.
 *
 * Invariants:
 *  1. A child has one line: the keeper's lifecycle, and below it what the kept machine says of
 *     itself.
 *  2. Children stand in start order; those that have ended for good are listed while their
 *     specification is.
 *  3. Reading never changes and never throws; it costs nothing until somebody asks.
 */
import type { AnyActorRef } from 'xstate'
import type { ChildContext } from '../machines/supervisor-child-rules.ts'
import type { ChildEntry } from '../machines/supervisor-children.ts'
import type { CrashFacts } from '../machines/supervisor-crash.ts'
import { pathOf } from '../machines/supervisor-spec.ts'
import {
  childrenOf,
  keeperContextOf,
  keptBy,
  placesBelow,
  snapshotOf,
  tagsOf
} from './actor-snapshots.ts'
import type { MessageCounters } from './address-line.ts'
import { type Inspector, subjectSuffix } from './inspector.ts'
import type { Kernel } from './kernel.ts'
import type { ResourceEntry } from './resource-registry.ts'
import { joined, stateTextOf } from './state-text.ts'
import type { ActorFacts } from './status-facts.ts'

export interface ActorStatus {
  readonly id: string
  readonly path: string
  /**
   * State path: of the keeper, then, while it is up, of the kept machine: `up.running.streaming`.
   */
  readonly state: string
  readonly tags: ReadonlyArray<string>
  readonly restarts: number
  /**
   * Milliseconds since the epoch at which the present state was entered; null where not observed.
   */
  readonly since: number | null
  readonly lastError: CrashFacts | null
  readonly queueBytes?: number
  readonly queueBytesMax?: number
  readonly counters?: Readonly<Record<string, number>>
  readonly children: ReadonlyArray<ActorStatus>
}

export interface RuntimeStatus {
  readonly atMs: number
  readonly root: ActorStatus
  readonly resources: ReadonlyArray<ResourceEntry>
  readonly leakCount: number
}

export interface StatusSources {
  readonly kernel: Kernel
  readonly inspector: Inspector
}

export const readStatus = (root: AnyActorRef, sources: StatusSources): RuntimeStatus => ({
  atMs: sources.kernel.nowMs(),
  root: statusOf(root, sources),
  resources: sources.kernel.registry.snapshot(),
  leakCount: sources.kernel.registry.leakCount()
})

/** Paths of all actors that run: what the registry is audited against. */
export const runningPaths = (status: ActorStatus): ReadonlySet<string> =>
  new Set([status.path, ...status.children.flatMap((child) => [...runningPaths(child)])])

/** The line of a path. */
export const findActor = (status: ActorStatus, path: string): ActorStatus | undefined => {
  if (status.path === path) return status
  for (const child of status.children) {
    const found = findActor(child, path)
    if (found !== undefined) return found
  }
  return undefined
}

/** The actor at a path below `root`, the kept one where a keeper stands there. */
export const actorAt = (root: AnyActorRef, path: string): AnyActorRef | undefined => {
  const [rootId, ...ids] = path.split('/')
  let actor: AnyActorRef | undefined = rootId === root.id ? root : undefined
  for (const id of ids) {
    const child = actor === undefined ? undefined : childrenOf(keptBy(actor) ?? actor)[id]
    actor = child
  }
  return actor === undefined ? undefined : (keptBy(actor) ?? actor)
}

const statusOf = (actor: AnyActorRef, sources: StatusSources): ActorStatus => {
  const snapshot = snapshotOf(actor)
  const kept = keptBy(actor)
  const path = pathOf(actor)
  const inner = kept === undefined ? snapshot : snapshotOf(kept)
  const isInnerShown = kept !== undefined && inner.context !== undefined
  const keeper = keeperContextOf(snapshot)
  const own = sources.inspector.counters(path)
  const innerSince = sources.inspector.counters(`${path}${subjectSuffix}`)?.sinceMs
  const since = isInnerShown ? later(own?.sinceMs, innerSince) : own?.sinceMs
  return {
    id: actor.id,
    path,
    state: isInnerShown ? joined(stateTextOf(snapshot), stateTextOf(inner)) : stateTextOf(snapshot),
    tags: tagsOf(snapshot, isInnerShown ? inner : snapshot),
    restarts: keeper?.restarts ?? 0,
    since: since ?? null,
    lastError: keeper?.lastError ?? null,
    ...factsOf(keeper, path, sources),
    // A keeper whose child is down has nothing to show but its own wait.
    children:
      keeper !== undefined && kept === undefined ? [] : childrenStatus(path, kept ?? actor, sources)
  }
}

/** What the keeper has counted, beside what its child says of itself. */
const factsOf = (
  keeper: ChildContext | undefined,
  path: string,
  { kernel }: StatusSources
): ActorFacts => {
  const facts = kernel.facts.read(path)
  if (keeper === undefined) return facts
  const { crashes, inWindow, waits } = keeper
  return {
    ...facts,
    counters: {
      crashes,
      crashesInWindow: inWindow,
      waits,
      ...messageCounters(kernel.addresses.counters(path)),
      ...facts.counters
    }
  }
}

const messageCounters = (counters: MessageCounters | undefined) =>
  counters && {
    messagesSent: counters.sent,
    messagesDelivered: counters.delivered,
    messagesDropped: counters.dropped,
    messagesStashed: counters.stashed,
    messagesSpilled: counters.spilled,
    messagesRejected: counters.rejected
  }

const childrenStatus = (
  path: string,
  actor: AnyActorRef,
  sources: StatusSources
): ReadonlyArray<ActorStatus> =>
  placesBelow(actor).map((place) =>
    'child' in place ? statusOf(place.child, sources) : absentStatus(path, place.absent)
  )

const absentStatus = (path: string, { spec, phase, lastError }: ChildEntry): ActorStatus => ({
  id: spec.id,
  path: `${path}/${spec.id}`,
  state: phase,
  tags: phase === 'pending' || lastError !== null ? ['degraded'] : [],
  restarts: 0,
  since: null,
  lastError,
  children: []
})

const later = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
