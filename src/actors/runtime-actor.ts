/**
 * The supervision tree, top to bottom in start order; it stops bottom to top, each part awaited.
 *
 * Draining goes the same way: the feeds stop taking and wait until all is durable in the log, the
 * API closes, the lander commits what is durable, the log is closed.
 *
 * Every group is one_for_one: actors find each other through gates, which outlive a restart, so
 * that none has to go down with another. The publisher in particular must not go down with the log:
 * it holds what the log has not acknowledged.
 *
 * Catalog and object store may be services of their own that are away when K2 starts. Who needs a
 * table is then not awaited: the API answers, and feeds capture what lands later (R14).
 *
 * What crashes too often is parked until an operator releases it, and the rest goes on: while the
 * lander is parked, the log keeps what it has not landed. Some are not to be done without, and
 * their failure becomes the process's: log, spool and publisher of trades, without which nothing
 * is kept; the dead letters, for which the feeds wait; the API, through which an operator releases;
 * the disk's measure, without which its limit would not hold.
 */
import * as Effect from 'effect/Effect'
import type { Shared } from './shared.ts'
import type { FromEffect } from './effect-actor.ts'
import { symbolsPerConnectionMax } from '../adapters/config/config.ts'
import type { BinanceSocket } from '../adapters/exchange/binance-socket.ts'
import { generatedSymbols } from '../adapters/simulator/venue-listing.ts'
import type { FeedInput } from '../machines/feed-protocol.ts'
import { backoffDefault, seedFor } from '../machines/restart-policy.ts'
import { conservationProgram } from './conservation/conservation-actor.ts'
import { degradationChildren } from './degradation/degradation-group.ts'
import { claimsProgram } from './gaps/claims-actor.ts'
import { gapWriterProgram } from './gaps/gap-writer-actor.ts'
import { exchangeProgram } from './ingest/exchange-actor.ts'
import { makeFeedActor, simulatedAddress } from './ingest/feed-actor.ts'
import { referenceProgram } from './ingest/reference-actor.ts'
import type { Kernel } from './kernel.ts'
import { deadLetterProgram } from './lander/dead-letter-actor.ts'
import { landerProgram, landerStopMsMax } from './lander/lander-actor.ts'
import { logProgram } from './log/log-actor.ts'
import { seesLag } from './log/log-lag.ts'
import { logWriters } from './log/log-writers.ts'
import type { LandedPipeline, OwnTable, Pipeline } from './pipeline.ts'
import { type HttpContext, httpDrainMsMax, httpProgram } from './reading/http-actor.ts'
import { queryProgram } from './reading/query-actor.ts'
import { compactionProgram, compactionStopMsMax } from './repair/compaction-actor.ts'
import { diskProgram } from './repair/disk-actor.ts'
import { expiryProgram } from './repair/expiry-actor.ts'
import { healerInput, makeHealerActor } from './repair/healer-actor.ts'
import { orphansProgram } from './repair/orphans-actor.ts'
import { retentionProgram } from './repair/retention-actor.ts'
import { rollupProgram } from './rollup/rollup-actor.ts'
import { tableProgram } from './storage/table-actor.ts'
import { tailProgram } from './tail/tail-actor.ts'
import { type Child, supervisor, worker } from './supervisor-actor.ts'
import { telemetryProgram } from './telemetry-actor.ts'
import { tracesChildren } from './traces/traces-actor.ts'
import { watchProgram, type WatchSources } from './watch/watch-actor.ts'

export interface RuntimeOptions {
  readonly kernel: Kernel
  readonly fromEffect: FromEffect<BinanceSocket>
  readonly shared: Shared
  readonly http: Omit<HttpContext, 'shared'>
  /** Those that are watched. */
  readonly actors: WatchSources
}

/** A program that is asked to end gets this long, and as long again to release what it holds. */
const drainMsMax = 2_000
const feedDrainMsMax = 2_000
/**
 * Both connections deliver for this long before the older one goes. All that K2 itself delays is
 * accounted for before that; this is for the venue, whose servers start a new connection's streams
 * at times of their own and are not in step with each other. Both take well below a second.
 */
const feedOverlapMs = 5_000
const landerDrainMsMax = 5_000
/**
 * To open a table takes a handful of requests, each with a deadline of its own that ends the
 * attempt as one of a dependency: a catalog that hangs or is slow must meet those first (R14).
 */
const tableStartMsMax = 120_000

/** Who needs the tables, in start order. */
const onTables = ({ config }: Shared) =>
  config.icebergCatalogUri === undefined && config.s3Endpoint === undefined
    ? {}
    : ({ ready: 'unawaited' } as const)

/** What K2 can do without for a while, and better than without everything. */
const onLimit = 'quarantine'

/** Changes of symbols that may wait for a feed that is being restarted. */
const feedCommandsMax = 1_024

const venueSymbolsDefault = ['BTCUSDT', 'ETHUSDT']

export const runtimeTree = (options: RuntimeOptions): Child =>
  supervisor(options.kernel, { id: 'root' }, [
    worker(
      { id: 'telemetry', drainMsMax, onLimit },
      options.fromEffect(telemetryProgram(options.shared, options.http.version))
    ),
    // Those whose spans it sends end before it.
    ...tracesChildren(options.fromEffect, options.shared, options.http.version),
    // Ends after nearly all that it tells of.
    worker({ id: 'watch', drainMsMax, onLimit }, options.fromEffect(watchProgram(options))),
    // Ends after all whose records it counts.
    worker(
      { id: 'conservation', drainMsMax, onLimit },
      options.fromEffect(conservationProgram(options.shared))
    ),
    ...group(options, 'storage', storage(options)),
    ...group(options, 'log', log(options)),
    ...group(options, 'landing', landing(options)),
    ...group(options, 'reading', reading(options)),
    ...group(options, 'degradation', degradationChildren(options)),
    ...group(options, 'ingest', ingest(options)),
    ...group(options, 'repair', repair(options))
  ])

/** None where the roles of this process leave nothing to supervise. */
const group = (
  { kernel }: RuntimeOptions,
  id: string,
  children: readonly Child[]
): readonly Child[] => (children.length === 0 ? [] : [supervisor(kernel, { id }, children)])

/** Who lands or answers queries needs the tables, and so does an embedded log (R11). */
const storage = ({ fromEffect, shared }: RuntimeOptions): readonly Child[] =>
  shared.hasRole('land') || shared.hasRole('serve')
    ? tablesOf(shared).map(([id, table]) =>
        worker(
          {
            id,
            drainMsMax,
            onLimit,
            startMsMax: tableStartMsMax,
            ...onTables(shared)
          },
          fromEffect(tableProgram(shared, table))
        )
      )
    : []

const tablesOf = ({ pipelines, candles }: Shared): ReadonlyArray<readonly [string, OwnTable]> => [
  ...pipelines.map((pipeline) => [pipeline.dataType, pipeline] as const),
  ['candles', candles]
]

const log = (options: RuntimeOptions): readonly Child[] => {
  const { fromEffect, shared } = options
  const writes = shared.hasRole('ingest') || shared.hasRole('land')
  if (!writes && !seesLag(shared)) return []
  return [
    worker(
      {
        id: 'event-log',
        drainMsMax,
        startMsMax: tableStartMsMax,
        // Brokers that are away keep nobody from starting: there is the spool.
        ...(shared.config.kafkaBootstrapServers === undefined
          ? onTables(shared)
          : { ready: 'started' })
      },
      fromEffect(logProgram(shared))
    ),
    ...(writes ? logWriters(options) : [])
  ]
}

/**
 * A feed has dead letters and claims as well. What the landers say at their end is still published,
 * and what is published still comes into the ledger.
 */
const landing = (options: RuntimeOptions): readonly Child[] => {
  const { fromEffect, shared } = options
  if (!shared.hasRole('ingest') && !shared.hasRole('land')) return []
  return [
    worker({ id: 'dead-letters', drainMsMax }, fromEffect(deadLetterProgram(shared))),
    ...(shared.hasRole('land') ? [gapWriter(options)] : []),
    worker({ id: 'claims', drainMsMax, onLimit }, fromEffect(claimsProgram(shared))),
    ...(shared.hasRole('land')
      ? shared.landed.map((pipeline) => lander(options, pipeline))
      : [])
  ]
}

/** Every process has the API: the addresses of data say where they are answered. */
const reading = ({ fromEffect, shared, http }: RuntimeOptions): readonly Child[] => [
  ...(shared.hasRole('serve')
    ? [
        worker(
          { id: 'queries', drainMsMax, onLimit, ...onTables(shared) },
          fromEffect(queryProgram(shared))
        ),
        // Without it answers have what is in the tables, and say so.
        worker({ id: 'tail', drainMsMax, onLimit }, fromEffect(tailProgram(shared)))
      ]
    : []),
  worker(
    { id: 'http', drainMsMax, shutdownMsMax: 2 * httpDrainMsMax },
    fromEffect(httpProgram({ ...http, shared }), { releaseMsMax: 2 * httpDrainMsMax })
  )
]

const ingest = ({ kernel, fromEffect, shared }: RuntimeOptions): readonly Child[] => {
  if (!shared.hasRole('ingest')) return []
  const feed = `feed:${shared.exchange.toLowerCase()}`
  return [
    ...(shared.exchange === 'SIMULATED'
      ? [worker({ id: 'exchange', drainMsMax, onLimit }, fromEffect(exchangeProgram(shared)))]
      : []),
    worker(
      {
        id: feed,
        onLimit,
        ready: 'started',
        // A change of what is wanted is not lost on a feed that is just being restarted.
        fate: { kind: 'stash', messagesMax: feedCommandsMax, overflow: 'reject' },
        drainMsMax: 2 * feedDrainMsMax,
        input: { ...feedInput(shared, kernel) }
      },
      makeFeedActor(fromEffect, shared, feed)
    ),
    ...reference(fromEffect, shared)
  ]
}

const reference = (
  fromEffect: RuntimeOptions['fromEffect'],
  shared: Shared
): readonly Child[] => {
  const { referenceMs: intervalMs } = shared.config
  if (intervalMs === null) return []
  const options = { symbols: symbolsOf(shared), restUrls: restUrlsOf(shared), intervalMs }
  const id = `reference:${shared.exchange.toLowerCase()}`
  return [
    worker(
      { id, onLimit, drainMsMax, ready: 'started' },
      fromEffect(referenceProgram(shared, options))
    )
  ]
}

const restUrlsOf = ({ exchange, simulator, config }: Shared): Effect.Effect<readonly string[]> =>
  exchange === 'SIMULATED'
    ? Effect.map(simulator.get, ({ restUrl }) => [restUrl])
    : Effect.succeed(config.binanceRestUrls)

const symbolsOf = ({ config, exchange }: Shared): readonly string[] =>
  config.binanceSymbols ??
  (exchange === 'SIMULATED' ? generatedSymbols.map(({ symbol }) => symbol) : venueSymbolsDefault)

const repair = (options: RuntimeOptions): readonly Child[] => {
  const { fromEffect, shared } = options
  return [
    ...healer(options),
    ...(shared.hasRole('land')
      ? [
          worker({ id: 'expiry', drainMsMax, onLimit }, fromEffect(expiryProgram(shared))),
          ...[shared.trades, shared.quotes, shared.gaps].flatMap((pipeline) =>
            maintenance(options, pipeline)
          ),
          // No event of the ledger is too old as long as what it says holds.
          ...[shared.trades, shared.quotes].map((pipeline) =>
            retention(options, pipeline.dataType, pipeline)
          ),
          ...candles(options)
        ]
      : []),
    worker({ id: 'disk', drainMsMax }, fromEffect(diskProgram(shared)))
  ]
}

/** Where trades are captured: who heals them has the venue and the publisher at hand. */
const healer = ({ kernel, fromEffect, shared }: RuntimeOptions): readonly Child[] => {
  const isCapturing = shared.hasRole('ingest') && shared.captured.includes(shared.trades)
  if (!isCapturing || shared.config.healing === 'off') return []
  return [
    worker(
      {
        id: 'healer',
        onLimit,
        drainMsMax,
        ready: 'started',
        input: { ...healerInput(shared, kernel) }
      },
      makeHealerActor(fromEffect, shared, restUrlsOf(shared))
    )
  ]
}

/**
 * The first data type can be asked for while the landers of the others are still starting; brokers
 * that are away keep nobody from starting.
 */
const landerReady = (shared: Shared, pipeline: Pipeline) => {
  if (shared.config.kafkaBootstrapServers !== undefined) return { ready: 'started' } as const
  const isFirst = pipeline === shared.captured[0]
  return { ready: isFirst ? 'reported' : 'started', ...onTables(shared) } as const
}

const lander = ({ fromEffect, shared }: RuntimeOptions, pipeline: LandedPipeline): Child =>
  worker(
    {
      id: `lander:${pipeline.dataType}`,
      onLimit,
      ...landerReady(shared, pipeline),
      startMsMax: tableStartMsMax,
      drainMsMax: landerDrainMsMax,
      shutdownMsMax: 2 * landerStopMsMax
    },
    fromEffect(landerProgram(shared, pipeline), { releaseMsMax: 2 * landerStopMsMax })
  )

/** While it is parked, holes are in the sequence states and reasons in the log. */
const gapWriter = ({ fromEffect, shared }: RuntimeOptions): Child =>
  worker(
    { id: 'gaps', onLimit, ready: 'started', drainMsMax: landerDrainMsMax },
    fromEffect(gapWriterProgram(shared))
  )

/** Without them a table grows slower to read, and nothing else. */
const maintenance = (options: RuntimeOptions, pipeline: Pipeline): readonly Child[] => [
  worker(
    {
      id: `compaction:${pipeline.dataType}`,
      onLimit,
      drainMsMax,
      shutdownMsMax: 2 * compactionStopMsMax,
      ...onTables(options.shared)
    },
    options.fromEffect(compactionProgram(options.shared, pipeline), {
      releaseMsMax: 2 * compactionStopMsMax
    })
  ),
  orphans(options, pipeline.dataType, pipeline)
]

/** The table of candles is laid out by who writes it. Without it, candles are made of trades. */
const candles = (options: RuntimeOptions): readonly Child[] => {
  const { fromEffect, shared } = options
  return [
    worker(
      { id: 'candles', drainMsMax, onLimit, ready: 'started' },
      fromEffect(rollupProgram(shared))
    ),
    orphans(options, 'candles', shared.candles),
    retention(options, 'candles', shared.candles)
  ]
}

const orphans = ({ fromEffect, shared }: RuntimeOptions, id: string, table: OwnTable): Child =>
  worker(
    { id: `orphans:${id}`, onLimit, drainMsMax, ...onTables(shared) },
    fromEffect(orphansProgram(shared, table))
  )

const retention = ({ fromEffect, shared }: RuntimeOptions, id: string, table: OwnTable): Child =>
  worker(
    { id: `retention:${id}`, drainMsMax, onLimit, ...onTables(shared) },
    fromEffect(retentionProgram(shared, table))
  )

const feedInput = (shared: Shared, { seed }: Kernel): FeedInput => {
  const { config, exchange } = shared
  const isSimulated = exchange === 'SIMULATED'
  return {
    exchange,
    symbols: symbolsOf(shared),
    webSocketUrls: isSimulated ? [simulatedAddress] : config.binanceWebsocketUrls,
    restUrls: isSimulated ? [simulatedAddress] : config.binanceRestUrls,
    backoff: backoffDefault,
    jitterSeed: seedFor(seed, exchange),
    drainMsMax: feedDrainMsMax,
    rotateMs: config.binanceRotateMs,
    overlapMs: feedOverlapMs,
    symbolsMax: symbolsPerConnectionMax(config.dataTypes.length),
    // A feed that is started anew is told only then what holds now.
    isPaused: true
  }
}
