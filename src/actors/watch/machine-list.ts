/**
 * All machines below a root, and their ids.
 *
 * 1. Found in the logic of actors, run or not: whoever waits to be started is drawn, too.
 * 2. One machine, whatever it was provided with; two that share a name have ids of their own.
 */
import { type AnyActorRef, type AnyStateMachine, StateMachine } from 'xstate'
import type { InspectedMachine } from '../../adapters/http/watch-deps.ts'
import type { WatchMachine } from '../../adapters/http/watch-schemas.ts'
import { machineView } from './machine-view.ts'

export interface MachineList {
  /** By id. */
  readonly inspected: ReadonlyMap<string, InspectedMachine>
  readonly views: readonly WatchMachine[]
  /** Null for what is no machine. */
  readonly idOf: (logic: unknown) => string | null
}

export const noMachines: MachineList = {
  inspected: new Map(),
  views: [],
  idOf: () => null
}

export const machineList = (root: unknown): MachineList => {
  const ids = new Map<object, string>()
  const inspected = new Map<string, InspectedMachine>()
  const met = new Set<unknown>()
  const visit = (logic: unknown): void => {
    if (met.has(logic)) return
    met.add(logic)
    if (!isMachine(logic)) return
    if (!ids.has(logic.config)) {
      const id = freeId(logic.id, new Set(ids.values()))
      ids.set(logic.config, id)
      inspected.set(id, { view: machineView(id, logic), definition: definitionOf(logic) })
    }
    for (const actor of Object.values(logic.implementations.actors)) visit(actor)
  }
  visit(root)
  return {
    inspected,
    views: [...inspected.values()].map(({ view }) => view),
    idOf: (logic) => (isMachine(logic) ? (ids.get(logic.config) ?? null) : null)
  }
}

/** Every actor carries its logic; the public type of a reference does not say so. */
export const logicOf = (actor: AnyActorRef): unknown =>
  (actor as { readonly logic?: unknown }).logic

/** As tools read it that know xstate: functions by their names. */
const definitionOf = ({ config }: AnyStateMachine): string =>
  JSON.stringify(config, (_key, value: unknown) =>
    typeof value === 'function' ? { type: value.name } : value
  )

const isMachine = (logic: unknown): logic is AnyStateMachine => logic instanceof StateMachine

const freeId = (id: string, taken: ReadonlySet<string>): string => {
  let free = id
  for (let number = 2; taken.has(free); number++) free = `${id}-${number}`
  return free
}
