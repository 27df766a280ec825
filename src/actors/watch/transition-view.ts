/**
 * A transition as it is explained: the edges that were taken, which guards were asked before, and
 * what the event said.
 *
 * 1. Total: whatever is in an event, this does not throw, and what it gives is bounded.
 * 2. No secret goes out: of an address neither user, password nor query, and nothing of members
 *    that are named as secrets are.
 */
import type { AnyTransitionDefinition } from 'xstate'
import type { WatchTransition } from '../../adapters/http/watch-schemas.ts'
import { crashOf } from '../../machines/supervisor-crash.ts'
import { type Evidence, subjectSuffix, type Transition } from '../inspector.ts'
import { actionName, guardName, leavesOf, pathOf, targetOf } from './machine-view.ts'

export const transitionView = (
  { atMs, path, event }: Transition,
  evidence: Evidence,
  place: { readonly machine: string; readonly isKeeper: boolean }
): WatchTransition => {
  const edges = evidence.steps.flat()
  return {
    at: atMs,
    path: path.replace(subjectSuffix, ''),
    of: place.isKeeper ? 'keeper' : 'kept',
    machine: place.machine,
    event,
    from: leavesOf(evidence.from),
    to: leavesOf(evidence.to),
    taken: edges.map((edge) => ({
      source: pathOf(edge.source),
      event: edge.eventType,
      target: targetOf(edge)
    })),
    guards: edges.flatMap(guardsOf).slice(0, guardsMax),
    actions: edges.flatMap(({ actions }) => actions.map(actionName)).slice(0, actionsMax),
    // A start says what the actor was given: that is long, and no news.
    detail: event === 'xstate.init' ? null : detailOf(evidence.event)
  }
}

const guardsMax = 40
const actionsMax = 40

/** Those of the edge, and of its siblings that were tried before it. */
const guardsOf = (edge: AnyTransitionDefinition): WatchTransition['guards'] => {
  const { source, eventType } = edge
  const candidates =
    (eventType === '' ? source.always : source.transitions.get(eventType)) ?? []
  const end = candidates.indexOf(edge)
  return candidates.slice(0, end + 1).flatMap((candidate) =>
    candidate.guard === undefined
      ? []
      : [
          {
            guard: guardName(candidate.guard),
            target: targetOf(candidate),
            result: candidate === edge
          }
        ]
  )
}

const detailCharsMax = 300
const textCharsMax = 80
const depthMax = 3
/** Members of an object, or a list, that are told: as many as have room. */
const membersMax = [12, 6, 3, 2, 1]
const secret = /pass|secret|token|credential|authorization|api_?key/i

/** (1) */
const detailOf = (event: object): string | null => {
  try {
    const { type: _type, ...said } = event as Readonly<Record<string, unknown>>
    if (Object.keys(said).length === 0) return null
    const texts = membersMax.map((members) => JSON.stringify(plain(said, members, 0)))
    return texts.find((text) => text.length <= detailCharsMax) ?? null
  } catch {
    return null
  }
}

const plain = (value: unknown, members: number, depth: number): unknown => {
  if (typeof value === 'string') return cut(value)
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Error) {
    const { tag, message } = crashOf(value)
    return { tag, message: cut(message) }
  }
  if (depth >= depthMax) return '…'
  if (Array.isArray(value)) {
    return value.slice(0, members).map((it) => plain(it, members, depth + 1))
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, members)
      .map(([name, it]) => [name, secret.test(name) ? '…' : plain(it, members, depth + 1)]) // (2)
  )
}

/** (2) */
const cut = (text: string): string => {
  const safe = text
    .replaceAll(/(\w+:\/\/)[^\s/@]*@/g, '$1')
    .replaceAll(/(\w+:\/\/[^\s?]*)\?\S*/g, '$1')
  return safe.length > textCharsMax ? `${safe.slice(0, textCharsMax - 1)}…` : safe
}
