/** What the API asks of the journal, and what it tells it. */
import type { ApiDeps, HttpEvent } from '../../adapters/http/api-deps.ts'
import type { Shared } from '../shared.ts'
import { seriesOf } from './series.ts'

export const watchDeps = ({ watch, nowMs }: Shared, version: string): ApiDeps['watch'] => ({
  machines: () => watch.machines.views,
  inspected: () => watch.machines.inspected,
  current: () => ({ seq: watch.journal.seq, at: nowMs(), actors: watch.lines() }),
  history: () => ({
    head: {
      version: 2,
      k2_version: version,
      instance: watch.instance,
      started_at: watch.startedMs,
      machines: watch.machines.views,
      series: seriesOf
    },
    base: watch.journal.base(),
    frames: watch.journal.frames.map(({ text }) => text)
  }),
  open: (from) => watch.viewers.open(watch, from)
})

/** Requests are counted; what an operator has changed is a mark. */
export const noteRequest = ({ watch, nowMs }: Shared, event: HttpEvent): void => {
  const at = nowMs()
  if (event.type === 'http.request_finished') {
    const { durationMs, query } = event
    watch.requests.note({ atMs: at, durationMs, isQuery: query !== undefined })
  }
  if (event.type !== 'http.admin_action' || event.status >= 400) return
  const { method, path, caller, address, reason } = event
  const isInjected = path === '/v1/system/pressure' && method === 'POST'
  const who = `${caller ?? 'somebody without a key'} at ${address}`
  watch.mark({
    at,
    kind: isInjected ? 'injected' : 'operator',
    path: null,
    text: `${method} ${path} by ${who}${reason === undefined ? '' : `: ${reason}`}`.slice(0, 300)
  })
}
