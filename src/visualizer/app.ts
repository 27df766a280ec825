/** What the page shows at the moment, and how it is changed; views read it and call its methods. */
import type { Link } from './connection.ts'
import type { PlacedChart } from './chart-layout.ts'
import type { Moment } from './moment.ts'
import type { Recording } from './recording.ts'
import type { LevelChange, WatchTransition } from './watch-types.ts'

export type View = 'system' | 'data'

/** One thing that happened: a level that changed, or a machine's state. */
export type Happening =
  | { readonly kind: 'level'; readonly at: number; readonly change: LevelChange }
  | { readonly kind: 'state'; readonly at: number; readonly transition: WatchTransition }

export const toldOf = (it: Happening): WatchTransition | LevelChange =>
  it.kind === 'level' ? it.change : it.transition

export const managerPath = 'root/degradation/manager'

/** No frame for so long, while there is one a second, and what is shown is stale. */
const staleMsMin = 3_000

export class App {
  link: Link = { state: 'loading' }
  /** Of the server that this page came from. */
  live: Recording | undefined
  /** From a file, shown in place of the live one. */
  opened: { readonly name: string; readonly recording: Recording } | undefined
  view: View = 'system'
  /** Of which actor the statechart is shown; its keeper's where `isKeeper`. */
  selected = managerPath
  isKeeper = false
  chosen: Happening | undefined
  /** Whether only what happened to the selected actor is listed. */
  isFiltered = false
  /** Whether what happens again and again is listed, too. */
  hasRoutine = false
  isHelpOpen = false
  /** Whether another key is to be given. */
  isKeyAsked = false
  chart: PlacedChart | undefined
  notice = ''
  lastFrameMs = 0
  readonly #onChange: () => void
  #scrubMs: number | undefined
  #moment: { readonly key: string; readonly moment: Moment } | undefined

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get recording(): Recording | undefined {
    return this.opened?.recording ?? this.live
  }

  /** Of an earlier moment; undefined: the newest is shown, as it goes on. */
  get scrubMs(): number | undefined {
    return this.#scrubMs
  }

  get isLive(): boolean {
    return this.#scrubMs === undefined && this.opened === undefined
  }

  /** How long nothing has come, where something should have. */
  get staleMs(): number {
    const age = Date.now() - this.lastFrameMs
    return this.opened === undefined && this.live !== undefined && age > staleMsMin ? age : 0
  }

  get moment(): Moment | undefined {
    const { recording } = this
    if (recording === undefined) return undefined
    const ms = this.#scrubMs
    if (ms === undefined) return recording.now
    const key = `${recording.instance} ${ms} ${this.opened?.name ?? ''}`
    if (this.#moment?.key !== key) this.#moment = { key, moment: recording.at(ms) }
    return this.#moment.moment
  }

  /** Newest first, not later than what is shown. */
  happenings(): readonly Happening[] {
    const untilMs = this.#scrubMs ?? Infinity
    const { recording } = this
    if (recording === undefined) return []
    const states = recording
      .transitions(untilMs)
      .map((transition) => ({ kind: 'state' as const, at: transition.at, transition }))
    const levels = recording
      .changes(untilMs)
      .map((change) => ({ kind: 'level' as const, at: Date.parse(change.at), change }))
    return [...states, ...levels].sort((one, other) => other.at - one.at)
  }

  /** Changes fields and shows it. */
  set(change: Partial<Omit<App, 'scrubMs'>>): void {
    Object.assign(this, change)
    this.#onChange()
  }

  /** Shows a moment; one at or after the newest is the newest. */
  scrub(ms: number | undefined): void {
    const { recording } = this
    if (recording === undefined) return
    this.#scrubMs =
      ms === undefined || ms >= recording.now.at ? undefined : Math.max(ms, recording.firstMs)
    this.#onChange()
  }

  /** Shows what happened, and the moment when it was seen. */
  show(happening: Happening): void {
    this.chosen = happening
    this.scrub(this.recording?.seenAt(toldOf(happening)))
  }

  /** Back to what is now. */
  goLive(): void {
    this.#scrubMs = undefined
    this.opened = undefined
    this.#onChange()
  }

  open(name: string, recording: Recording): void {
    this.#scrubMs = undefined
    this.opened = { name, recording }
    this.chosen = undefined
    this.#onChange()
  }
}
