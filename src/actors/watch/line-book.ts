/**
 * Which lines of actors are new, of what was said of them last.
 *
 * 1. A change of state is said at once; numbers alone at most every `numbersMs`.
 * 2. Rates are of `numbersMs` at least, and rough: what hardly changes is not said again.
 */
import type { WatchActor } from '../../adapters/http/watch-schemas.ts'
import type { LiveActor } from './actor-lines.ts'

const numbersMs = 5_000

interface Told {
  line: WatchActor
  toldMs: number
  messages: number
  countedMs: number
  rate: number | null
}

export class LineBook {
  readonly #told = new Map<string, Told>()

  /** As they were told last. */
  get lines(): readonly WatchActor[] {
    return [...this.#told.values()].map(({ line }) => line)
  }

  changes(
    actors: readonly LiveActor[],
    atMs: number
  ): { readonly actors: readonly WatchActor[]; readonly gone: readonly string[] } {
    const changed: WatchActor[] = []
    const met = new Set<string>()
    for (const actor of actors) {
      met.add(actor.line.path)
      const line = this.#changed(actor, atMs)
      if (line !== undefined) changed.push(line)
    }
    const gone = [...this.#told.keys()].filter((path) => !met.has(path))
    for (const path of gone) this.#told.delete(path)
    return { actors: changed, gone }
  }

  #changed({ line: live, messages }: LiveActor, atMs: number): WatchActor | undefined {
    const told = this.#told.get(live.path)
    if (told === undefined) {
      this.#told.set(live.path, {
        line: live,
        toldMs: atMs,
        messages,
        countedMs: atMs,
        rate: null
      })
      return live
    }
    if (atMs - told.countedMs >= numbersMs) {
      const seconds = (atMs - told.countedMs) / 1_000
      told.rate = rough(Math.max(0, messages - told.messages) / seconds) // (2)
      told.messages = messages
      told.countedMs = atMs
    }
    const line = { ...live, queue_bytes: roughly(live.queue_bytes), messages_per_second: told.rate }
    const isSameState = sameState(told.line, line)
    const isSame = isSameState && sameNumbers(told.line, line)
    if (isSame || (isSameState && atMs - told.toldMs < numbersMs)) return undefined // (1)
    told.line = line
    told.toldMs = atMs
    return line
  }
}

const sameState = (one: WatchActor, other: WatchActor): boolean =>
  one.state.keeper === other.state.keeper &&
  one.state.kept === other.state.kept &&
  one.machines.keeper === other.machines.keeper &&
  one.machines.kept === other.machines.kept &&
  one.health === other.health &&
  one.order === other.order &&
  one.restarts === other.restarts &&
  one.crashes_in_window === other.crashes_in_window &&
  one.backoff_until === other.backoff_until &&
  one.since === other.since &&
  one.last_error?.message === other.last_error?.message &&
  one.last_error?.tag === other.last_error?.tag &&
  one.tags.join() === other.tags.join()

const sameNumbers = (one: WatchActor, other: WatchActor): boolean =>
  one.queue_bytes === other.queue_bytes &&
  one.queue_bytes_max === other.queue_bytes_max &&
  one.messages_per_second === other.messages_per_second

/** Two digits that count. */
const rough = (value: number): number => Number(value.toPrecision(2))
const roughly = (value: number | null): number | null => (value === null ? null : rough(value))
