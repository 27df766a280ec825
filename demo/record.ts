/** What a demonstration has seen, as plain data: report, view and verdict are made of it alone. */

export const levels = ['normal', 'soft', 'graceful', 'aggressive', 'circuitBreak'] as const

export type Level = (typeof levels)[number]

export type Variant = 'kafka' | 'embedded'

/** A signal of pressure, as `/v1/system/degradation` says it. */
export interface SignalSeen {
  readonly name: string
  readonly value: number
  /** It could not be measured of late. */
  readonly isStale: boolean
  /** In the unit of the value; null where it has no such level. */
  readonly enter: readonly (number | null)[]
  readonly unit: string
}

/** One look at K2 and the exchange, from outside. What nobody answered is null. */
export interface Sample {
  readonly atMs: number
  readonly level: Level | null
  readonly signals: readonly SignalSeen[]
  /** Totals since the start of the market. */
  readonly issued: number | null
  readonly issuedTier1: number | null
  /** Of K2's present process; what it has taken in, published or spooled, landed, and so on. */
  readonly k2: K2Counts | null
  /** How long a query of the newest trades took, ms; null where it had no answer. */
  readonly queryMs: number | null
}

export interface K2Counts {
  readonly published: number
  readonly spooled: number
  readonly landed: number
  readonly shed: number
  readonly healed: number
  readonly pendingTrades: number
  readonly openGaps: number
  readonly residentBytes: number
  readonly spoolBytes: number
  readonly spoolRecords: number
}

/** A change of the level, as K2's history says it. */
export interface Transition {
  readonly atMs: number
  readonly kind: string
  readonly from: Level
  readonly to: Level
  readonly signal: string | null
  readonly reason: string
  readonly action: string
}

const markKinds = ['act', 'fault', 'mended', 'seen'] as const

/** Something that the demonstration did or saw. */
export interface Mark {
  readonly atMs: number
  readonly kind: (typeof markKinds)[number]
  readonly text: string
}

/** What was found by holding the table against the exchange's own record. */
export interface Found {
  readonly issued: number
  readonly landed: number
  readonly lost: number
  readonly duplicate: number
  readonly wrong: number
  /** Before K2 had connected for the first time; no part of what is promised. */
  readonly beforeFirst: number
  readonly examples: readonly string[]
}

/** Moments of the run, as far as it came. */
interface Moments {
  floodMs?: number
  floodEndMs?: number
  killedMs?: number
  restartedMs?: number
  /** Back at normal for the first time after the flood, with the log back. */
  stableMs?: number
  /** Nothing is missing any more. */
  healedMs?: number
  judgedMs?: number
}

type Ending =
  | { readonly type: 'running' }
  | { readonly type: 'finished' }
  /** Broken off, by whom or what. */
  | { readonly type: 'broken_off'; readonly why: string }

export interface DemoRecord {
  readonly variant: Variant
  readonly seed: number
  readonly isFast: boolean
  readonly startedMs: number
  endedMs: number | undefined
  ending: Ending
  /** The act that is on. */
  act: string
  readonly moments: Moments
  readonly samples: Sample[]
  readonly transitions: Transition[]
  readonly marks: Mark[]
  /** What lands per second at most, as measured, and the bytes of the line that bound it. */
  capacity: { readonly perSecond: number; readonly lineBytesPerSecond: number } | undefined
  /** Trades per second by tier: at ease, and in the flood. */
  rates: { readonly calm: TierRates; readonly flood: TierRates } | undefined
  /** Of K2's memory, bytes. */
  memoryBytesMax: number | undefined
  /** Weight per minute that the exchange announced, and what a request for 1,000 trades weighs. */
  venue: { readonly weightLimit: number; readonly shed: number } | undefined
  /** Gaps in the ledger of tier 1 with the reason `shed`; undefined while nobody looked. */
  tier1ShedGaps: number | undefined
  /** Ends of processes that nobody asked for. */
  readonly unexpectedEnds: string[]
  /** File beside the report that the page of K2 opens; undefined where none could be kept. */
  episodeFile: string | undefined
  found: Found | undefined
}

export interface TierRates {
  readonly 1: number
  readonly 2: number
  readonly 3: number
}

export const totalOf = (rates: TierRates): number => rates[1] + rates[2] + rates[3]

/** In use, as K2 measures its pressure: over all threads and DuckDB; null where it did not say. */
export const memoryOf = ({ signals }: Sample): number | null =>
  signals.find(({ name }) => name === 'memory')?.value ?? null

export const newRecord = (
  options: Pick<DemoRecord, 'variant' | 'seed' | 'isFast' | 'startedMs'>
): DemoRecord => ({
  ...options,
  endedMs: undefined,
  ending: { type: 'running' },
  act: 'setting up',
  moments: {},
  samples: [],
  transitions: [],
  marks: [],
  capacity: undefined,
  rates: undefined,
  memoryBytesMax: undefined,
  venue: undefined,
  tier1ShedGaps: undefined,
  unexpectedEnds: [],
  episodeFile: undefined,
  found: undefined
})
