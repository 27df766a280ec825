/** What the API needs to show a running K2 to those who watch it. */
import type * as Effect from 'effect/Effect'
import type { ApiFault } from './api-deps.ts'
import type { EpisodeHead, WatchFrame, WatchMachine } from './watch-schemas.ts'

/** Where somebody begins to watch; without `after` now. */
export interface WatchFrom {
  /** Number of the last frame that it has. */
  readonly after: number | undefined
  /** Of the process that gave it; undefined: this one. */
  readonly instance: string | undefined
}

export type ViewerPart =
  /** What it has is of another process, or too old: it begins anew. */
  | { readonly type: 'reset'; readonly instance: string }
  | {
      readonly type: 'frames'
      readonly frames: ReadonlyArray<{ readonly seq: number; readonly text: string }>
    }
  /** Nothing has happened for a while. */
  | { readonly type: 'quiet' }

export interface Viewer {
  /** Waits for it. */
  readonly next: Effect.Effect<ViewerPart>
  readonly close: () => void
}

export interface InspectedMachine {
  readonly view: WatchMachine
  /** As xstate takes it, as JSON: of functions there are the names. */
  readonly definition: string
}

export interface WatchDeps {
  readonly machines: () => readonly WatchMachine[]
  /** By id. */
  readonly inspected: () => ReadonlyMap<string, InspectedMachine>
  /** All actors, as they were told last. */
  readonly current: () => WatchFrame
  readonly history: () => {
    readonly head: EpisodeHead
    readonly base: WatchFrame
    /** JSON, oldest first. */
    readonly frames: readonly string[]
  }
  readonly open: (from: WatchFrom) => Effect.Effect<Viewer, ApiFault>
}
