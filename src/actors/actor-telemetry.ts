/** What is told of the actor system itself. */
import { releaseRequest } from '../adapters/http/actors-routes.ts'
import type { Telemetry } from '../adapters/telemetry/telemetry.ts'
import { type InspectorOptions, subjectSuffix, type Transition } from './inspector.ts'
import type { KernelEvent } from './kernel.ts'
import type { Shared } from './shared.ts'
import type { ActorStatus } from './status.ts'

/**
 * Log, metrics and the journal of those who watch.
 *
 * @param actorAt the line of an actor, to name the crash that it is restarted for
 */
export const observeActors = (
  { telemetry, watch }: Pick<Shared, 'telemetry' | 'watch'>,
  actorAt: (path: string) => ActorStatus | undefined
): NonNullable<InspectorOptions['observe']> => {
  const observed = observeTransition(telemetry, actorAt)
  return (transition, evidence) => {
    watch.saw(transition, evidence)
    observed(transition)
  }
}

const observeTransition =
  ({ metrics, log }: Telemetry, actorAt: (path: string) => ActorStatus | undefined) => {
    const downtime = observeDowntime(metrics)
    return ({ path, event, from, to, atMs }: Transition): void => {
      log('debug', 'actor.changed', { path, from, to, by: event })
      metrics.actorTransitions.inc({ actor: withoutSuffix(path) })
      // Keepers restart; a machine that they keep (its path ends in #) has backoffs of its own.
      if (path.endsWith(subjectSuffix)) return
      downtime({ path, from, to, atMs })
      const crash = () => actorAt(path)?.lastError ?? null
      switch (to) {
        case 'backingOff':
          metrics.actorRestarts.inc({ actor: path })
          log('warn', 'actor.restarting', { path, crash: crash() })
          return
        case 'waiting':
          metrics.actorWaits.inc({ actor: path })
          log('warn', 'actor.waiting', { path, crash: crash() })
          return
        case 'quarantined':
          metrics.actorQuarantines.inc({ actor: path })
          log('error', 'actor.quarantined', {
            path,
            crash: crash(),
            remedy: `${releaseRequest(path)} starts it again`
          })
          return
        default:
      }
    }
  }

const withoutSuffix = (path: string): string =>
  path.endsWith(subjectSuffix) ? path.slice(0, -subjectSuffix.length) : path

const isDown: ReadonlySet<string> = new Set(['backingOff', 'waiting', 'quarantined'])

/** Since when a keeper's actor is down, and whether it is parked. */
const observeDowntime = (metrics: Telemetry['metrics']) => {
  const downSinceMs = new Map<string, number>()
  return ({ path, from, to, atMs }: Omit<Transition, 'event'>): void => {
    if (to === 'quarantined') metrics.actorQuarantined.set({ actor: path }, 1)
    else if (from === 'quarantined') metrics.actorQuarantined.set({ actor: path }, 0)
    const sinceMs = downSinceMs.get(path)
    if (isDown.has(to) && sinceMs === undefined) downSinceMs.set(path, atMs)
    if (to !== 'up.running' || sinceMs === undefined) return
    downSinceMs.delete(path)
    metrics.actorDownSeconds.observe(Math.max(0, atMs - sinceMs) / 1_000)
  }
}

export const observeKernel =
  ({ log }: Telemetry) =>
  ({ type, ...facts }: KernelEvent): void =>
    log('warn', type, facts)
