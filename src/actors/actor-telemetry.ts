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
  ({ metrics, log }: Telemetry, actorAt: (path: string) => ActorStatus | undefined) =>
  ({ path, event, from, to }: Transition): void => {
    log('debug', 'actor.changed', { path, from, to, by: event })
    // Keepers restart; a machine that they keep (its path ends in #) has backoffs of its own.
    if (path.endsWith(subjectSuffix)) return
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

export const observeKernel =
  ({ log }: Telemetry) =>
  ({ type, ...facts }: KernelEvent): void =>
    log('warn', type, facts)
