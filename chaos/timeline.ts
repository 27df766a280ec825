/** What happened in a run, in order: one JSON line per event, in a file that outlives the run. */
import { appendFileSync } from 'node:fs'

export interface TimelineEvent {
  readonly atMs: number
  readonly what: string
  readonly [field: string]: unknown
}

export class Timeline {
  readonly #file: string
  readonly #print: (line: string) => void
  readonly #startedMs = Date.now()
  readonly events: TimelineEvent[] = []

  constructor(file: string, print: (line: string) => void) {
    this.#file = file
    this.#print = print
  }

  note(what: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const event = { atMs: Date.now(), what, ...fields }
    this.events.push(event)
    appendFileSync(this.#file, `${JSON.stringify(event)}\n`)
    const seconds = ((event.atMs - this.#startedMs) / 1_000).toFixed(1).padStart(6)
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)
    this.#print(`${seconds} s  ${what} ${shown.join(' ')}`.trimEnd())
  }
}
