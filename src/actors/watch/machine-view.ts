/**
 * A machine as it is drawn: states and edges out of its own definition, names of guards, delays and
 * actions as they stand there.
 *
 * 1. Nothing here runs anything of the machine.
 * 2. What has no name is `(inline)`.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import type { WatchEdge, WatchMachine, WatchState } from '../../adapters/http/watch-schemas.ts'

export const machineView = (id: string, machine: AnyStateMachine): WatchMachine => ({
  id,
  root: stateView(machine.root)
})

const stateView = (node: AnyStateNode): WatchState => ({
  key: node.key,
  path: pathOf(node),
  type: node.type,
  initial: node.type === 'compound' ? initialOf(node) : null,
  tags: [...node.tags],
  entry: node.entry.filter(isOwn).map(actionName),
  exit: node.exit.filter(isOwn).map(actionName),
  invoke: node.invoke.map(({ id, src }) => (typeof src === 'string' ? src : id)),
  edges: edgesOf(node).map(edgeView),
  states: Object.values(node.states).map(stateView)
})

/** Below the root. */
export const pathOf = (node: AnyStateNode): string => node.path.join('.')

/** Key of the state in it that is entered first. */
const initialOf = (node: AnyStateNode): string | null =>
  node.initial.target[0]?.path[node.path.length] ?? null

const edgesOf = (node: AnyStateNode): readonly AnyTransitionDefinition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? [])
]

const edgeView = (edge: AnyTransitionDefinition): WatchEdge => ({
  event: edge.eventType,
  kind: kindOf(edge),
  delay: delayOf(edge),
  guard: edge.guard === undefined ? null : guardName(edge.guard),
  target: targetOf(edge),
  actions: edge.actions.map(actionName)
})

const kindOf = ({ eventType }: AnyTransitionDefinition): WatchEdge['kind'] => {
  if (eventType === '') return 'always'
  if (eventType.startsWith('xstate.after.')) return 'after'
  if (eventType.startsWith('xstate.done.')) return 'done'
  return eventType.startsWith('xstate.error.') ? 'error' : 'event'
}

const delayOf = (edge: AnyTransitionDefinition): string | null => {
  const { delay } = edge as { readonly delay?: unknown }
  if (typeof delay === 'number') return `${delay} ms`
  return typeof delay === 'string' ? delay : delay === undefined ? null : unnamed
}

export const targetOf = ({ target }: AnyTransitionDefinition): string | null =>
  target === undefined ? null : target.map(pathOf).join(' & ')

const unnamed = '(inline)'

interface Composed {
  readonly name: string
  readonly guards?: readonly unknown[]
}

export const guardName = (guard: unknown): string => {
  if (typeof guard === 'string') return guard
  if (typeof guard === 'function') {
    const { name, guards } = guard as unknown as Composed
    if (guards !== undefined) return `${name}(${guards.map(guardName).join(', ')})`
  }
  return typeOf(guard) ?? unnamed
}

export const actionName = (action: unknown): string =>
  typeof action === 'string' ? action : (typeOf(action) ?? unnamed)

/** `{ type }`, or what xstate calls an action of its own: `xstate.assign`. */
const typeOf = (named: unknown): string | undefined => {
  const { type } = (named ?? {}) as { readonly type?: unknown }
  return typeof type === 'string' ? type : undefined
}

/** Not the timers that xstate itself starts and ends for `after`. */
const isOwn = (action: unknown): boolean => {
  const { id, sendId } = (action ?? {}) as { readonly id?: unknown; readonly sendId?: unknown }
  const timer = id ?? sendId
  return typeof timer !== 'string' || !timer.startsWith('xstate.after.')
}

/** Paths of the active leaves, of parallel states joined. */
export const leavesOf = (value: unknown): string => leaves(value, '').join(' & ')

const leaves = (value: unknown, above: string): readonly string[] => {
  if (typeof value === 'string') return [above + value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const below = leaves(inner, `${above}${key}.`)
    return below.length === 0 ? [above + key] : below
  })
}
