/**
 * The replays of a process: so many at a time, each of which may last for days.
 *
 * 1. One is counted from when it is asked for to when its work has ended, however that came.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type { ReplayFault } from '../../adapters/query/replay-faults.ts'
import type { ReplayQuery, ReplaySink } from '../../adapters/query/replay-query.ts'
import type { ReplayRequest } from '../../adapters/query/replay-reader.ts'
import type { StreamedDataType } from '../../market/data-type.ts'

class ReplaysBusy extends Schema.TaggedError<ReplaysBusy>()('ReplaysBusy', {
  replaysMax: Schema.Number
}) {
  override get message() {
    return `${this.replaysMax} replays run already (K2_REPLAYS_MAX)`
  }
}

export interface Replays<E> {
  /** Replays that run now. */
  readonly running: () => number
  readonly run: (
    request: ReplayRequest & { readonly dataType: StreamedDataType },
    sink: ReplaySink
  ) => Effect.Effect<void, E>
}

export const makeReplays = <E>(
  queries: Readonly<Record<StreamedDataType, ReplayQuery<E>>>,
  replaysMax: number
): Replays<E | ReplaysBusy | ReplayFault> => {
  let running = 0
  const admit = Effect.suspend(() => {
    if (running >= replaysMax) return Effect.fail(new ReplaysBusy({ replaysMax }))
    running++
    return Effect.void
  })
  return {
    running: () => running,
    run: ({ dataType, ...request }, sink) =>
      Effect.acquireUseRelease(
        admit,
        () => queries[dataType].run(request, sink),
        () => Effect.sync(() => void running--)
      )
  }
}
