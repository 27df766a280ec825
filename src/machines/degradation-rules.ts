/**
 * What the degradation machine knows, and what a sample makes of it. Pure: `sampledContext` is the
 * whole step, and the machine's states are the level that it leads to.
 */
import { type Climbed, climb, type Judged, type Ladder, ladderAt } from './degradation-ladder.ts'
import {
  type CommandedShares,
  commandedAt,
  isSamePolicy,
  quotesRankOf
} from './commanded-policy.ts'
import { type IngestPolicy, type Level, levels, policyOf } from './ingest-policy.ts'
import { changeOf, type LevelChange } from './level-change.ts'
import { type Ramp, sharesOf } from './policy-ramp.ts'
import {
  type MarksBySignal,
  nameOf,
  type Rank,
  type Reading,
  type Signal,
  type SignalKey
} from './pressure-marks.ts'
import { noTrend, type Trend, trendAfter } from './pressure-trends.ts'

/** Plain JSON. */
export interface DegradationInput {
  /** What this process can measure; what is not named here is absent, and ignored (R33). */
  readonly signals: readonly SignalKey[]
  readonly marks: MarksBySignal
  readonly cooldownMs: number
  readonly ramp: Ramp
  /** A lag that is above all that it was for so long is rising (R25). */
  readonly lagTrendMs: number
}

/** What was commanded before a restart. */
export interface Held {
  readonly policy: IngestPolicy
  /** Of the quotes' own ladder. */
  readonly quotesLevel: Level
}

export interface DegradationContext extends DegradationInput {
  readonly process: Ladder
  /** Of quotes alone; what holds for them is the worse of both. */
  readonly quotes: Ladder
  readonly trends: Readonly<Record<string, Trend>>
  readonly readings: readonly Reading[]
  readonly shares: CommandedShares
  /** Null before the first sample. */
  readonly policy: IngestPolicy | null
  /** Of the newest sample. */
  readonly changes: readonly LevelChange[]
  /** The newest changes, oldest first. */
  readonly history: readonly LevelChange[]
}

export interface Sample {
  readonly atMs: number
  readonly readings: readonly Reading[]
  readonly held?: Held
}

export const historyMax = 200

export const initialContext = (input: DegradationInput): DegradationContext => ({
  ...input,
  process: ladderAt(0),
  quotes: ladderAt(0),
  trends: {},
  readings: [],
  shares: sharesFrom(policyOf('normal')),
  policy: null,
  changes: [],
  history: []
})

export const isRankAfter = (context: DegradationContext, sample: Sample, level: Level): boolean =>
  levels[sampledContext(context, sample).process.rank] === level

export const sampledContext = (
  before: DegradationContext,
  sample: Sample
): DegradationContext => {
  const context = before.policy === null && sample.held ? resumed(before, sample.held) : before
  const { atMs } = sample
  const readings = context.signals.map((key) => readingOf(key, sample.readings))
  const trends = trendsAfter(context, readings, atMs)
  const judged = (acts: (key: SignalKey) => boolean) =>
    readings.filter(acts).map((reading): Judged => {
      const marks = context.marks[reading.signal]
      // A signal without any marks is switched off.
      const isHolding = reading.signal !== 'resident' && marks.leave.some((it) => it !== null)
      return { reading, marks, raisesTo: trends[nameOf(reading)]!.raisesTo, isHolding }
    })
  const process = climb(context.process, judged(actsOnAll), atMs, context.cooldownMs)
  const quotes = climb(context.quotes, judged(actsOnQuotes), atMs, context.cooldownMs)
  const { policy, shares } = commandedAt(context.shares, {
    rank: process.ladder.rank,
    quotesRank: quotes.ladder.rank,
    rankOf: (signal) => worstRank(context.signals, trends, signal),
    atMs,
    ramp: context.ramp
  })
  const changes = [
    ...changesOf(process, 'all', atMs, context.cooldownMs),
    ...changesOf(quotes, 'quotes', atMs, context.cooldownMs)
  ]
  return {
    ...context,
    process: process.ladder,
    quotes: quotes.ladder,
    trends,
    readings,
    shares,
    policy: context.policy !== null && isSamePolicy(context.policy, policy)
      ? context.policy
      : policy,
    changes,
    history: [...context.history, ...changes].slice(-historyMax)
  }
}

/** The level that quotes are taken by. */
export const quotesLevelOf = ({ process, quotes }: DegradationContext): Level =>
  levels[quotesRankOf({ rank: process.rank, quotesRank: quotes.rank })]

/** Until a recovery may follow. */
export const cooldownOf = (
  { cooldownMs }: Pick<DegradationInput, 'cooldownMs'>,
  { cooldownTimes }: Ladder
): number => cooldownMs * cooldownTimes

const actsOnQuotes = ({ dataType }: SignalKey): boolean => dataType === 'quotes'

const actsOnAll = (key: SignalKey): boolean => !actsOnQuotes(key)

/** A declared signal that is missing is unknown. */
const readingOf = (key: SignalKey, readings: readonly Reading[]): Reading =>
  readings.find((reading) => nameOf(reading) === nameOf(key)) ?? {
    ...key,
    value: null,
    limit: null,
    unit: 'share',
    ageMs: null,
    state: 'unknown'
  }

const trendsAfter = (
  { marks, lagTrendMs, trends }: DegradationContext,
  readings: readonly Reading[],
  atMs: number
): Readonly<Record<string, Trend>> =>
  Object.fromEntries(
    readings.map((reading) => {
      const name = nameOf(reading)
      const settings = { marks: marks[reading.signal], lagTrendMs }
      return [name, trendAfter(trends[name] ?? noTrend, reading, atMs, settings)]
    })
  )

const worstRank = (
  keys: readonly SignalKey[],
  trends: Readonly<Record<string, Trend>>,
  signal: Signal
): Rank =>
  Math.max(
    0,
    ...keys
      .filter((key) => key.signal === signal && actsOnAll(key))
      .map((key) => trends[nameOf(key)]!.rank)
  ) as Rank

const changesOf = (
  { ladder, step }: Climbed,
  scope: LevelChange['scope'],
  atMs: number,
  cooldownMs: number
): readonly LevelChange[] =>
  step === null ? [] : [changeOf(step, scope, atMs, cooldownOf({ cooldownMs }, ladder))]

const sharesFrom = ({ tradesTaken, quotesTaken }: IngestPolicy): CommandedShares => ({
  trades: sharesOf(tradesTaken),
  quotes: sharesOf(quotesTaken)
})

const resumed = (context: DegradationContext, { policy, quotesLevel }: Held) => ({
  ...context,
  process: ladderAt(levels.indexOf(policy.level) as Rank),
  quotes: ladderAt(levels.indexOf(quotesLevel) as Rank),
  shares: sharesFrom(policy)
})
