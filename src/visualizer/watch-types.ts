/** What a running K2 tells of itself: `/v1/system/machines`, `/v1/system/history`, `…/watch`. */

export interface WatchEdge {
  readonly event: string
  readonly kind: 'event' | 'after' | 'always' | 'done' | 'error'
  readonly delay: string | null
  readonly guard: string | null
  /** Dotted path; null: stays. */
  readonly target: string | null
  readonly actions: readonly string[]
}

export interface WatchState {
  readonly key: string
  /** Dotted, relative to the root, whose path is empty. */
  readonly path: string
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'
  readonly initial: string | null
  readonly tags: readonly string[]
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  readonly invoke: readonly string[]
  readonly edges: readonly WatchEdge[]
  readonly states: readonly WatchState[]
}

export interface WatchMachine {
  readonly id: string
  readonly root: WatchState
}

type Health = 'healthy' | 'degraded' | 'unavailable' | 'quarantined' | 'ended'

export interface WatchActor {
  readonly path: string
  readonly parent: string | null
  readonly order: number
  readonly machines: { readonly keeper: string | null; readonly kept: string | null }
  readonly state: { readonly keeper: string | null; readonly kept: string | null }
  readonly tags: readonly string[]
  readonly health: Health
  readonly restarts: number
  readonly crashes_in_window: number
  readonly restarts_max: number | null
  readonly window_seconds: number | null
  readonly backoff_until: number | null
  readonly since: number | null
  readonly queue_bytes: number | null
  readonly queue_bytes_max: number | null
  readonly messages_per_second: number | null
  readonly last_error: { readonly tag: string; readonly message: string } | null
}

export interface WatchTransition {
  readonly at: number
  readonly path: string
  readonly of: 'keeper' | 'kept'
  readonly machine: string | null
  readonly event: string
  readonly from: string
  readonly to: string
  readonly guards: ReadonlyArray<{
    readonly guard: string
    readonly target: string | null
    readonly result: boolean
  }>
  readonly actions: readonly string[]
  readonly detail: string | null
}

export interface WatchMark {
  readonly at: number
  readonly kind:
    | 'crash'
    | 'waiting'
    | 'recovered'
    | 'quarantined'
    | 'released'
    | 'operator'
    | 'injected'
  readonly path: string | null
  readonly text: string
}

export interface WatchEdgeCount {
  readonly path: string
  readonly of: 'keeper' | 'kept'
  readonly from: string
  readonly event: string
  readonly to: string
  readonly count: number
}

export interface LevelChange {
  readonly at: string
  readonly scope: 'all' | 'quotes'
  readonly kind: string
  readonly from: string
  readonly to: string
  readonly signal: string | null
  readonly value: number | null
  readonly limit: number | null
  readonly unit: string | null
  readonly threshold: number | null
  readonly dwell_seconds: number | null
  readonly cooldown_seconds: number
  readonly action: string
  readonly reason: string
}

export interface Signal {
  readonly signal: string
  readonly data_type?: string
  readonly value: number | null
  readonly limit: number | null
  readonly unit: string
  readonly age_seconds: number | null
  readonly state: 'fresh' | 'stale' | 'unknown'
  readonly level: string
  readonly marks: {
    readonly enter: ReadonlyArray<number | null>
    readonly leave: ReadonlyArray<number | null>
  }
}

export interface Degradation {
  readonly level: string | null
  readonly quotes_level: string | null
  readonly since: string | null
  readonly cooldown: {
    readonly seconds: number
    readonly configured_seconds: number
    readonly until: string | null
  } | null
  readonly injected: { readonly value: number; readonly expires: string | null } | null
  readonly signals: readonly Signal[]
}

export interface WatchFrame {
  readonly seq: number
  readonly at: number
  readonly actors?: readonly WatchActor[]
  readonly gone?: readonly string[]
  readonly transitions?: readonly WatchTransition[]
  readonly changes?: readonly LevelChange[]
  readonly marks?: readonly WatchMark[]
  readonly counts?: readonly WatchEdgeCount[]
  readonly sample?: ReadonlyArray<number | null>
  readonly degradation?: Degradation
}

export interface WatchSeries {
  readonly name: string
  readonly label: string
  readonly unit: string
}

export interface Episode {
  readonly version: 1
  readonly k2_version: string
  readonly instance: string
  readonly started_at: number
  readonly machines: readonly WatchMachine[]
  readonly series: readonly WatchSeries[]
  readonly base: WatchFrame
  readonly frames: readonly WatchFrame[]
}
