/**
 * Program of the actor `repair/candles`: brings the table of candles of minutes up to the trades,
 * every `K2_ROLLUP_INTERVAL`, step by step. Under pressure it gives way (`repair/pace.ts`): what it
 * has not made yet, queries make of trades.
 */
import * as Duration from 'effect/Duration'
import * as Effect from 'effect/Effect'
import { markDependency, servedTable } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { removeLater } from '../lander/lander-actor.ts'
import { leaveToBegin, restBetween } from '../repair/pace.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { storageSettingsOf } from '../storage/stores.ts'
import { openRollup } from './open-rollup.ts'
import { type RollupEvent, rollupStep } from './rollup.ts'

/**
 * It works a tenth of the time: the minute that is going on is made again each time, and costs the
 * more the busier it is. After a minute there is another one.
 */
const restsPerWork = 9
const restMsMax = 60_000

export const rollupProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder, nowMs, uuid } = shared
      const totals = { steps: 0, overtaken: 0, minutes: 0, coveredSequence: 0 }
      reportStatus(() => ({ counters: { ...totals } }))
      const trades = yield* servedTable(shared.trades)
      const minutes = yield* servedTable(shared.candles)
      ready()
      const { rollupMs } = config
      const stores = yield* shared.host.openStores(storageSettingsOf(config), folder, nowMs)
      const ports = yield* tracked('candles of minutes', 'client')(
        openRollup({
          trades,
          minutes,
          stores,
          folder,
          keepsCopies: config.roles.includes('serve'),
          copiesBytesMax: config.s3CacheBytesMax,
          uuid,
          nowMs,
          onRemoved: (locations) => removeLater(shared, locations),
          observe: (event) => {
            observe(shared, event)
            count(totals, event)
          }
        })
      )
      let workedMs = 0
      const step = Effect.map(Effect.timed(rollupStep(ports)), ([took, outcome]) => {
        workedMs += Duration.toMillis(took)
        return outcome
      })
      const run = Effect.gen(function* () {
        while ((yield* step) === 'more') yield* leaveToBegin(shared.policy)
      }).pipe(
        // Landers and queries report such tables; here nothing is made meanwhile.
        Effect.catchTag(
          ['OffsetsMissing', 'SummaryAltered', 'DeletesUnsupported'],
          () => Effect.void
        ),
        Effect.tapError(() => Effect.sync(() => noteFailed(shared)))
      )
      const rest = Effect.suspend(() => {
        const enoughMs = Math.min(workedMs * restsPerWork, restMsMax)
        workedMs = 0
        return restBetween(shared.policy, Math.max(rollupMs ?? 0, enoughMs))
      })
      yield* Effect.raceFirst(
        rollupMs === null ? Effect.never : Effect.forever(Effect.andThen(run, rest)),
        drainRequested(commands)
      )
    }).pipe(markDependency)

interface Totals {
  steps: number
  overtaken: number
  minutes: number
  coveredSequence: number
}

const count = (totals: Totals, event: RollupEvent): void => {
  if (event.type === 'candles.overtaken') {
    totals.overtaken += 1
    return
  }
  totals.steps += 1
  totals.minutes += event.minutes
  totals.coveredSequence = event.sequence
}

const operation = 'rollup'

const noteFailed = ({ telemetry: { metrics }, candles: { tableName: table } }: Shared): void => {
  metrics.candleCommits.inc({ outcome: 'failed' })
  metrics.commitFailures.inc({ table, operation, reason: 'failed' })
}

const observe = (
  { telemetry: { metrics, log }, candles: { tableName: table } }: Shared,
  event: RollupEvent
): void => {
  if (event.type === 'candles.overtaken') {
    metrics.candleCommits.inc({ outcome: 'overtaken' })
    metrics.commitFailures.inc({ table, operation, reason: 'fenced' })
    log('info', event.type, { detail: event.detail })
    return
  }
  const { minutes, days, files, sequence, snapshotId, tookMs } = event
  metrics.candleCommits.inc({ outcome: 'committed' })
  metrics.candleMinutes.inc(minutes)
  metrics.transactions.inc({ table, operation })
  metrics.writeSeconds.observe({ table, operation }, tookMs / 1_000)
  log('debug', event.type, {
    minutes,
    days,
    files,
    trades_sequence: sequence,
    trades_snapshot_id: snapshotId,
    took_ms: tookMs
  })
}
