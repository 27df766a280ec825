/** Whether K2 answers, and whether trades come in: what the presenter is warned of. */
import { setTimeout as delay } from 'node:timers/promises'
import { metricOf } from '../show/answers.ts'

export interface K2State {
  /** `cut`: it answers, but no feed is connected. */
  readonly state: 'live' | 'cut' | 'silent'
  /** In words. */
  readonly detail: string
  readonly sinceMs: number
}

const everyMs = 500
/** A page that takes longer is no page to be shown. */
const answerMsMax = 2_000

export class K2Watch {
  readonly #url: () => string
  readonly #stop = new AbortController()
  #now: K2State

  constructor(url: () => string) {
    this.#url = url
    this.#now = { state: 'silent', detail: 'it was not looked yet', sinceMs: Date.now() }
    void this.#watch()
  }

  get now(): K2State {
    return this.#now
  }

  close(): void {
    this.#stop.abort()
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const { state, detail } = await stateOf(this.#url(), signal)
      const sinceMs = state === this.#now.state ? this.#now.sinceMs : Date.now()
      this.#now = { state, detail, sinceMs }
      await delay(everyMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

const stateOf = async (
  url: string,
  stop: AbortSignal
): Promise<Pick<K2State, 'state' | 'detail'>> => {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(answerMsMax)])
  const headers: Record<string, string> = {}
  const key = process.env['K2_API_KEY']
  if (key !== undefined) headers['x-api-key'] = key
  try {
    const response = await fetch(`${url}/metrics`, { headers, signal })
    const text = await response.text()
    if (!response.ok) return { state: 'silent', detail: `it answers ${response.status}` }
    return metricOf(text, 'k2_feed_connected') === 0
      ? { state: 'cut', detail: 'no feed is connected to the exchange' }
      : { state: 'live', detail: 'it answers' }
  } catch (error) {
    const { message, cause } = error as Error
    return { state: 'silent', detail: cause instanceof Error ? cause.message : message }
  }
}
