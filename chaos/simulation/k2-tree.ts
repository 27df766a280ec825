/**
 * The supervision tree of a simulated K2: the groups and actors of `runtime-actor.ts` that capture
 * and land trades, and those of further components behind them.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { markDependency } from '../../src/actors/dependency.ts'
import type { EffectActorArgs } from '../../src/actors/effect-actor.ts'
import { type FeedAccounts, makeFeedActor } from '../../src/actors/ingest/feed-actor.ts'
import type { Kernel } from '../../src/actors/kernel.ts'
import { logProgram } from '../../src/actors/log/log-actor.ts'
import { noteDrained } from '../../src/actors/log/log-drain.ts'
import {
  embeddedLagOf,
  lagSampleMs,
  lagSampling,
  logLag,
  overdueMsOf
} from '../../src/actors/log/log-lag.ts'
import { spoolProgram } from '../../src/actors/log/spool-actor.ts'
import { drainRequested, type Shared } from '../../src/actors/shared.ts'
import { tableProgram } from '../../src/actors/storage/table-actor.ts'
import { type Child, supervisor, worker } from '../../src/actors/supervisor-actor.ts'
import type { FeedInput } from '../../src/machines/feed-protocol.ts'
import { backoffDefault, seedFor } from '../../src/machines/restart-policy.ts'
import { type ComponentContext, type Group, groups } from './component.ts'
import { deadLetterProgram } from './dead-letters.ts'
import type { K2Options } from './k2.ts'
import { landerProgram } from './lander-program.ts'
import type { SimulatedProcess } from './process.ts'
import { publisherOf } from './publisher.ts'
import { instruments } from './venue.ts'

export interface TreeContext extends K2Options, ComponentContext {
  readonly process: SimulatedProcess
  readonly accounts: FeedAccounts
}

const drainMsMax = 2_000
const onLimit = 'quarantine'

/** Of all workers. */
export const workerPaths = [
  'root/storage/trades',
  'root/log/event-log',
  'root/log/spool',
  'root/log/publisher:trades',
  'root/landing/dead-letters',
  'root/landing/lander:trades',
  'root/ingest/feed:binance',
  'root/storage/gaps',
  'root/log/publisher:gaps',
  'root/landing/gaps',
  'root/landing/claims',
  'root/degradation/manager',
  'root/degradation/sampler',
  'root/repair/healer'
] as const

export const k2Tree = (context: TreeContext): Child => {
  const { kernel, roles, components, limit } = context
  const more = components.map((component) => component.children(context))
  const own: Readonly<Partial<Record<Group, readonly Child[]>>> = {
    storage: [storage(context)],
    log: log(context),
    ingest: roles.includes('ingest') ? [feed(context)] : []
  }
  return supervisor(
    kernel,
    { id: 'root' },
    groups.flatMap((id) => {
      const added = more.flatMap((children) => children[id] ?? [])
      // What the landers say at their end still comes into the ledger.
      const children =
        id === 'landing'
          ? [deadLetters(context), ...added, ...landing(context)]
          : [...(own[id] ?? []), ...added]
      return children.length === 0 ? [] : [supervisor(kernel, { id, limit }, children)]
    })
  )
}

const storage = ({ shared, fromEffect, limit }: TreeContext): Child =>
  worker(
    { id: 'trades', drainMsMax, onLimit, limit, startMsMax: 120_000 },
    fromEffect(tableProgram(shared, shared.trades))
  )

const log = (context: TreeContext): readonly Child[] => {
  const { broker, process, shared, fromEffect, roles, limit } = context
  const startMsMax = 60_000
  const program =
    broker === undefined ? logProgram(shared) : brokerProgram(context, broker.serve(process))
  return [
    worker({ id: 'event-log', drainMsMax, startMsMax, limit }, fromEffect(program)),
    ...(roles.includes('ingest')
      ? [
          worker({ id: 'spool', drainMsMax, startMsMax, limit }, fromEffect(spoolProgram(shared))),
          publisherOf(context, shared.trades)
        ]
      : [])
  ]
}

const deadLetters = ({ shared, fromEffect }: TreeContext): Child =>
  worker({ id: 'dead-letters', drainMsMax }, fromEffect(deadLetterProgram(shared)))

const landing = (context: TreeContext): readonly Child[] =>
  context.roles.includes('land') ? [lander(context)] : []

const lander = (context: TreeContext): Child => {
  const { broker, process, fromEffect, limit } = context
  const openReader = broker === undefined ? undefined : () => broker.openReader(process, 'trades')
  return worker(
    {
      id: 'lander:trades',
      onLimit,
      limit,
      // A member of a group may have nothing to land for long.
      ready: broker === undefined ? 'reported' : 'started',
      startMsMax: 30_000,
      drainMsMax: 5_000,
      shutdownMsMax: 6_000
    },
    fromEffect(landerProgram({ ...context, openReader }), { releaseMsMax: 6_000 })
  )
}

/** Of a simulated venue, everything is known. */
const listing = () => Effect.succeed(instruments)

const feed = (context: TreeContext): Child => {
  const { shared, kernel, fromEffect, accounts, limit, venue } = context
  const id = 'feed:binance'
  const newestIds = () => venue.newestIds(context.process)
  const machine = makeFeedActor(fromEffect, shared, id, { accounts, newestIds })
  return worker(
    {
      id,
      onLimit,
      limit,
      ready: 'started',
      drainMsMax: 4_000,
      input: { ...feedInput(kernel, context.isLevelled) }
    },
    machine.provide({ actors: { resolveInstruments: fromEffect(listing) } })
  )
}

const feedInput = ({ seed }: Kernel, isPaused: boolean): FeedInput => ({
  exchange: 'BINANCE',
  symbols: instruments.map(({ symbol }) => symbol),
  webSocketUrls: ['wss://venue.simulated'],
  restUrls: ['https://venue.simulated'],
  backoff: backoffDefault,
  jitterSeed: seedFor(seed, 'BINANCE'),
  drainMsMax: 2_000,
  rotateMs: null,
  overlapMs: 5_000,
  symbolsMax: 1_024,
  // Until the manager says what holds, where there is one.
  isPaused
})

/** In the place of Kafka's clients. */
const brokerProgram =
  (
    { shared, isLevelled }: TreeContext,
    serve: (shared: Shared) => Effect.Effect<void, never, Scope.Scope>
  ) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      yield* serve(shared)
      const log = shared.log.current!
      const times = { overdueMs: overdueMsOf(shared), monotonicMs: shared.host.monotonicMs }
      const lag = logLag(shared, log, embeddedLagOf(log, times))
      yield* shared.lag.serve({ ...lag, retentionOf: () => undefined })
      ready()
      // Nobody else asks.
      const sampling = isLevelled ? lagSampling(lag, lagSampleMs(shared)) : Effect.never
      yield* Effect.raceFirst(drainRequested(commands), sampling)
      const current = shared.log.current
      if (current !== undefined) noteDrained(shared, current)
    }).pipe(markDependency)
