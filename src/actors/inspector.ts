/**
 * The one observer of the actor system: a bounded ring of transitions, counters per actor, and when
 * each actor entered its present state.
 *
 * Invariants:
 *  1. Never throws: xstate calls observers unguarded, on the stack of whoever sent the event.
 *  2. Cost is per macrostep of a machine, not per event kind: everything but snapshots returns at
 *     the first line. Machines get one event per batch or sample, so this is off the data path.
 *  3. The ring holds `transitionsMax` entries, the table of actors at most `actorsMax` paths.
 */
import type { AnyActorRef, InspectionEvent } from 'xstate'
import { pathOf, subjectId } from '../machines/supervisor-spec.ts'
import { stateTextOf } from './state-text.ts'

export interface Transition {
  readonly atMs: number
  readonly path: string
  readonly event: string
  readonly from: string
  readonly to: string
}

interface ActorCounters {
  readonly sinceMs: number
  readonly transitionCount: number
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
  readonly observe?: (transition: Transition) => void
}

const actorsMax = 10_000

interface Line {
  actor: object
  snapshot: object
  state: string
  sinceMs: number
  transitionCount: number
  unhandledCount: number
}

export const makeInspector = ({ nowMs, transitionsMax, observe }: InspectorOptions): Inspector => {
  const ring: Array<Transition> = []
  let next = 0
  const lines = new Map<string, Line>()
  const push = (transition: Transition): void => {
    ring[next] = transition
    next = (next + 1) % transitionsMax
    observe?.(transition)
  }
  const note = (actor: AnyActorRef, snapshot: object, event: string): void => {
    const path = `${pathOf(actor)}${isSubject(actor) ? subjectSuffix : ''}`
    const state = stateTextOf(snapshot)
    const line = lines.get(path)
    if (line === undefined || line.actor !== actor) {
      if (line === undefined && lines.size >= actorsMax) return
      lines.set(path, newLine(actor, snapshot, state, nowMs()))
      push({ atMs: nowMs(), path, event, from: line?.state ?? '', to: state })
      return
    }
    if (line.snapshot === snapshot) {
      line.unhandledCount += 1
      return
    }
    line.snapshot = snapshot
    if (line.state === state) return
    push({ atMs: nowMs(), path, event, from: line.state, to: state })
    line.state = state
    line.sinceMs = nowMs()
    line.transitionCount += 1
  }
  return {
    inspect: (event) => {
      if (event.type !== '@xstate.snapshot') return
      try {
        note(event.actorRef as AnyActorRef, event.snapshot, event.event.type)
      } catch {
        // (1): what cannot be observed is not observed.
      }
    },
    // `next` is where the oldest stands once the ring is full, and the ring's end before.
    transitions: () => [...ring.slice(next), ...ring.slice(0, next)],
    counters: (path) => lines.get(path)
  }
}

/** A keeper and what it keeps share one address; the kept actor's own line has this suffix. */
export const subjectSuffix = '#'

const isSubject = (actor: AnyActorRef): boolean => actor.id === subjectId

const newLine = (actor: object, snapshot: object, state: string, sinceMs: number): Line => ({
  actor,
  snapshot,
  state,
  sinceMs,
  transitionCount: 0,
  unhandledCount: 0
})
