/**
 * The one observer of the actor system: a bounded ring of transitions, counters per actor, and when
 * each actor entered its present state.
 *
 * Invariants:
 *  1. Never throws: xstate calls observers unguarded, on the stack of whoever sent the event.
 *  2. Cost is per macrostep of a machine, not per event kind: everything but snapshots and the
 *     steps that lead to them returns at the first line. Machines get one event per batch or
 *     sample, so this is off the data path.
 *  3. The ring holds `transitionsMax` entries, the table of actors at most `actorsMax` paths, and
 *     an actor at most `stepsMax` steps, which its next snapshot takes away.
 *  4. How a transition came about is handed on by reference: nothing is read or written of it here.
 */
import type { AnyActorRef, AnyTransitionDefinition, InspectionEvent } from 'xstate'
import { pathOf, subjectId } from '../machines/supervisor-spec.ts'
import { stateTextOf } from './state-text.ts'

export interface Transition {
  readonly atMs: number
  readonly path: string
  readonly event: string
  readonly from: string
  readonly to: string
}

/** Edges of one microstep. */
type Step = readonly AnyTransitionDefinition[]

/** What a transition was, for who explains it (4). */
export interface Evidence {
  readonly actor: AnyActorRef
  readonly event: object
  /** Values of the state before, undefined at an actor's start, and after. */
  readonly from: unknown
  readonly to: unknown
  /** As it was right after it. */
  readonly snapshot: object
  readonly steps: readonly Step[]
}

interface ActorCounters {
  readonly sinceMs: number
  readonly transitionCount: number
  /** Events that it has had. */
  readonly eventCount: number
  /** Events that changed nothing: no transition took them. */
  readonly unhandledCount: number
}

export interface Inspector {
  /** For `createActor(root, { inspect })`. */
  readonly inspect: (event: InspectionEvent) => void
  /** Oldest first. */
  readonly transitions: () => ReadonlyArray<Transition>
  readonly counters: (path: string) => ActorCounters | undefined
}

export interface InspectorOptions {
  readonly nowMs: () => number
  readonly transitionsMax: number
  /** Called for each change of state; a throw is contained. */
  readonly observe?: (transition: Transition, evidence: Evidence) => void
}

const actorsMax = 10_000
const stepsMax = 16

interface Line {
  readonly path: string
  snapshot: object
  state: string
  sinceMs: number
  transitionCount: number
  eventCount: number
  unhandledCount: number
  steps: Step[]
}

export const makeInspector = ({ nowMs, transitionsMax, observe }: InspectorOptions): Inspector => {
  const ring: Array<Transition> = []
  let next = 0
  const lines = new Map<string, Line>()
  const lineOf = new WeakMap<object, Line>()
  const push = (transition: Transition, evidence: Evidence): void => {
    ring[next] = transition
    next = (next + 1) % transitionsMax
    observe?.(transition, evidence)
  }
  const begin = (actor: AnyActorRef, snapshot: object, event: Named): void => {
    const path = `${pathOf(actor)}${isSubject(actor) ? subjectSuffix : ''}`
    const before = lines.get(path)
    if (before === undefined && lines.size >= actorsMax) return
    const state = stateTextOf(snapshot)
    const line = newLine(path, snapshot, state, nowMs())
    lines.set(path, line)
    lineOf.set(actor, line)
    push(
      { atMs: nowMs(), path, event: event.type, from: before?.state ?? '', to: state },
      { actor, event, from: undefined, to: valueOf(snapshot), snapshot, steps: [] }
    )
  }
  const note = (actor: AnyActorRef, snapshot: object, event: Named): void => {
    const line = lineOf.get(actor)
    if (line === undefined) return begin(actor, snapshot, event)
    line.eventCount += 1
    const { steps } = line
    if (steps.length > 0) line.steps = []
    if (line.snapshot === snapshot) {
      line.unhandledCount += 1
      return
    }
    const before = line.snapshot
    line.snapshot = snapshot
    const state = stateTextOf(snapshot)
    if (line.state === state) return
    const transition = { atMs: nowMs(), path: line.path, event: event.type, from: line.state }
    line.state = state
    line.sinceMs = nowMs()
    line.transitionCount += 1
    push(
      { ...transition, to: state },
      { actor, event, from: valueOf(before), to: valueOf(snapshot), snapshot, steps }
    )
  }
  const step = (actor: object, edges: Step): void => {
    if (edges.length === 0) return
    const steps = lineOf.get(actor)?.steps
    if (steps !== undefined && steps.length < stepsMax) steps.push(edges)
  }
  return {
    inspect: (event) => {
      if (event.type !== '@xstate.snapshot' && event.type !== '@xstate.microstep') return
      try {
        if (event.type === '@xstate.microstep') step(event.actorRef, event._transitions)
        else note(event.actorRef as AnyActorRef, event.snapshot, event.event)
      } catch {
        // (1): what cannot be observed is not observed.
      }
    },
    // `next` is where the oldest stands once the ring is full, and the ring's end before.
    transitions: () => [...ring.slice(next), ...ring.slice(0, next)],
    counters: (path) => lines.get(path)
  }
}

interface Named {
  readonly type: string
}

/** A keeper and what it keeps share one address; the kept actor's own line has this suffix. */
export const subjectSuffix = '#'

const isSubject = (actor: AnyActorRef): boolean => actor.id === subjectId

const valueOf = (snapshot: object): unknown => ('value' in snapshot ? snapshot.value : undefined)

const newLine = (path: string, snapshot: object, state: string, sinceMs: number): Line => ({
  path,
  snapshot,
  state,
  sinceMs,
  transitionCount: 0,
  eventCount: 0,
  unhandledCount: 0,
  steps: []
})
