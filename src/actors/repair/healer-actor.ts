/**
 * The actor `repair/healer`: fetches missing trades from the venue's history and publishes them
 * through the log, as any other, so that each lands exactly once. `healer-machine.ts` decides.
 *
 * 1. What is missing is seen in the table, also by a process that does not land.
 * 2. What is written off goes to the gap ledger as a claim; the hole stays open in the state, so
 *    that a late arrival still lands (R29).
 */
import * as Effect from 'effect/Effect'
import { historyWeight } from '../../adapters/exchange/binance-history.ts'
import type { BinanceSocket } from '../../adapters/exchange/binance-socket.ts'
import {
  type HealClaim,
  type HealRequest,
  healTermsDefault
} from '../../machines/heal-facts.ts'
import { pendingOf } from '../../machines/heal-plan.ts'
import { healerMachine } from '../../machines/healer-machine.ts'
import {
  type HealerContext,
  type HealerEvent,
  type HealerInput,
  type LookInput,
  type LookReport,
  paceOf
} from '../../machines/healer-protocol.ts'
import { backoffDefault, seedFor } from '../../machines/restart-policy.ts'
import { usedAt } from '../../machines/weight-budget.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import { markDependency } from '../dependency.ts'
import { knownGapsOf } from '../gaps/known-gaps.ts'
import type { EffectActorArgs, FromEffect } from '../effect-actor.ts'
import { observeRest } from '../ingest/feed-telemetry.ts'
import type { Kernel } from '../kernel.ts'
import type { Shared } from '../shared.ts'
import { tableOf } from '../storage/table-of.ts'
import { type HealRequested, HealerVenue } from './healer-venue.ts'
import { type HolesSeen, OpenHoles } from './open-holes.ts'

const lookMs = 2_000
const landMs = 250
const slowMs = 1_000
/** A look that sees nothing new ends then all the same. */
const patienceMs = 600_000
/** The feeds need some of the venue's weight, too. */
const shares = { full: 0.8, slow: 0.2 } as const

export const healerInput = ({ config, exchange }: Shared, { seed }: Kernel): HealerInput => ({
  terms: { ...healTermsDefault, graceMs: config.gapGraceMs, ...unlandedOf(config) },
  lookMs,
  landMs,
  slowMs,
  shares,
  requestWeight: historyWeight,
  backoff: backoffDefault,
  jitterSeed: seedFor(seed, `healer:${exchange}`)
})

/** Healing alone never makes half the lag at which the level rises. */
const unlandedOf = ({ lagEnter: [soft] }: Shared['config']) =>
  soft == null ? {} : { unlandedMax: Math.max(1, Math.floor(soft / 2)) }

export const makeHealerActor = (
  fromEffect: FromEffect<BinanceSocket>,
  shared: Shared,
  restUrls: Effect.Effect<readonly string[]>
) => {
  const tally: Tally = { healed: 0, requests: 0, writtenOff: 0, pendingHoles: 0, pendingTrades: 0 }
  const venue = new HealerVenue({
    exchange: shared.exchange,
    restUrls,
    requestWeight: historyWeight,
    nowMs: shared.nowMs,
    observe: (event) => observeRest(shared, event),
    publish: (trades) => publish(shared, trades),
    observeRequest: (event) => observeRequest(shared, tally, event),
    send: shared.host.send
  })
  const holes = new OpenHoles({
    exchange: shared.exchange,
    topic: shared.trades.topic,
    jumpMax: shared.config.sequenceJumpMax,
    table: tableOf(shared, shared.trades),
    gaps: knownGapsOf(shared),
    log: () => shared.log.current,
    publisher: () => shared.trades.publisher.current,
    nowMs: shared.nowMs
  })
  // For as long as there is the process: a feed claims before this actor is started.
  shared.claims.onNoted((claim) => holes.note(claim))
  return healerMachine.provide({
    actors: {
      watch: fromEffect(watchProgram(shared, tally)),
      look: fromEffect(({ input }: LookArgs) =>
        markDependency(look(shared, { holes, venue, ...input }))
      ),
      heal: fromEffect(
        ({ input }: EffectActorArgs<HealRequest, { readonly type: string }, never>) =>
          markDependency(venue.heal(input))
      )
    },
    actions: {
      claim: (_, claims) => noteClaims(shared, tally, claims),
      reportFailure: (_, { port, crash }) =>
        shared.telemetry.log('warn', `heal.${port}_failed`, {
          failure: crash.tag,
          detail: crash.message
        }),
      reportContext: (_, context) => showContext(shared, tally, context)
    }
  })
}

/** What the actor says of itself. */
interface Tally {
  healed: number
  requests: number
  writtenOff: number
  pendingHoles: number
  pendingTrades: number
}

type LookArgs = EffectActorArgs<LookInput, { readonly type: string }, never>

type WatchArgs = EffectActorArgs<
  void,
  { readonly type: string },
  Extract<HealerEvent, { readonly type: 'pace.changed' }>
>

/** Tells the machine of the level for as long as it lives, and the status of both. */
const watchProgram =
  (shared: Shared, tally: Tally) =>
  ({ notifyParent, reportStatus }: WatchArgs) =>
    Effect.gen(function* () {
      reportStatus(() => ({ counters: { ...tally } }))
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          shared.policy.follow((policy) =>
            notifyParent({ type: 'pace.changed', pace: paceOf(policy), atMs: shared.nowMs() })
          )
        ),
        (stop) => Effect.sync(stop)
      )
      yield* Effect.never
    })

interface Looking<E> extends LookInput {
  readonly holes: OpenHoles<E>
  readonly venue: HealerVenue
}

const look = <E>(shared: Shared, { holes, venue, unless, isPatient }: Looking<E>) =>
  Effect.gen(function* () {
    const untilMs = shared.nowMs() + (isPatient ? patienceMs : 0)
    let seen = yield* holes.look
    while (shared.nowMs() < untilMs && (seen === null || summaryOf(seen) === unless)) {
      yield* Effect.sleep(lookMs)
      seen = yield* holes.look
    }
    const symbols = [...new Set((seen?.holes ?? []).map(({ symbol }) => symbol))]
    const facts = yield* venue.learn(symbols)
    const atMs = shared.nowMs()
    const tiers = Object.fromEntries(symbols.map((symbol) => [symbol, venue.tierOf(symbol)]))
    const known = facts.limited === null ? seen : null
    const report: LookReport = {
      atMs,
      seen: known === null ? null : summaryOf(known),
      look: known === null ? null : { atMs, ...known, tiers },
      ...facts
    }
    return report
  })

const summaryOf = ({ holes }: HolesSeen): string =>
  `${holes.length} ${holes.reduce((sum, { fromId, toId }) => sum + toId - fromId + 1, 0)}`

const publish = (
  { trades: { publisher: gate }, telemetry: { metrics } }: Shared,
  trades: readonly TradeV2[]
): Effect.Effect<number> =>
  Effect.gen(function* () {
    const publisher = yield* gate.get
    const healedBefore = publisher.counts.healed
    // Nobody else heals: what it was given in this turn is known also when the wait is given up.
    const refused = yield* Effect.ensuring(
      publisher.heal(trades),
      Effect.sync(() => metrics.healedTrades.inc(publisher.counts.healed - healedBefore))
    )
    return [...refused.values()].reduce((sum, count) => sum + count, 0)
  })

const observeRequest = (
  { telemetry }: Shared,
  tally: Tally,
  { outcome, request, trades, detail, tookMs }: HealRequested
): void => {
  tally.requests += 1
  tally.healed += trades
  telemetry.metrics.healRequests.inc({ outcome })
  telemetry.metrics.healSeconds.observe(tookMs / 1_000)
  const { symbol, fromId, limit } = request
  const facts = { symbol, from_id: fromId, limit, trades }
  const isWell = outcome === 'healed' || outcome === 'nothing'
  telemetry.log(isWell ? 'debug' : 'warn', `heal.${outcome}`, {
    ...facts,
    ...(detail === null ? {} : { detail })
  })
}

/** (2) */
const noteClaims = (
  { claims: queue, telemetry }: Shared,
  tally: Tally,
  claims: readonly HealClaim[]
): void => {
  for (const { reason, fromId, toId, untilUs, ...of } of claims) {
    const count = toId - fromId + 1
    queue.note({ ...of, reason, fromId, toId, count, sinceUs: untilUs, untilUs })
    tally.writtenOff += count
    telemetry.metrics.healWrittenOff.inc({ reason }, count)
    telemetry.log('warn', 'heal.written_off', {
      symbol: of.symbol, reason, from_id: fromId, to_id: toId
    })
  }
}

const showContext = (
  { telemetry: { metrics, log } }: Shared,
  tally: Tally,
  { plan, budget, nowMs }: HealerContext
): void => {
  const { holes, ids } = pendingOf(plan)
  if (tally.pendingHoles === 0 && holes > 0) log('info', 'heal.begun', { holes, trades: ids })
  if (tally.pendingHoles > 0 && holes === 0) log('info', 'heal.done', { healed: tally.healed })
  tally.pendingHoles = holes
  tally.pendingTrades = ids
  metrics.healPendingHoles.set(holes)
  metrics.healPendingTrades.set(ids)
  metrics.healWeightUsed.set(usedAt(budget, nowMs))
  metrics.healWeightLimit.set(budget.limit)
}
