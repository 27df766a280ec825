/**
 * Lets a module in the same process watch the actor system: every inspection event, published on a
 * channel of `node:diagnostics_channel`. Such a module is loaded by `node --import`.
 *
 *  1. While nobody has subscribed an event costs one check.
 *  2. A subscriber that throws reaches no actor: Node reports it as an uncaught exception later.
 */
import { channel } from 'node:diagnostics_channel'
import type { InspectionEvent } from 'xstate'

export const inspectionChannel = 'k2.inspection'

type Inspect = (event: InspectionEvent) => void

/** An observer for `createActor` that serves K2's own first, then whoever watches. */
export const watchable = (inspect: Inspect): Inspect => {
  const watchers = channel(inspectionChannel)
  return (event) => {
    inspect(event)
    if (watchers.hasSubscribers) watchers.publish(event)
  }
}
