/** Lines of frames that tests vary. */
import type { WatchActor, WatchTransition } from '../../../src/adapters/http/watch-schemas.ts'

export const actorLine = (path: string, over: Partial<WatchActor> = {}): WatchActor => ({
  path,
  parent: null,
  order: 0,
  machines: { keeper: null, kept: null },
  state: { keeper: null, kept: null },
  tags: [],
  health: 'healthy',
  restarts: 0,
  crashes_in_window: 0,
  restarts_max: null,
  window_seconds: null,
  backoff_until: null,
  since: null,
  queue_bytes: null,
  queue_bytes_max: null,
  messages_per_second: null,
  last_error: null,
  ...over
})

export const transitionLine = (over: Partial<WatchTransition>): WatchTransition => {
  const { from = 'a', event = 'go', to = 'b' } = over
  return {
    at: 0,
    path: 'root',
    of: 'kept',
    machine: 'm',
    event,
    from,
    to,
    taken: [{ source: from, event, target: to }],
    guards: [],
    actions: [],
    detail: null,
    ...over
  }
}
