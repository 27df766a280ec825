/** Log lines and metrics of the actor system itself. */
import { releaseRequest } from '../adapters/http/actors-routes.ts'
import type { Telemetry } from '../adapters/telemetry/telemetry.ts'
import { subjectSuffix, type Transition } from './inspector.ts'
import type { KernelEvent } from './kernel.ts'
import type { ActorStatus } from './status.ts'

/** @param actorAt the line of an actor, to name the crash that it is restarted for */
export const observeTransition =
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
