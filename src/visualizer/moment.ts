/**
 * What a system is at one moment: its state, folded from the frames up to then.
 *
 * The fold is the one definition of what a frame means, for live and for recorded moments alike.
 */
import type {
  WatchActor,
  WatchDegradation,
  WatchEdgeCount,
  WatchFrame,
  WatchTransition
} from './watch-types.ts'

export interface Moment {
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly actors: ReadonlyMap<string, WatchActor>
  readonly degradation: WatchDegradation | null
  /** By key of `edgeKey`: how often each edge was taken since the process began. */
  readonly counts: ReadonlyMap<string, WatchEdgeCount>
}

export const emptyMoment: Moment = {
  seq: -1,
  at: 0,
  actors: new Map(),
  degradation: null,
  counts: new Map()
}

/** The moment after these frames, in order. */
export const advanced = (moment: Moment, frames: Iterable<WatchFrame>): Moment => {
  let { seq, at, degradation } = moment
  const actors = new Map(moment.actors)
  const counts = new Map(moment.counts)
  for (const frame of frames) {
    ;({ seq, at } = frame)
    for (const path of frame.gone ?? []) actors.delete(path)
    for (const actor of frame.actors ?? []) actors.set(actor.path, actor)
    if (frame.degradation !== undefined) ({ degradation } = frame)
    for (const count of frame.counts ?? []) counts.set(edgeKey(count), count)
    for (const transition of frame.transitions ?? []) countTransition(counts, transition)
  }
  return { seq, at, actors, degradation, counts }
}

/** A frame from which this moment comes back. */
export const frameOf = ({ seq, at, actors, degradation, counts }: Moment): WatchFrame => ({
  seq,
  at,
  actors: [...actors.values()],
  counts: [...counts.values()],
  ...(degradation === null ? {} : { degradation })
})

type EdgeName = Omit<WatchEdgeCount, 'count'>

const edgeKey = ({ path, of, source, event, target }: EdgeName): string =>
  JSON.stringify([path, of, source, event, target])

const countTransition = (
  counts: Map<string, WatchEdgeCount>,
  { path, of, taken }: WatchTransition
): void => {
  for (const edge of taken) {
    const name = { path, of, ...edge }
    const key = edgeKey(name)
    counts.set(key, { ...name, count: (counts.get(key)?.count ?? 0) + 1 })
  }
}
