/** The publisher of a simulated K2's trades or claims, as `log-writers.ts` starts it. */
import { makePublisherActor, publisherInput } from '../../src/actors/publisher/publisher-actor.ts'
import { type Child, worker } from '../../src/actors/supervisor-actor.ts'
import type { PipelineOf } from '../../src/actors/pipeline.ts'
import type { ComponentContext } from './component.ts'

const drainMsMax = 2_000

export const publisherOf = <In>(
  { shared, kernel, fromEffect, limit }: ComponentContext,
  pipeline: PipelineOf<In>
): Child => {
  const id = `publisher:${pipeline.dataType}`
  const input = { ...publisherInput(shared, kernel, pipeline.topic) }
  return worker(
    { id, drainMsMax, limit, ready: 'started', input },
    makePublisherActor(fromEffect, shared, pipeline)
  )
}
