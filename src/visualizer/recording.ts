/**
 * The history of a system: an episode, and what comes after it while it is live.
 *
 * 1. The state at any time is what folding the frames up to then gives; a part's state before its
 *    first frame is kept, so that no more than one part is folded.
 * 2. Not more than an hour is kept, in whole parts.
 * 3. A frame that is already there, or older, changes nothing.
 */
import { advanced, emptyMoment, frameOf, type Moment } from './moment.ts'
import type {
  Episode,
  LevelChange,
  WatchFrame,
  WatchMachine,
  WatchMark,
  WatchSeries,
  WatchTransition
} from './watch-types.ts'

const partFramesMax = 64
const keptMsMax = 3_600_000

interface Part {
  readonly before: Moment
  readonly frames: WatchFrame[]
}

/** Columns of charts: seconds since 1970, then one column for each series. */
export type Columns = readonly [number[], ...(number | null)[][]]

export class Recording {
  readonly instance: string
  readonly machines: ReadonlyMap<string, WatchMachine>
  readonly series: readonly WatchSeries[]
  readonly #episode: Omit<Episode, 'base' | 'frames'>
  readonly #parts: Part[]
  #now: Moment
  #flat: { readonly seq: number; readonly frames: readonly WatchFrame[] } | undefined

  constructor({ base, frames, ...episode }: Episode) {
    this.#episode = episode
    this.instance = episode.instance
    this.machines = new Map(episode.machines.map((machine) => [machine.id, machine]))
    this.series = episode.series
    this.#now = advanced(emptyMoment, [base])
    this.#parts = [{ before: this.#now, frames: [] }]
    for (let from = 0; from < frames.length; from += partFramesMax) {
      const part = { before: this.#now, frames: frames.slice(from, from + partFramesMax) }
      this.#parts.push(part)
      this.#now = advanced(this.#now, part.frames)
    }
  }

  get now(): Moment {
    return this.#now
  }

  get firstMs(): number {
    return this.#parts[0]!.before.at
  }

  append(frame: WatchFrame): void {
    if (frame.seq <= this.#now.seq) return // (3)
    let part = this.#parts.at(-1)!
    if (part.frames.length === partFramesMax) {
      part = { before: this.#now, frames: [] }
      this.#parts.push(part)
    }
    part.frames.push(frame)
    this.#now = advanced(this.#now, [frame])
    while (this.#parts.length > 1 && this.#parts[1]!.before.at < frame.at - keptMsMax)
      this.#parts.shift() // (2)
  }

  /** As of a time; the first moment, where that is earlier. */
  at(ms: number): Moment {
    const part = this.#parts.findLast(({ before }) => before.at <= ms) ?? this.#parts[0]!
    return advanced(part.before, part.frames.slice(0, countUntil(part.frames, ms)))
  }

  /**
   * The moment at which something is first seen: that of the frame that tells of it. Times of what
   * happened are of clocks that may be some milliseconds apart from that of frames.
   */
  seenAt(told: WatchTransition | LevelChange | WatchMark): number {
    const frame = this.#frames.find(({ transitions, changes, marks }) =>
      [transitions, changes, marks].some((all) => all?.some((it) => it === told))
    )
    return frame?.at ?? this.#now.at
  }

  /** What frames up to a time tell of, oldest first. */
  transitions(untilMs = Infinity): readonly WatchTransition[] {
    return this.#until(untilMs).flatMap(({ transitions = [] }) => transitions)
  }

  changes(untilMs = Infinity): readonly LevelChange[] {
    return this.#until(untilMs).flatMap(({ changes = [] }) => changes)
  }

  marks(): readonly WatchMark[] {
    return this.#frames.flatMap(({ marks = [] }) => marks)
  }

  columns(): Columns {
    const times: number[] = []
    const columns = this.series.map((): (number | null)[] => [])
    for (const { at, sample } of this.#frames) {
      if (sample === undefined) continue
      times.push(at / 1_000)
      for (const [index, column] of columns.entries()) column.push(sample[index] ?? null)
    }
    return [times, ...columns]
  }

  /** All that is kept, to be saved. */
  episode(): Episode {
    return {
      ...this.#episode,
      base: frameOf(this.#parts[0]!.before),
      frames: this.#frames
    }
  }

  #until(ms: number): readonly WatchFrame[] {
    return this.#frames.filter(({ at }) => at <= ms)
  }

  /** Asked for several times for each picture: laid out once for each frame. */
  get #frames(): readonly WatchFrame[] {
    const { seq } = this.#now
    if (this.#flat?.seq !== seq)
      this.#flat = { seq, frames: this.#parts.flatMap(({ frames }) => frames) }
    return this.#flat.frames
  }
}

/** How many of these frames, oldest first, are not later. */
const countUntil = (frames: readonly WatchFrame[], ms: number): number => {
  const later = frames.findIndex(({ at }) => at > ms)
  return later === -1 ? frames.length : later
}
