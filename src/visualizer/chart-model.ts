/**
 * A machine's definition as a graph to draw: states, and what leads from one to another.
 *
 * Ways between the same two states are one arrow with a line of text for each. What keeps a state
 * where it is has no arrow: it stands in the state's list.
 */
import { eventText } from './format.ts'
import type {
  WatchEdge,
  WatchEdgeCount,
  WatchMachine,
  WatchState,
  WatchTransition
} from './watch-types.ts'

export interface ChartState {
  readonly path: string
  readonly label: string
  readonly type: WatchState['type']
  readonly isInitial: boolean
  readonly tags: readonly string[]
  /** What happens in it: entry, exit, invoked actors, events that it takes and stays. */
  readonly notes: readonly string[]
  readonly children: readonly ChartState[]
}

interface ChartWay {
  readonly event: string
  /** On lines of its own each: what, and under which guard. */
  readonly lines: readonly string[]
}

export interface ChartEdge {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly ways: readonly ChartWay[]
}

export interface Chart {
  readonly id: string
  readonly root: ChartState
  readonly edges: readonly ChartEdge[]
}

export const chartOf = ({ id, root }: WatchMachine): Chart => {
  const edges = new Map<string, ChartEdge>()
  for (const state of statesOf(root)) {
    for (const edge of state.edges) {
      if (edge.target === null) continue
      const key = edgeId(state.path, edge.target)
      const known = edges.get(key)
      const ways = [...(known?.ways ?? []), { event: edge.event, lines: wayLines(edge) }]
      edges.set(key, { id: key, from: state.path, to: edge.target, ways })
    }
  }
  return { id, root: chartState(root, true), edges: [...edges.values()] }
}

const statesOf = (state: WatchState): readonly WatchState[] => [
  state,
  ...state.states.flatMap(statesOf)
]

/** Whether a state is one of those that an actor is in, or contains one. */
export const isWithin = (state: string, at: string): boolean =>
  at.split(' & ').some((leaf) => leaf === state || state === '' || leaf.startsWith(`${state}.`))

/** How often each arrow was taken, by its id. */
export const edgeCounts = (counts: Iterable<WatchEdgeCount>): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  for (const { source, target, count } of counts) {
    if (target === null) continue
    const id = edgeId(source, target)
    found.set(id, (found.get(id) ?? 0) + count)
  }
  return found
}

/** Ids of the arrows that a transition took: that of its event, and those that led on at once. */
export const edgesTaken = ({ taken }: Pick<WatchTransition, 'taken'>): ReadonlySet<string> =>
  new Set(taken.flatMap(({ source, target }) => (target === null ? [] : edgeId(source, target))))

const edgeId = (from: string, to: string): string => `${from} → ${to}`

const wayLines = ({ event, kind, delay, guard }: WatchEdge): readonly string[] => {
  const what =
    kind === 'after' && delay !== null
      ? `after ${delay}`
      : kind === 'always'
        ? 'always'
        : eventText(event)
  return guard === null ? [what] : [what, `[${guard}]`]
}

const chartState = (state: WatchState, isInitial: boolean): ChartState => ({
  path: state.path,
  label: state.key,
  type: state.type,
  isInitial,
  tags: state.tags,
  notes: notesOf(state),
  children: state.states.map((child) => chartState(child, child.key === state.initial))
})

const notesOf = ({ entry, exit, invoke, edges }: WatchState): readonly string[] => [
  ...entry.map((action) => `entry: ${action}`),
  ...exit.map((action) => `exit: ${action}`),
  ...invoke.map((actor) => `invokes ${actor}`),
  ...edges
    .filter(({ target }) => target === null)
    .map((edge) => `stays: ${wayLines(edge).join(' ')}`)
]
