/**
 * Frames added up: what is known after them. Pure; time comes in the frames.
 *
 * 1. Frames added one by one, joined first, or a base and the frames behind it: the same is known.
 * 2. An actor is its last line, an edge the number of times that it was taken, of `edgesMax` edges
 *    at most; of sample and degradation the last is kept.
 * 3. Joined frames keep the newest `transitionsMax` transitions, and say how many are left out.
 */
import type {
  WatchActor,
  WatchEdgeCount,
  WatchFrame
} from '../../adapters/http/watch-schemas.ts'

/** A frame that has not been given its number yet. */
export type FrameFacts = Omit<WatchFrame, 'seq'>

const edgesMax = 4_096

/** All that frames so far have said. */
export class Folded {
  #last: Pick<WatchFrame, 'seq' | 'at'>
  readonly #actors = new Map<string, WatchActor>()
  readonly #counts = new Map<string, WatchEdgeCount>()
  #sample: WatchFrame['sample']
  #degradation: WatchFrame['degradation']

  constructor(atMs: number) {
    this.#last = { seq: 0, at: atMs }
  }

  get seq(): number {
    return this.#last.seq
  }

  add(frame: WatchFrame): void {
    this.#last = frame
    for (const actor of frame.actors ?? []) this.#actors.set(actor.path, actor)
    for (const path of frame.gone ?? []) this.#actors.delete(path)
    for (const counted of frame.counts ?? []) this.#count(counted, counted.count)
    for (const { path, of, taken } of frame.transitions ?? [])
      for (const edge of taken) this.#count({ path, of, ...edge }, 1)
    this.#sample = frame.sample ?? this.#sample
    this.#degradation = frame.degradation ?? this.#degradation
  }

  /** As a base. */
  frame(): WatchFrame {
    const { seq, at } = this.#last
    return {
      seq,
      at,
      actors: [...this.#actors.values()],
      counts: [...this.#counts.values()],
      ...(this.#sample === undefined ? {} : { sample: this.#sample }),
      ...(this.#degradation === undefined ? {} : { degradation: this.#degradation })
    }
  }

  #count({ path, of, source, event, target }: Counted, count: number): void {
    const key = `${path}\n${of}\n${source}\n${event}\n${target}`
    const known = this.#counts.get(key)
    if (known === undefined && this.#counts.size >= edgesMax) return // (2)
    this.#counts.set(key, { path, of, source, event, target, count: (known?.count ?? 0) + count })
  }
}

type Counted = Omit<WatchEdgeCount, 'count'>

const changesMax = 100
const marksMax = 200

/** Several frames as one, for who has skipped them. */
export const joined = (frames: readonly WatchFrame[], transitionsMax: number): WatchFrame => {
  const actors = new Map<string, WatchActor>()
  const gone = new Set<string>()
  for (const frame of frames) {
    for (const actor of frame.actors ?? []) {
      actors.set(actor.path, actor)
      gone.delete(actor.path)
    }
    for (const path of frame.gone ?? []) {
      actors.delete(path)
      gone.add(path)
    }
  }
  const transitions = frames.flatMap((frame) => frame.transitions ?? [])
  const kept = transitions.slice(Math.max(0, transitions.length - transitionsMax))
  const leftOut =
    transitions.length - kept.length + frames.reduce((sum, it) => sum + (it.left_out ?? 0), 0)
  const changes = frames.flatMap((frame) => frame.changes ?? []).slice(-changesMax)
  const marks = frames.flatMap((frame) => frame.marks ?? []).slice(-marksMax)
  const { seq, at } = frames.at(-1)!
  const sample = frames.findLast((frame) => frame.sample !== undefined)?.sample
  const degradation = frames.findLast((it) => it.degradation !== undefined)?.degradation
  return {
    seq,
    at,
    ...(actors.size === 0 ? {} : { actors: [...actors.values()] }),
    ...(gone.size === 0 ? {} : { gone: [...gone] }),
    ...(kept.length === 0 ? {} : { transitions: kept }),
    ...(leftOut === 0 ? {} : { left_out: leftOut }),
    ...(changes.length === 0 ? {} : { changes }),
    ...(marks.length === 0 ? {} : { marks }),
    ...(sample === undefined ? {} : { sample }),
    ...(degradation === undefined ? {} : { degradation })
  }
}
