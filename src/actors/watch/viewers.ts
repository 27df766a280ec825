/**
 * Those who watch: each has a place in the journal, and nothing else that grows.
 *
 * 1. At most `viewersMax`; one that takes nothing for `idleMsMax` gives its place up to others.
 * 2. Who begins in the past gets every frame from there; who then falls behind by more than
 *    `behindMax` gets what it missed as one, and where the journal has it no more a reset.
 * 3. No frame comes twice, and none is missing between two that come.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { Viewer, ViewerPart, WatchFrom } from '../../adapters/http/watch-deps.ts'
import type { Journal } from './journal.ts'

const viewersMax = 64
const idleMsMax = 120_000
const behindMax = 20
/** Of frames that go out at once. */
const partBytesMax = 256 * 1_024
const transitionsMax = 500
/** After so long without a frame a viewer is told that it is not forgotten. */
const quietMs = 10_000

class TooManyViewers extends Schema.TaggedError<TooManyViewers>()('TooManyViewers', {
  viewersMax: Schema.Number
}) {
  override get message() {
    return `${this.viewersMax} connections watch already`
  }
}

interface Watched {
  readonly instance: string
  readonly journal: Journal
  readonly changed: Effect.Effect<void>
}

interface Place {
  seq: number
  takenMs: number
  isReset: boolean
  /** It was at the newest frame once (2). */
  isCurrent: boolean
}

export class Viewers {
  readonly #places = new Set<Place>()
  readonly #monotonicMs: () => number

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs
  }

  get count(): number {
    return this.#places.size
  }

  open(watched: Watched, from: WatchFrom): Effect.Effect<Viewer, TooManyViewers> {
    return Effect.suspend(() => {
      this.#forgetIdle()
      if (this.#places.size >= viewersMax) return Effect.fail(new TooManyViewers({ viewersMax }))
      const place = placeOf(watched, from, this.#monotonicMs())
      this.#places.add(place)
      return Effect.succeed({
        next: this.#next(watched, place),
        close: () => void this.#places.delete(place)
      })
    })
  }

  #next(watched: Watched, place: Place): Effect.Effect<ViewerPart> {
    const next: Effect.Effect<ViewerPart> = Effect.suspend(() => {
      place.takenMs = this.#monotonicMs()
      const part = partFor(watched, place)
      return part === undefined
        ? Effect.andThen(watched.changed, next)
        : Effect.succeed(part)
    })
    const quiet: Effect.Effect<ViewerPart> = Effect.succeed({ type: 'quiet' })
    return Effect.timeoutOrElse(next, { duration: quietMs, orElse: () => quiet })
  }

  /** (1) */
  #forgetIdle(): void {
    const nowMs = this.#monotonicMs()
    for (const place of this.#places)
      if (nowMs - place.takenMs > idleMsMax) this.#places.delete(place)
  }
}

const placeOf = (
  { instance, journal }: Watched,
  { after, instance: known }: WatchFrom,
  takenMs: number
): Place => {
  const isKnown = after === undefined || (after <= journal.seq && after >= journal.baseSeq)
  const isReset = !isKnown || (known !== undefined && known !== instance)
  const seq = isReset ? journal.seq : (after ?? journal.seq)
  return { seq, takenMs, isReset, isCurrent: seq === journal.seq }
}

/** Undefined: there is nothing new. */
const partFor = ({ instance, journal }: Watched, place: Place): ViewerPart | undefined => {
  const isLost = place.seq < journal.baseSeq
  if (place.isReset || isLost) {
    place.isReset = false
    place.seq = isLost ? journal.seq : place.seq
    return { type: 'reset', instance }
  }
  if (place.seq === journal.seq) return undefined
  const isBehind = place.isCurrent && journal.seq - place.seq > behindMax
  const frames = isBehind
    ? [journal.joinedAfter(place.seq, transitionsMax)]
    : journal.after(place.seq, partBytesMax)
  place.seq = frames.at(-1)!.seq
  place.isCurrent ||= place.seq === journal.seq
  return { type: 'frames', frames }
}
