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
import { spoolProgram } from '../../src/actors/log/spool-actor.ts'
import { makePublisherActor, publisherInput } from '../../src/actors/publisher/publisher-actor.ts'
import { drainRequested, type Shared } from '../../src/actors/shared.ts'
import { tableProgram } from '../../src/actors/storage/table-actor.ts'
import { type Child, supervisor, worker } from '../../src/actors/supervisor-actor.ts'
import type { FeedInput } from '../../src/machines/feed-protocol.ts'
import { backoffDefault, seedFor } from '../../src/machines/restart-policy.ts'
import type { ComponentContext } from './component.ts'
import { deadLetterProgram } from './dead-letters.ts'
import type { K2Options } from './k2.ts'
import { landerProgram } from './lander-program.ts'
import type { SimulatedProcess } from './process.ts'
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
  'root/ingest/feed:binance'
] as const

export const k2Tree = (context: TreeContext): Child => {
  const { kernel, roles, components, limit } = context
  const group = (id: string, children: readonly Child[]): readonly Child[] =>
    children.length === 0 ? [] : [supervisor(kernel, { id, limit }, children)]
  return supervisor(kernel, { id: 'root' }, [
    ...group('storage', [storage(context)]),
    ...group('log', log(context)),
    ...group('landing', landing(context)),
    ...group('ingest', roles.includes('ingest') ? [feed(context)] : []),
    ...group(
      'components',
      components.flatMap((component) => component.children(context))
    )
  ])
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
    broker === undefined ? logProgram(shared) : brokerProgram(shared, broker.serve(process))
  return [
    worker({ id: 'event-log', drainMsMax, startMsMax, limit }, fromEffect(program)),
    ...(roles.includes('ingest')
      ? [
          worker({ id: 'spool', drainMsMax, startMsMax, limit }, fromEffect(spoolProgram(shared))),
          publisher(context)
        ]
      : [])
  ]
}

const publisher = ({ shared, kernel, fromEffect, limit }: TreeContext): Child =>
  worker(
    {
      id: 'publisher:trades',
      drainMsMax,
      limit,
      ready: 'started',
      input: { ...publisherInput(shared, kernel, shared.trades.topic) }
    },
    makePublisherActor(fromEffect, shared, shared.trades)
  )

const landing = (context: TreeContext): readonly Child[] => {
  const { shared, fromEffect, roles } = context
  return [
    worker({ id: 'dead-letters', drainMsMax }, fromEffect(deadLetterProgram(shared))),
    ...(roles.includes('land') ? [lander(context)] : [])
  ]
}

const lander = (context: TreeContext): Child => {
  const { broker, process, fromEffect, limit } = context
  const openReader = broker === undefined ? undefined : () => broker.openReader(process)
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
      input: { ...feedInput(kernel) }
    },
    machine.provide({ actors: { resolveInstruments: fromEffect(listing) } })
  )
}

const feedInput = ({ seed }: Kernel): FeedInput => ({
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
  // No manager says so here.
  isPaused: false
})

/** In the place of Kafka's clients. */
const brokerProgram =
  (shared: Shared, serve: (shared: Shared) => Effect.Effect<void, never, Scope.Scope>) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      yield* serve(shared)
      ready()
      yield* drainRequested(commands)
      const current = shared.log.current
      if (current !== undefined) noteDrained(shared, current)
    }).pipe(markDependency)
