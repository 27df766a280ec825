/** What the healer machine is made of: its ports, guards, delays and actions. */
import { assign, type ErrorActorEvent, setup } from 'xstate'
import type { HealClaim, HealRequest } from './heal-facts.ts'
import { answered, isHeldBack, looked, nextRequest, pendingOf } from './heal-plan.ts'
import type * as Healer from './healer-protocol.ts'
import { declarePort } from './port.ts'
import { backoffMs, nextSeed } from './restart-policy.ts'
import { type CrashFacts, crashOf, factsOf } from './supervisor-crash.ts'
import {
  charged,
  isRefused,
  limited,
  refusedBudget,
  waitForWeight,
  type WeightBudget
} from './weight-budget.ts'

type Context = Healer.HealerContext

export interface FailedPort {
  readonly port: 'look' | 'heal'
  readonly crash: CrashFacts
}

export const crashOfEvent = ({ event }: { readonly event: ErrorActorEvent }) =>
  factsOf(crashOf(event.error))

export const healerSetup = setup({
  types: {
    input: {} as Healer.HealerInput,
    context: {} as Context,
    events: {} as Healer.HealerEvent,
    tags: {} as 'healthy' | 'degraded' | 'waiting'
  },
  actors: {
    watch: declarePort<void, void>('watch'),
    look: declarePort<Healer.LookReport, Healer.LookInput>('look'),
    heal: declarePort<Healer.HealReport, HealRequest>('heal')
  },
  guards: {
    isStopped: (_, pace: Healer.HealPace) => pace === 'stopped',
    isUnavailable: (_, crash: CrashFacts) => crash.isDependency,
    isLookDue: ({ context }) => context.nowMs - context.lookedMs >= context.lookMs,
    isRefused: ({ context }) => isRefused(context.budget, context.nowMs),
    hasNothing: ({ context }) => requestOf(context) === null,
    isSettled: ({ context }) => pendingOf(context.plan).holes === 0,
    isExhausted: ({ context }) => budgetWaitMs(context) > 0,
    isUseless: (_, { outcome }: Healer.HealReport) =>
      outcome === 'useless' || outcome === 'no_room',
    isSlow: ({ context }) => context.pace === 'slow'
  },
  delays: {
    lookDelay: ({ context: { plan, terms, landMs, lookMs } }) =>
      isHeldBack(plan, terms) ? landMs : lookMs,
    slowDelay: ({ context }) => context.slowMs,
    backoffDelay: ({ context }) => backoffMs(context.backoff, context.attempt, context.jitterSeed),
    budgetDelay: ({ context }) => Math.max(1, budgetWaitMs(context))
  },
  actions: {
    setPace: assign(
      (_, { pace, atMs }: { readonly pace: Healer.HealPace; readonly atMs: number }) => ({
        pace,
        nowMs: atMs
      })
    ),
    noteLook: assign(({ context }, report: Healer.LookReport) => {
      const { atMs, look } = report
      const { plan, terms } = context
      const step = look === null ? { plan, claims: [] } : looked(plan, look, terms)
      const seen = report.seen ?? context.seen
      const budget = budgetAfter(context.budget, report)
      return { nowMs: atMs, lookedMs: atMs, seen, ...step, budget }
    }),
    choose: assign({ request: ({ context }) => requestOf(context) }),
    noteReport: assign(({ context }, report: Healer.HealReport) => {
      const { atMs, answer } = report
      const { request, plan, terms } = context
      const step = request === null ? { plan } : answered(plan, request, answer, terms)
      const budget = budgetAfter(context.budget, report)
      return { nowMs: atMs, request: null, claims: [], ...step, budget }
    }),
    /** Whether it was published is unknown. */
    abandon: assign(({ context }, { atMs }: { readonly atMs: number }) => {
      const { request, plan, terms } = context
      if (request === null) return {}
      return { ...answered(plan, request, { type: 'abandoned', atMs }, terms), request: null }
    }),
    forgetAttempts: assign({ attempt: 0 }),
    countFailure: assign(({ context }) => ({
      attempt: context.attempt + 1,
      jitterSeed: nextSeed(context.jitterSeed)
    })),
    recordError: assign({ request: null, lastError: (_, crash: CrashFacts) => crash }),
    /** Port: what was written off goes to the ledger. */
    claim: (_args, _claims: readonly HealClaim[]) => {},
    /** Ports: metrics and log lines. */
    reportFailure: (_args, _failed: FailedPort) => {},
    reportContext: (_args, _context: Context) => {},
    fail: (_, error: unknown) => {
      throw crashOf(error)
    }
  }
})

const requestOf = ({ plan, nowMs, terms }: Context): HealRequest | null =>
  nextRequest(plan, nowMs, terms)

const budgetWaitMs = ({ budget, nowMs, pace, shares, requestWeight: weight }: Context): number =>
  pace === 'stopped' ? 0 : waitForWeight(budget, { nowMs, weight, share: shares[pace] })

const budgetAfter = (
  budget: WeightBudget,
  {
    atMs,
    announced = null,
    charge,
    limited: refusal
  }: Pick<Healer.HealReport, 'atMs' | 'limited'> & Partial<Healer.LookReport>
): WeightBudget => {
  let next = budget
  if (announced !== null) next = limited(next, announced, atMs)
  if (charge !== null && charge !== undefined) next = charged(next, charge)
  return refusal === null ? next : refusedBudget(next, { atMs, ...refusal })
}
