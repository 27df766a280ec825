/** What can be read out of the snapshots of actors, whoever they are. Nothing here throws. */
import type { AnyActorRef } from 'xstate'
import type { ChildContext } from '../machines/supervisor-child-rules.ts'
import type { ChildEntry } from '../machines/supervisor-children.ts'
import type { SupervisorContext } from '../machines/supervisor-setup.ts'
import { subjectId } from '../machines/supervisor-spec.ts'

export interface AnySnapshot {
  readonly status: string
  readonly context?: unknown
  readonly tags?: ReadonlySet<string>
  readonly children?: Readonly<Record<string, AnyActorRef | undefined>>
}

/** The actor that a keeper keeps, while it runs. */
export const keptBy = (actor: AnyActorRef): AnyActorRef | undefined => childrenOf(actor)[subjectId]

export const childrenOf = (actor: AnyActorRef) => snapshotOf(actor).children ?? {}

/** Total: an actor that is still being created has none. */
export const snapshotOf = (actor: AnyActorRef): AnySnapshot => {
  try {
    return actor.getSnapshot() as AnySnapshot
  } catch {
    return { status: 'starting' }
  }
}

export const keeperContextOf = ({ context }: AnySnapshot): ChildContext | undefined =>
  isRecord(context) && 'inWindow' in context ? (context as unknown as ChildContext) : undefined

/**
 * What stands below an actor, in start order; those of a supervisor that have no actor now are
 * listed while their specification is.
 */
export const placesBelow = (
  actor: AnyActorRef
): ReadonlyArray<{ readonly child: AnyActorRef } | { readonly absent: ChildEntry }> => {
  const children = childrenOf(actor)
  const entries = supervisorContextOf(snapshotOf(actor))?.children
  if (entries === undefined)
    return Object.values(children).flatMap((child) => (child === undefined ? [] : [{ child }]))
  return entries.map((entry) => {
    const child = children[entry.spec.id]
    return child === undefined ? { absent: entry } : { child }
  })
}

/** Of a keeper and what it keeps: degraded if either says so. */
export const tagsOf = (snapshot: AnySnapshot, inner = snapshot): readonly string[] => {
  const tags = new Set([...(snapshot.tags ?? []), ...(inner.tags ?? [])])
  if (tags.has('degraded')) tags.delete('healthy')
  return [...tags].sort()
}

const supervisorContextOf = ({ context }: AnySnapshot): SupervisorContext | undefined =>
  isRecord(context) && 'verdict' in context ? (context as unknown as SupervisorContext) : undefined

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
