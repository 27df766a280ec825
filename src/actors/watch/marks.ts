/**
 * What stands out in the timeline of actors, out of what their keepers do. Pure: time comes with
 * the transitions.
 *
 * 1. A child that says that it is ready has recovered. One that counts as started at once has when
 *    it has run as long as its keeper asks for: most attempts at a service that is away end sooner.
 * 2. Who waits for a service is marked once, however often it tries.
 */
import type { WatchMark, WatchTransition } from '../../adapters/http/watch-schemas.ts'

export interface KeptFacts {
  readonly lastError: { readonly tag: string; readonly message: string } | null
  readonly upMsMin: number
}

const textCharsMax = 200

export class MarkBook {
  /** Paths of those that wait. */
  readonly #waiting = new Set<string>()
  /** When those that run again are believed, and the mark that says so. */
  readonly #running = new Map<string, { readonly dueMs: number; readonly mark: WatchMark }>()

  /** @param transition of a keeper: what a machine that it keeps does is no fault by itself */
  note(transition: WatchTransition, { lastError, upMsMin }: KeptFacts): readonly WatchMark[] {
    const { at, path, event, from, to } = transition
    if (from === 'up.running') this.#running.delete(path)
    if (to === 'up.running' && lastError !== null) {
      const mark: WatchMark = { at, kind: 'recovered', path, text: `${path} runs again` }
      if (event === 'child.ready') return [this.#recovered(mark)]
      this.#running.set(path, { dueMs: at + upMsMin, mark })
    }
    const kind = event === 'release.requested' && from === 'quarantined' ? 'released' : kinds[to]
    if (kind === undefined || (kind === 'waiting' && this.#waiting.has(path))) return []
    if (kind === 'waiting') this.#waiting.add(path)
    const said = lastError === null ? '' : `: ${lastError.tag}: ${lastError.message}`
    const text = `${path} ${words[kind]}${kind === 'released' ? '' : said}`
    return [{ at, kind, path, text: text.slice(0, textCharsMax) }]
  }

  /** Of those that have run for long enough by now. */
  due(nowMs: number): readonly WatchMark[] {
    const due = [...this.#running.values()].filter(({ dueMs }) => nowMs >= dueMs)
    return due.map(({ mark }) => this.#recovered(mark))
  }

  #recovered(mark: WatchMark): WatchMark {
    this.#running.delete(mark.path!)
    this.#waiting.delete(mark.path!)
    return mark
  }
}

const kinds: Readonly<Record<string, 'crash' | 'waiting' | 'quarantined'>> = {
  backingOff: 'crash',
  waiting: 'waiting',
  quarantined: 'quarantined'
}

const words = {
  crash: 'crashed',
  waiting: 'waits for a service',
  quarantined: 'is quarantined',
  released: 'was released'
}
