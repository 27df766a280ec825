/**
 * A replay: the records of a table and its tail in the order of time, as blocks of text, and then,
 * where that is asked for, those that come.
 *
 * 1. What is replayed is one view of the log, pinned at the beginning: a row of it is sent once,
 *    wherever it lies when its turn comes, and no other before the replay is complete.
 * 2. Live rows are those of each later view that the view before does not have: no gap, no repeat
 *    at the seam, nor at any later one.
 * 3. Two slices of a replay are in memory at most, one that is being sent and the next one, each of
 *    some MiB: nothing else is read while a block waits. What is sent at once has a MiB or so where
 *    it comes from files, and some MiB where the tail has rows of it, however time is filled.
 * 4. It ends with a failure where a row of the view can be had no more, never silently.
 */
import * as Effect from 'effect/Effect'
import { NotFollowed, type ReplayFault } from './replay-faults.ts'
import { ReplayPin } from './replay-pin.ts'
import {
  idleMs,
  ReplayReader,
  type ReplayPorts,
  type ReplayRequest,
  type Sent
} from './replay-reader.ts'
import { knownSequenceOf } from './replay-span.ts'
import type { RecordsView } from './query-ports.ts'
import { furtherView, isSameView } from './records-view.ts'

export type ReplayPart =
  | { readonly type: 'rows'; readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number }
  /** Nothing came for a while, or is not due yet. */
  | { readonly type: 'idle' }
  /** All of the pinned view has been sent; with `isLive` others follow. */
  | {
      readonly type: 'completed'
      readonly count: number
      readonly snapshotId: string | null
      /** What could not be looked at, in words. */
      readonly missing: readonly string[]
    }

export interface ReplaySink {
  /** It can be read: what follows are parts. */
  readonly opened: () => void
  /** Ends when the part is taken (3). */
  readonly emit: (part: ReplayPart) => Effect.Effect<void>
}

export interface ReplayQuery<E> {
  /** Until all is sent, which with `isLive` is never. */
  readonly run: (
    request: ReplayRequest,
    sink: ReplaySink
  ) => Effect.Effect<void, E | ReplayFault>
}

const liveRestMs = 50

export const makeReplayQuery = <PlanError, EngineError>(
  ports: ReplayPorts<PlanError, EngineError>
): ReplayQuery<PlanError | EngineError> => ({
  run: (request, sink) =>
    Effect.acquireUseRelease(
      Effect.sync(() => new ReplayPin(ports.planner, request.filter, ports.clock)),
      (pin) => Effect.raceFirst(replay(ports, request, sink, pin), pin.sweeping),
      (pin) => Effect.sync(() => pin.release())
    )
})

const replay = <PlanError, EngineError>(
  ports: ReplayPorts<PlanError, EngineError>,
  request: ReplayRequest,
  sink: ReplaySink,
  pin: ReplayPin<PlanError>
) =>
  Effect.gen(function* () {
    const lease = yield* pin.current
    if (request.isLive && !lease.beyond.isFollowed) yield* new NotFollowed()
    sink.opened()
    const taker = {
      rows: ({ bytes, count }: Sent) => sink.emit({ type: 'rows', bytes, count }),
      idle: sink.emit({ type: 'idle' })
    }
    const reader = new ReplayReader(ports, request, taker, pin)
    const { snapshotId, beyond } = lease
    const { missing, view: to } = beyond
    const knownSequence = knownSequenceOf(lease, to)
    yield* reader.send({ since: undefined, to, knownSequence }, lease)
    yield* sink.emit({ type: 'completed', count: reader.count, snapshotId, missing })
    if (request.isLive) yield* follow(reader, { view: to, knownSequence })
  })

/** (2) */
const follow = <PlanError, EngineError>(
  reader: ReplayReader<PlanError, EngineError>,
  begin: { readonly view: RecordsView; readonly knownSequence: number }
) =>
  Effect.gen(function* () {
    const { pin, ports, taker } = reader
    let { view, knownSequence } = begin
    let quietMs = 0
    reader.pace = undefined
    for (;;) {
      const sent = reader.count
      const lease = yield* pin.renewed
      const to = lease.beyond.isFollowed ? furtherView(view, lease.beyond.view) : view
      if (!isSameView(view, to)) {
        yield* reader.send({ since: view, to, knownSequence }, lease)
        knownSequence = Math.max(knownSequence, knownSequenceOf(lease, to))
        view = to
      }
      pin.release()
      quietMs = reader.count > sent ? 0 : quietMs + liveRestMs
      if (quietMs >= idleMs) {
        yield* taker.idle
        quietMs = 0
      }
      yield* ports.clock.sleep(liveRestMs)
    }
  })
