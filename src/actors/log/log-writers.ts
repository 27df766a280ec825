/** Who writes to the log, and what holds it meanwhile: of the group `log`. */
import type { BinanceSocket } from '../../adapters/exchange/binance-socket.ts'
import type { FromEffect } from '../effect-actor.ts'
import type { Kernel } from '../kernel.ts'
import type { PipelineOf } from '../pipeline.ts'
import { makePublisherActor, publisherInput } from '../publisher/publisher-actor.ts'
import type { Shared } from '../shared.ts'
import { type Child, worker } from '../supervisor-actor.ts'
import { spoolProgram } from './spool-actor.ts'

const drainMsMax = 2_000
const onLimit = 'quarantine'

interface LogWriters {
  readonly kernel: Kernel
  readonly fromEffect: FromEffect<BinanceSocket>
  readonly shared: Shared
}

export const logWriters = (options: LogWriters): readonly Child[] => {
  const { fromEffect, shared } = options
  return [
    worker({ id: 'spool', drainMsMax, startMsMax: 60_000 }, fromEffect(spoolProgram(shared))),
    ...(shared.hasRole('ingest')
      ? [
          ...publisher(options, shared.trades),
          ...publisher(options, shared.quotes),
          ...publisher(options, shared.referenceData)
        ]
      : []),
    // Who lands has claims as well: what could not land.
    ...publisher(options, shared.gaps)
  ]
}

/** None for a data type that is not captured. */
const publisher = <In>(
  { kernel, fromEffect, shared }: LogWriters,
  pipeline: PipelineOf<In>
): readonly Child[] =>
  shared.captured.includes(pipeline)
    ? [
        worker(
          {
            id: `publisher:${pipeline.dataType}`,
            drainMsMax,
            ready: 'started',
            input: { ...publisherInput(shared, kernel, pipeline.topic) },
            // Where it is parked, the feed drops what it would have taken.
            ...(pipeline.spec.isSheddable ? { onLimit } : {})
          },
          makePublisherActor(fromEffect, shared, pipeline)
        )
      ]
    : []
