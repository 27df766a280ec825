/**
 * What the healer machine is given, knows, hears and says: plain data.
 * The ports `look` and `heal` give `LookReport` and `HealReport`.
 */
import type { DoneActorEvent, ErrorActorEvent } from 'xstate'
import type { HealAnswer, HealClaim, HealLook, HealRequest, HealTerms } from './heal-facts.ts'
import type { HealPlan } from './heal-plan.ts'
import type { IngestPolicy } from './ingest-policy.ts'
import type { BackoffPolicy } from './restart-policy.ts'
import type { CrashFacts } from './supervisor-crash.ts'
import type { WeightAnnouncement, WeightBudget, WeightCharge } from './weight-budget.ts'

/** `slow` under pressure that is not bad yet, `stopped` beyond that. */
export type HealPace = 'full' | 'slow' | 'stopped'

/** Nobody heals before it is known how things stand (R39). */
export const paceOf = (policy: Pick<IngestPolicy, 'level'> | undefined): HealPace => {
  if (policy?.level === 'normal') return 'full'
  return policy?.level === 'soft' ? 'slow' : 'stopped'
}

export interface HealerInput {
  readonly terms: HealTerms
  /** Between two looks at what is missing. */
  readonly lookMs: number
  /** The same while all that waits is for what was published to land. */
  readonly landMs: number
  /** Between two requests while the pace is slow. */
  readonly slowMs: number
  /** Of the venue's weight limit, by pace. */
  readonly shares: Readonly<Record<'full' | 'slow', number>>
  readonly requestWeight: number
  readonly backoff: BackoffPolicy
  readonly jitterSeed: number
}

export interface HealerContext extends HealerInput {
  readonly pace: HealPace
  /** As the latest event told it. */
  readonly nowMs: number
  /** When it was looked last; the look before any answer. */
  readonly lookedMs: number
  readonly plan: HealPlan
  /** Of the latest look that could tell what is missing. */
  readonly seen: string | null
  readonly budget: WeightBudget
  /** What is being asked. */
  readonly request: HealRequest | null
  /** Of the latest step. */
  readonly claims: readonly HealClaim[]
  /** Failures since the last answer of use. */
  readonly attempt: number
  readonly lastError: CrashFacts | null
}

/**
 * How long a look may take: to its end, or, where `unless` is given, until there is something else
 * to see than that.
 */
export interface LookInput {
  readonly unless: string | null
  /** Whether to wait, for a while, until there is something to see. */
  readonly isPatient: boolean
}

/** What a look brought. */
export interface LookReport {
  readonly atMs: number
  /** Stands for what is missing; another one where that is. Null with `look`. */
  readonly seen: string | null
  /** Null while it cannot be told what is missing: the log is behind, or away. */
  readonly look: HealLook | null
  /** The venue's announcement, if it was asked for it. */
  readonly announced: WeightAnnouncement | null
  readonly charge: WeightCharge | null
  readonly limited: WeightRefusal | null
}

/** The venue takes nothing more; for how long, as far as it says. */
export interface WeightRefusal {
  readonly retryAfterMs: number | null
}

/**
 * How a request ended, for who counts: `healed` brought something, `nothing` was an answer without
 * any of it, `useless` is an answer to another question, `limited` the venue's refusal for now.
 */
export type HealOutcome = 'healed' | 'nothing' | 'useless' | 'limited' | 'no_room'

export interface HealReport {
  readonly atMs: number
  readonly outcome: HealOutcome
  readonly answer: HealAnswer
  /** Null where nothing was asked after all. */
  readonly charge: WeightCharge | null
  readonly limited: WeightRefusal | null
}

export type HealerEvent =
  | { readonly type: 'pace.changed'; readonly pace: HealPace; readonly atMs: number }
  | { readonly type: 'drain.requested' }
  | DoneActorEvent
  | ErrorActorEvent
