/** What `/v1/system/degradation` shows: level, policy, signals with their marks, history. */
import type { DegradationContext } from '../../machines/degradation-rules.ts'
import { cooldownOf, quotesLevelOf } from '../../machines/degradation-rules.ts'
import { type IngestPolicy, type Level, levels } from '../../machines/ingest-policy.ts'
import type { LevelChange } from '../../machines/level-change.ts'
import { type Marks, nameOf, type Reading } from '../../machines/pressure-marks.ts'
import type { Shared } from '../shared.ts'
import { steadyMs } from '../steady-clock.ts'

export const degradationView = (shared: Pick<Shared, 'degradation'>): unknown => ({
  ...degradationNow(shared),
  history: shared.degradation.history.map(changeView)
})

/** Without what was before. */
export const degradationNow = ({ degradation }: Pick<Shared, 'degradation'>) => {
  const { context } = degradation
  const injected = degradation.injected(steadyMs())
  return {
    level: levelOf(context),
    quotes_level: context?.policy == null ? null : quotesLevelOf(context),
    since: isoOf(context?.process.changedMs ?? null),
    policy: context?.policy == null ? null : policyView(context.policy),
    cooldown: context === undefined ? null : cooldownView(context),
    injected:
      injected === null
        ? null
        : { value: injected.value, expires: isoOf(injected.expiresMs) },
    signals: context === undefined ? [] : context.readings.map((it) => signalView(context, it))
  }
}

/** Seconds after which it may be over; undefined unless the circuit is broken. */
export const overloadSeconds = ({
  degradation: { context },
  policy
}: Pick<Shared, 'degradation' | 'policy'>): number | undefined => {
  if (policy.current?.level !== 'circuitBreak') return undefined
  if (context === undefined) return 1
  return Math.max(1, Math.ceil((endOfCooldown(context) - steadyMs()) / 1_000))
}

const levelOf = (context: DegradationContext | undefined): Level | null =>
  context?.policy == null ? null : levels[context.process.rank]

const endOfCooldown = (context: DegradationContext): number =>
  (context.process.changedMs ?? 0) + cooldownOf(context, context.process)

const cooldownView = (context: DegradationContext) => ({
  seconds: cooldownOf(context, context.process) / 1_000,
  configured_seconds: context.cooldownMs / 1_000,
  until: isoOf(context.process.changedMs === null ? null : endOfCooldown(context))
})

const policyView = (policy: IngestPolicy) => ({
  trades_taken: takenView(policy.tradesTaken),
  quotes_taken: takenView(policy.quotesTaken),
  are_batches_grown: policy.areBatchesGrown,
  are_quotes_conflated: policy.areQuotesConflated,
  is_spilling: policy.isSpilling,
  is_paused: policy.isPaused
})

const takenView = (taken: IngestPolicy['tradesTaken']) => ({
  tier_1: taken[1],
  tier_2: taken[2],
  tier_3: taken[3]
})

const signalView = ({ marks, trends }: DegradationContext, reading: Reading) => {
  const { signal, dataType, value, limit, unit, ageMs, state } = reading
  return {
    signal,
    ...(dataType === undefined ? {} : { data_type: dataType }),
    value,
    limit,
    unit,
    age_seconds: ageMs === null ? null : Math.round(ageMs) / 1_000,
    state,
    level: levels[trends[nameOf(reading)]?.rank ?? 0],
    marks: marksView(marks[signal], limit)
  }
}

/** In the unit of the value. */
const marksView = ({ enter, leave }: Marks, limit: number | null) => {
  const scaled = (all: Marks['enter']) =>
    all.map((mark) => (mark === null || limit === null ? mark : mark * limit))
  return { enter: scaled(enter), leave: scaled(leave) }
}

export const changeView = ({ atMs, dwellMs, cooldownMs, ...change }: LevelChange) => ({
  at: new Date(atMs).toISOString(),
  ...change,
  dwell_seconds: dwellMs === null ? null : Math.round(dwellMs) / 1_000,
  cooldown_seconds: cooldownMs / 1_000
})

const isoOf = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString()
