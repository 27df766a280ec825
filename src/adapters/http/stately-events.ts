/**
 * Frames in the protocol of the Stately inspector (`@statelyai/inspect` 0.7), so that its tools can
 * show the machines of a running K2. Pure.
 *
 * 1. An actor is one of theirs where it is a machine: the keeper and the machine that it keeps are
 *    two, the second the child of the first.
 * 2. Contexts stay here: only states and names of events are told.
 */
import type { InspectedMachine } from './watch-deps.ts'
import type { WatchActor, WatchFrame, WatchState, WatchTransition } from './watch-schemas.ts'

export type StatelyEvent = { readonly sessionId: string } & Readonly<Record<string, unknown>>

/** Of the package whose events these are. */
const protocolVersion = '0.7.2'
const rootId = 'root'

type Of = WatchTransition['of']
type Machines = ReadonlyMap<string, InspectedMachine>

export class StatelyEvents {
  readonly #machines: Machines
  /** Of sessions that have been told of, their machines. */
  readonly #told = new Map<string, InspectedMachine>()
  /** Paths of actors that are kept. */
  readonly #kept = new Set<string>()

  constructor(machines: Machines) {
    this.#machines = machines
  }

  /** Who is there is told before what happens to it. */
  of({ at, actors = [], transitions = [], gone = [] }: WatchFrame): readonly StatelyEvent[] {
    return [
      ...actors.flatMap((actor) => this.#actor(actor, at)),
      ...transitions.flatMap((transition) => this.#transition(transition)),
      ...gone.flatMap((path) => this.#gone(path, at))
    ]
  }

  #actor(actor: WatchActor, at: number): readonly StatelyEvent[] {
    if (actor.machines.keeper !== null) this.#kept.add(actor.path)
    return [...this.#session(actor, 'keeper', at), ...this.#session(actor, 'kept', at)]
  }

  #session(actor: WatchActor, of: Of, at: number): readonly StatelyEvent[] {
    const sessionId = sessionOf(actor.path, of)
    const machine = this.#machines.get(actor.machines[of] ?? '')
    if (machine === undefined || this.#told.has(sessionId)) return []
    this.#told.set(sessionId, machine)
    const isInKeeper = of === 'kept' && this.#kept.has(actor.path)
    return [
      {
        ...base(at),
        type: '@xstate.actor',
        name: of === 'keeper' ? `${actor.path} (keeper)` : actor.path,
        sessionId,
        parentId: isInKeeper ? sessionOf(actor.path, 'keeper') : (actor.parent ?? undefined),
        definition: machine.definition,
        snapshot: snapshotOf(machine, actor.state[of] ?? '')
      }
    ]
  }

  #transition({ path, of, at, event, to }: WatchTransition): readonly StatelyEvent[] {
    const sessionId = sessionOf(path, of)
    const machine = this.#told.get(sessionId)
    if (machine === undefined) return []
    const told = { ...base(at), sessionId, event: { type: event } }
    return [
      { ...told, type: '@xstate.event' },
      { ...told, type: '@xstate.snapshot', snapshot: snapshotOf(machine, to) }
    ]
  }

  #gone(path: string, at: number): readonly StatelyEvent[] {
    this.#kept.delete(path)
    return (['kept', 'keeper'] as const)
      .map((of) => sessionOf(path, of))
      .filter((sessionId) => this.#told.delete(sessionId))
      .map((sessionId) => ({
        ...base(at),
        type: '@xstate.snapshot',
        sessionId,
        event: { type: 'xstate.stop' },
        snapshot: { status: 'stopped' }
      }))
  }
}

const sessionOf = (path: string, of: Of): string => (of === 'kept' ? path : `${path} keeper`)

const base = (at: number) => ({
  _version: protocolVersion,
  createdAt: String(at),
  id: null,
  rootId
})

const snapshotOf = ({ view }: InspectedMachine, leaves: string) => ({
  status: 'active',
  value: valueOf(view.root, leaves === '' ? [] : leaves.split(' & ')),
  context: {}
})

type Value = string | { readonly [key: string]: Value }

/** The value of a state, by the paths of its leaves. */
const valueOf = (state: WatchState, leaves: readonly string[]): Value => {
  const active = state.states.filter(({ path }) =>
    leaves.some((leaf) => leaf === path || leaf.startsWith(`${path}.`))
  )
  const [only] = active
  if (state.type !== 'parallel' && only?.states.length === 0) return only.key
  return Object.fromEntries(active.map((inner) => [inner.key, valueOf(inner, leaves)]))
}
