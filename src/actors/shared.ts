/**
 * What the actors of one process share: configuration, telemetry, and the addresses at which they
 * find each other's services. Addresses outlive the services behind them (see `Gate`).
 */
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import * as Semaphore from 'effect/Semaphore'
import type { Config } from '../adapters/config/config.ts'
import type { DeadLetterLog } from '../adapters/dead-letters/dead-letter-log.ts'
import type { ApiFault } from '../adapters/http/api-deps.ts'
import type { EventLog } from '../adapters/log/event-log.ts'
import type { RetentionUse } from '../adapters/log/kafka/retention-probe.ts'
import type { Spool } from '../adapters/log/spool.ts'
import type { CandlesQuery } from '../adapters/query/candles-query.ts'
import type { GapsQuery } from '../adapters/query/gaps-query.ts'
import type { SymbolsQuery } from '../adapters/query/symbols-query.ts'
import type { ReferenceQuery } from '../adapters/query/reference-query.ts'
import type { ReplayPages } from '../adapters/query/replay-pages.ts'
import type { SqlQuery } from '../adapters/query/sql-query.ts'
import type { RecordsQuery } from '../adapters/query/records-query.ts'
import type { Telemetry } from '../adapters/telemetry/telemetry.ts'
import type { StreamedDataType } from '../market/data-type.ts'
import type { capturedExchanges } from '../market/instrument.ts'
import type { GapClaimV1 } from '../market/records/gap-claim-v1.ts'
import type { QuoteV2 } from '../market/records/quote-v2.ts'
import type { ReferenceDataV2 } from '../market/records/reference-data-v2.ts'
import type { TradeV2 } from '../market/records/trade-v2.ts'
import {
  candlesTable,
  claimsSpec,
  gapsTable,
  quotesSpec,
  referenceDataSpec,
  tradesSpec
} from './data-types.ts'
import { ConservationBoard } from './conservation/conservation-board.ts'
import { DegradationBoard } from './degradation/degradation-board.ts'
import { MemoryBoard } from './degradation/memory-board.ts'
import { PolicyHolder } from './degradation/policy-holder.ts'
import { type Faults, noFaults } from './faults.ts'
import { ClaimQueue } from './gaps/claim-queue.ts'
import { Gate } from './gate.ts'
import { type Host, nodeHost } from './host.ts'
import { type Intake, makeIntake } from './ingest/intake.ts'
import type { LogLag } from './log/log-lag.ts'
import type { FeedTrade } from './publisher/record-packer.ts'
import {
  type LandedPipeline,
  type LandedPipelineOf,
  makeLandedPipeline,
  makePipeline,
  type OwnTable,
  type Pipeline,
  type PipelineOf
} from './pipeline.ts'
import type { Replays } from './reading/replays.ts'
import type { SnapshotDiffs } from './reading/snapshot-diffs.ts'
import { type DataFolder, dataFolderAt } from './storage/data-folder.ts'
import type { Tails } from './tail/tails.ts'
import { type Traces, tracesOf } from './traces/traces.ts'
import { WatchBoard } from './watch/watch-board.ts'

/** In records and ids. */
type ExchangeCode = (typeof capturedExchanges)[number]

/** A part of the work that a process takes. */
type Role = Config['roles'][number]

/** Where the simulated exchange of this process listens. */
interface SimulatorAddress {
  readonly webSocketUrl: string
  readonly restUrl: string
}

export interface Shared {
  readonly config: Config
  readonly folder: DataFolder
  readonly telemetry: Telemetry
  /** Undefined where nothing is traced. */
  readonly traces: Traces | undefined
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly uuid: () => string
  readonly host: Host
  readonly faults: Faults
  readonly exchange: ExchangeCode
  /** What this process does, by `K2_ROLES`. */
  readonly hasRole: (role: Role) => boolean
  readonly trades: LandedPipelineOf<TradeV2, FeedTrade>
  readonly quotes: LandedPipelineOf<QuoteV2>
  readonly referenceData: LandedPipelineOf<ReferenceDataV2>
  /** Claims go through its log; the ledger that is derived from them is its table. */
  readonly gaps: PipelineOf<GapClaimV1>
  /** Derived from the trades: nothing of it goes through the log. */
  readonly candles: OwnTable
  /** What the feed has received, and what became of it there. */
  readonly intake: Intake
  /** Whether nothing has disappeared, as it was checked last. */
  readonly conservation: ConservationBoard
  /** What was let go, until it is published. */
  readonly claims: ClaimQueue
  /** Of all data types: what has landed is kept and can be asked for. */
  readonly pipelines: readonly Pipeline[]
  /** Of what is captured, by `K2_DATA_TYPES` and `K2_REFERENCE_INTERVAL`, and of its gaps. */
  readonly captured: readonly Pipeline[]
  /** Of those, the ones that landers land. */
  readonly landed: readonly LandedPipeline[]
  readonly log: Gate<EventLog>
  /**
   * Partition counts by topic: as the log has them, or as they were declared where the log may be
   * away at the start. Publishers and spool wait for these, not for the log.
   */
  readonly logTopics: Gate<ReadonlyMap<string, number>>
  readonly spool: Gate<Spool>
  readonly deadLetters: Gate<DeadLetterLog>
  readonly simulator: Gate<SimulatorAddress>
  readonly expired: Gate<ExpiredFiles>
  /** What was to be given to `expired` while nobody served it; taken by who serves it next. */
  readonly unexpired: string[]
  readonly queries: Gate<Queries>
  /** What the log has beyond the tables, for the queries. */
  readonly tails: Gate<Tails>
  readonly http: Gate<{ readonly url: string }>
  readonly disk: Gate<DiskUsage>
  /** What the degradation manager commands now; none before its first complete sample (R39). */
  readonly policy: PolicyHolder
  /** What the degradation manager shows of itself, and is told. */
  readonly degradation: DegradationBoard
  /** Memory of the worker threads. */
  readonly memory: MemoryBoard
  /** How far the tables are behind the log, as its actor sampled last. */
  readonly lag: Gate<LagFacts>
  /** One table is compacted at a time. */
  readonly compacting: Semaphore.Semaphore
  readonly drained: Drained
  /** What this process tells those who watch it. */
  readonly watch: WatchBoard
}

/** What draining has achieved so far; each actor writes its own part as it ends. */
interface Drained {
  /** The landers': next offset by topic and partition, once what was durable has landed. */
  readonly landedOffsets: Map<string, ReadonlyMap<number, number>>
  /** The publishers': bytes of accepted records that neither event log nor spool could take. */
  unpublishedBytes: number
  /** The spool's: records that wait in it. */
  spooledRecords: number
  /** The log's: the table has everything that was accepted. */
  isLanded: boolean
}

/** What the API asks. */
interface Queries {
  readonly records: Readonly<Record<StreamedDataType, RecordsQuery<ApiFault>>>
  readonly replays: Replays<ApiFault>
  readonly replayPages: Readonly<Record<StreamedDataType, ReplayPages<ApiFault>>>
  readonly diffs: Readonly<Record<StreamedDataType, SnapshotDiffs<ApiFault>>>
  readonly reference: ReferenceQuery<ApiFault>
  readonly gaps: GapsQuery<ApiFault>
  readonly candles: CandlesQuery<ApiFault>
  readonly symbols: SymbolsQuery<ApiFault>
  readonly sql: SqlQuery<ApiFault>
}

interface LagFacts extends Pick<LogLag, 'overdueOf'> {
  /** How near to deletion by the log what has not landed is; undefined where it is not known. */
  readonly retentionOf: (topic: string) => RetentionUse | undefined
}

/** Bytes of the data folder, as measured last. */
interface DiskUsage {
  readonly bytes: number
  readonly bytesMax: number
  /** Bytes of the spool at that moment: part of `bytes`. */
  readonly spoolBytes: number
  /** When it was measured, by `steadyMs`. */
  readonly atMs: number
}

/** Takes files that no snapshot names any more, to delete them when no read can use them (R28). */
interface ExpiredFiles {
  readonly add: (locations: readonly string[]) => void
}

export const makeShared = (
  options: Pick<Shared, 'config' | 'telemetry' | 'nowMs' | 'uuid'> &
    Partial<Pick<Shared, 'host' | 'faults'>>
): Shared => {
  const exchange = options.config.feeds.includes('binance') ? 'BINANCE' : 'SIMULATED'
  const trades = makeLandedPipeline(tradesSpec, exchange)
  const quotes = makeLandedPipeline(quotesSpec, exchange)
  const referenceData = makeLandedPipeline(referenceDataSpec, exchange)
  const gaps = makePipeline(claimsSpec, exchange, gapsTable)
  const { dataTypes, referenceMs } = options.config
  const landed = [
    ...[trades, quotes].filter(({ dataType }) => dataTypes.some((name) => name === dataType)),
    ...(referenceMs === null ? [] : [referenceData])
  ]
  return {
    host: nodeHost,
    faults: noFaults,
    ...options,
    traces: tracesOf(options),
    folder: dataFolderAt(options.config.dataDir),
    exchange,
    hasRole: (role) => options.config.roles.includes(role),
    trades,
    quotes,
    referenceData,
    gaps,
    candles: {
      tableSpec: candlesTable,
      tableName: `market.${candlesTable.name}`,
      table: new Gate()
    },
    intake: makeIntake(),
    conservation: new ConservationBoard(),
    claims: new ClaimQueue(),
    pipelines: [trades, quotes, referenceData, gaps],
    captured: [...landed, gaps],
    landed,
    log: new Gate(),
    logTopics: new Gate(),
    spool: new Gate(),
    deadLetters: new Gate(),
    simulator: new Gate(),
    expired: new Gate(),
    unexpired: [],
    queries: new Gate(),
    tails: new Gate(),
    http: new Gate(),
    disk: new Gate(),
    policy: new PolicyHolder(),
    degradation: new DegradationBoard(),
    memory: new MemoryBoard(),
    lag: new Gate(),
    compacting: Semaphore.makeUnsafe(1),
    drained: { landedOffsets: new Map(), unpublishedBytes: 0, spooledRecords: 0, isLanded: false },
    watch: new WatchBoard({ host: nodeHost, ...options })
  }
}

/** Ends when the actor is asked to drain; other commands are not for programs that wait so. */
export const drainRequested = (
  commands: Queue.Dequeue<{ readonly type: string }>
): Effect.Effect<void> =>
  Queue.take(commands).pipe(
    Effect.repeat({ until: ({ type }) => type === 'drain.requested' }),
    Effect.asVoid
  )
