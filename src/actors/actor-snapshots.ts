/** What can be read out of the snapshots of actors, whoever they are. Nothing here throws. */
import type { AnyActorRef } from 'xstate'
import type { ChildContext } from '../machines/supervisor-child-rules.ts'
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

export const supervisorContextOf = ({ context }: AnySnapshot): SupervisorContext | undefined =>
  isRecord(context) && 'verdict' in context ? (context as unknown as SupervisorContext) : undefined

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
