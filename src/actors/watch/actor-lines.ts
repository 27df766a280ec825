/**
 * The actors that are there now, each as a line.
 *
 * 1. Reading changes nothing and does not throw.
 * 2. Children stand as they are started; those that have no keeper now are listed while their
 *    specification is.
 */
import type { AnyActorRef } from 'xstate'
import type { WatchActor } from '../../adapters/http/watch-schemas.ts'
import type { ChildContext } from '../../machines/supervisor-child-rules.ts'
import type { ChildEntry } from '../../machines/supervisor-children.ts'
import { backoffMs, waitMs } from '../../machines/restart-policy.ts'
import { pathOf } from '../../machines/supervisor-spec.ts'
import {
  type AnySnapshot,
  keeperContextOf,
  keptBy,
  placesBelow,
  snapshotOf,
  tagsOf
} from '../actor-snapshots.ts'
import { subjectSuffix } from '../inspector.ts'
import type { StatusSources } from '../status.ts'
import { logicOf, type MachineList } from './machine-list.ts'
import { leavesOf } from './machine-view.ts'

export interface LiveActor {
  /** But for the rate of its messages. */
  readonly line: WatchActor
  /** Messages that it has had since it was started last. */
  readonly messages: number
}

interface Reading extends StatusSources {
  readonly machines: MachineList
}

interface Place {
  readonly parent: string | null
  readonly order: number
}

export const readActors = (root: AnyActorRef, reading: Reading): readonly LiveActor[] =>
  linesOf(root, { parent: null, order: 0 }, reading)

const linesOf = (actor: AnyActorRef, place: Place, reading: Reading): readonly LiveActor[] => {
  const kept = keptBy(actor)
  const snapshot = snapshotOf(actor)
  const keeper = keeperContextOf(snapshot)
  const own = liveActor({ actor, kept, snapshot, keeper }, place, reading)
  const below = keeper === undefined ? actor : kept
  return below === undefined ? [own] : [own, ...childLines(own.line.path, below, reading)]
}

const childLines = (
  parent: string,
  actor: AnyActorRef,
  reading: Reading
): readonly LiveActor[] =>
  placesBelow(actor).flatMap((place, order) =>
    'child' in place
      ? linesOf(place.child, { parent, order }, reading)
      : [absent(place.absent, { parent, order })]
  )

interface Found {
  readonly actor: AnyActorRef
  readonly kept: AnyActorRef | undefined
  readonly snapshot: AnySnapshot
  readonly keeper: ChildContext | undefined
}

const liveActor = (found: Found, place: Place, reading: Reading): LiveActor => {
  const { actor, kept, snapshot, keeper } = found
  const path = pathOf(actor)
  const { inspector, kernel, machines } = reading
  const own = inspector.counters(path)
  const inner = inspector.counters(`${path}${subjectSuffix}`)
  const itself = keeper === undefined ? actor : kept
  const innerSnapshot = itself === undefined ? undefined : snapshotOf(itself)
  const tags = tagsOf(snapshot, innerSnapshot)
  const facts = kernel.facts.read(path)
  const keeperSince = own?.sinceMs ?? null
  const since = kept === undefined ? keeperSince : Math.max(keeperSince ?? 0, inner?.sinceMs ?? 0)
  return {
    messages: (keeper === undefined ? own : inner)?.eventCount ?? 0,
    line: {
      path,
      ...place,
      machines: {
        keeper: keeper === undefined ? null : machines.idOf(logicOf(actor)),
        kept: itself === undefined ? null : machines.idOf(logicOf(itself))
      },
      state: {
        keeper: keeper === undefined ? null : stateOf(snapshot),
        kept: innerSnapshot === undefined ? null : stateOf(innerSnapshot)
      },
      tags,
      health: snapshot.status === 'active' ? healthOf(tags) : 'ended',
      ...budgetOf(keeper),
      backoff_until: keeper === undefined ? null : backoffUntil(keeper, snapshot, keeperSince),
      since,
      queue_bytes: facts.queueBytes ?? null,
      queue_bytes_max: facts.queueBytesMax ?? null,
      messages_per_second: null,
      last_error: keeper?.lastError == null ? null : errorOf(keeper.lastError)
    }
  }
}

const budgetOf = (keeper: ChildContext | undefined) => ({
  restarts: keeper?.restarts ?? 0,
  crashes_in_window: keeper?.inWindow ?? 0,
  restarts_max: keeper?.spec.limit.restartsMax ?? null,
  window_seconds: keeper === undefined ? null : keeper.spec.limit.windowMs / 1_000
})

/** A keeper has drawn its delay when it entered the state, of what it knew then and knows now. */
const backoffUntil = (
  { spec: { backoff }, attempt, seed }: ChildContext,
  snapshot: AnySnapshot,
  sinceMs: number | null
): number | null => {
  if (sinceMs === null) return null
  const state = stateOf(snapshot)
  if (state === 'backingOff') return sinceMs + backoffMs(backoff, attempt, seed)
  return state === 'waiting' ? sinceMs + waitMs(backoff, attempt, seed) : null
}

const absent = ({ spec, phase, lastError }: ChildEntry, place: Place): LiveActor => ({
  messages: 0,
  line: {
    path: `${place.parent}/${spec.id}`,
    ...place,
    machines: { keeper: null, kept: null },
    state: { keeper: null, kept: null },
    tags: [phase],
    health: phase === 'ended' ? 'ended' : 'degraded',
    restarts: 0,
    crashes_in_window: 0,
    restarts_max: spec.limit.restartsMax,
    window_seconds: spec.limit.windowMs / 1_000,
    backoff_until: null,
    since: null,
    queue_bytes: null,
    queue_bytes_max: null,
    messages_per_second: null,
    last_error: lastError === null ? null : errorOf(lastError)
  }
})

const errorOf = ({ tag, message }: { readonly tag: string; readonly message: string }) => ({
  tag,
  message
})

const healthOf = (tags: readonly string[]): WatchActor['health'] => {
  if (tags.includes('quarantined')) return 'quarantined'
  if (!tags.includes('degraded')) return 'healthy'
  return tags.includes('waiting') ? 'unavailable' : 'degraded'
}

/** Of what has no states: none. */
const stateOf = (snapshot: AnySnapshot): string | null =>
  'value' in snapshot ? leavesOf(snapshot.value) : null
