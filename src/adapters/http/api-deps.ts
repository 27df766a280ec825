/**
 * What the HTTP API needs of the rest of the runtime. Nothing else of it is known here: whoever
 * starts the server passes values of these shapes.
 */
import type * as Effect from 'effect/Effect'
import type { Exit } from 'effect/Exit'
import type { ApiKey } from '../config/api-key-values.ts'
import type { Candle, CandleInterval } from '../../market/candle.ts'
import type { StreamedDataType, TableName } from '../../market/data-type.ts'
import type { QueryCost, QueryStep } from '../telemetry/query-cost.ts'
import type { TradingZones } from '../../market/trading-day.ts'
import type { OpenReason } from '../../market/gap-events.ts'
import type { TraceContext } from './trace-context.ts'
import type { WatchDeps } from './watch-deps.ts'

/** A fault with a public message: no SQL, path or stack in it. */
export interface ApiFault {
  readonly _tag: string
  readonly message: string
}

export interface RecordFilter {
  /** Any of them. */
  readonly symbols?: readonly string[]
  /** Upper case; any of them. */
  readonly exchanges?: readonly string[]
  /** Microseconds, inclusive. */
  readonly fromUs?: number
  /** Microseconds, exclusive. */
  readonly toUs?: number
  /** Decimal text, inclusive, as the others. */
  readonly minPrice?: string
  readonly maxPrice?: string
  readonly minQuantity?: string
}

/** Of which state of a table is asked. */
export interface ReadFrom {
  /** Of snapshots. */
  readonly choice?:
    | { readonly kind: 'snapshot'; readonly snapshotId: string }
    | { readonly kind: 'time'; readonly atMs: number }
    | { readonly kind: 'tag'; readonly name: string }
  readonly token?: string
  readonly cursor?: string
}

export interface RecordsAsked {
  readonly filter: RecordFilter
  readonly rowsMax: number
  /** What a row is: a JSON object, or a line of CSV without its end. */
  readonly format: 'json' | 'csv'
  /** In JSON. */
  readonly decimals: 'number' | 'string'
  /** Names, in the order of the answer; default: all. */
  readonly fields?: readonly string[]
  /** Rows left out before the first; default: none. */
  readonly offset?: number
  /** Default: now. */
  readonly from?: ReadFrom | undefined
  /** Whether the client has what this token names: nothing is read then. */
  readonly isKnown?: ((readToken: string) => boolean) | undefined
}

/**
 * Faults that `faultProblem` knows have answers of their own; others: 500.
 */
type Answer<A> = Effect.Effect<A, ApiFault>

interface RowsAnswer {
  /** Decimal text: 63-bit ids do not survive a double. */
  readonly snapshotId: string | null
  /** JSON objects as text, or what else was asked for. */
  readonly rows: readonly string[]
  readonly hasMore: boolean
}

/** Newest first. */
export interface RecordsAnswer extends RowsAnswer {
  /** What cannot be answered, in words. */
  readonly missing: readonly string[]
  readonly readToken: string | null
  readonly nextCursor: string | null
  /** Nothing was read (`RecordsAsked.isKnown`). */
  readonly isKnown: boolean
}

/** A Parquet file of records, to be read or cancelled. */
export interface RecordsFile extends Omit<RecordsAnswer, 'rows'> {
  readonly rowCount: number
  readonly bytes: number
  readonly body: ReadableStream<Uint8Array>
}

interface SnapshotDiff {
  /** null: the snapshot has no parent. */
  readonly baseId: string | null
  /** JSON objects as text, newest first. */
  readonly rows: readonly string[]
  readonly hasMore: boolean
  readonly added: number
  /** Rows that only the base has. */
  readonly removed: number
}

export interface ReferenceFilter {
  readonly companyId?: string
  /** The venue's own symbol. */
  readonly ticker?: string
  /** Upper case. */
  readonly exchange?: string
}

export interface GapsFilter {
  readonly state: 'open' | 'closed' | 'all'
  /** Upper case. */
  readonly exchange?: string
  readonly symbol?: string
  readonly reason?: OpenReason
}

interface GapsAnswer extends RowsAnswer {
  /** Of what the filter meets, whatever its state is to be. */
  readonly openGaps: number
  readonly openTrades: number
}

export interface CandlesFilter {
  readonly symbols: readonly string[]
  /** Upper case. */
  readonly exchange?: string
  readonly interval: CandleInterval
  /** Starts of candles, microseconds, inclusive. */
  readonly fromUs?: number
  /** Exclusive. */
  readonly toUs?: number
  /** Of the interval `1d`: this trading day of each exchange only; days since 1970-01-01. */
  readonly day?: number
  /** Price levels of each candle, at most. */
  readonly levelsMax?: number
}

interface CandlesAnswer {
  readonly snapshotId: string | null
  /** By time: with a start, or a day, the oldest, else the newest. */
  readonly candles: readonly Candle[]
  readonly hasMore: boolean
  /** What could not be looked at, in words. */
  readonly missing: readonly string[]
}

interface SqlAnswer {
  readonly columns: ReadonlyArray<{ readonly name: string; readonly type: string }>
  /** JSON objects, comma-separated. */
  readonly rows: string
  readonly rowCount: number
  /** Which cap cut the rows. */
  readonly cutBy: 'rows' | 'bytes' | null
  /** Decimal text by table that was read. */
  readonly snapshots: Readonly<Record<string, string | null>>
  /** What the tables of the statement lack, in words. */
  readonly missing: readonly string[]
}

export interface ReplayRequest {
  readonly dataType: StreamedDataType
  readonly filter: Pick<RecordFilter, 'symbols' | 'exchanges' | 'fromUs' | 'toUs'>
  /** Names, in the order of a line; default: all. */
  readonly fields?: readonly string[]
  /** What stands around each record. */
  readonly frame: { readonly before: string; readonly after: string }
  /** Times as fast as the records came; absent: as fast as can be. */
  readonly speed?: number
  readonly isLive: boolean
}

interface ReplayPageRequest extends Pick<ReplayRequest, 'dataType' | 'filter'> {
  readonly fields: readonly string[] | undefined
  readonly rowsMax: number
  readonly cursor: string | undefined
}

interface ReplayPage {
  readonly snapshotId: string | null
  /** JSON objects, comma-separated. */
  readonly rows: string
  readonly hasMore: boolean
  readonly nextCursor: string | null
  readonly missing: readonly string[]
}

export type ReplayPart =
  | { readonly type: 'rows'; readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number }
  /** Nothing came for a while, or is not due yet. */
  | { readonly type: 'idle' }
  | {
      readonly type: 'completed'
      readonly count: number
      readonly snapshotId: string | null
      /** What could not be looked at, in words. */
      readonly missing: readonly string[]
    }

export interface ReplaySink {
  /** It can be read: what follows are parts. */
  readonly opened: () => void
  /** Ends when the part is taken. */
  readonly emit: (part: ReplayPart) => Effect.Effect<void>
}

/** For a reason that the author of the statement is told: no path, no setting in it. */
interface SqlRefused {
  readonly refusal: { readonly code: string; readonly detail: string }
}

interface ReferenceAnswer extends RowsAnswer {
  /** What cannot be answered now, in words. */
  readonly missing: readonly string[]
}

interface SymbolsAnswer {
  readonly snapshotId: string | null
  readonly instruments: ReadonlyArray<{
    readonly symbol: string
    readonly exchange: string
    readonly baseAsset: string | null
    readonly quoteAsset: string
  }>
  /** What cannot be answered now, in words. */
  readonly missing: readonly string[]
}

interface SnapshotListing {
  readonly snapshotId: string
  readonly parentId: string | null
  readonly timestampMs: number
  readonly operation: string
  /** As in the table's metadata. */
  readonly summary: Readonly<Record<string, string>>
}

interface ComponentHealth {
  readonly name: string
  readonly status: 'healthy' | 'degraded' | 'unavailable'
  /** What is wrong, in words. */
  readonly detail?: string
}

export interface Readiness {
  /**
   * Why requests cannot be answered yet; empty when ready: feed connected, lander running, table
   * readable.
   */
  readonly reasons: readonly string[]
  readonly components: readonly ComponentHealth[]
  /** Of degradation; null before the first sample. */
  readonly level: string | null
}

export interface ConservationFilter {
  readonly state: 'all' | 'broken'
  readonly symbol?: string
}

/** Pressure up to a level, or as that share of the memory would be. */
export type PressureRequest = { readonly expiresSeconds: number } & (
  | { readonly level: 'soft' | 'graceful' | 'aggressive' | 'circuitBreak' }
  | { readonly value: number }
)

interface MetricsText {
  readonly contentType: string
  readonly text: string
}

export interface QueryFacts {
  /** As the client wrote them, cut where they are long. */
  readonly parameters: Readonly<Record<string, string>>
  readonly cost: Readonly<QueryCost>
  readonly steps: readonly QueryStep[]
}

export type HttpEvent =
  | {
      readonly type: 'http.request_finished'
      readonly method: string
      /** Path of a route, or `unmatched`: a bounded set. */
      readonly route: string
      readonly status: number
      readonly durationMs: number
      readonly correlationId: string
      readonly trace: TraceContext | undefined
      /** Name of the key; undefined without one. */
      readonly caller: string | undefined
      readonly address: string
      /** Of a route that answers from the tables. */
      readonly query: QueryFacts | undefined
    }
  /** Somebody has changed how K2 runs, or has tried to. */
  | {
      readonly type: 'http.admin_action'
      readonly method: string
      readonly path: string
      readonly status: number
      readonly caller: string | undefined
      readonly address: string
      /** In the words of who asked. */
      readonly reason: string | undefined
      readonly correlationId: string
    }
  /** For a reason that a client is told: it must ask otherwise, elsewhere or later. */
  | {
      readonly type: 'http.request_refused'
      readonly route: string
      readonly correlationId: string
      readonly status: number
      readonly fault: ApiFault
    }
  | {
      readonly type: 'http.request_failed'
      readonly route: string
      readonly correlationId: string
      /** For the log, never for the client. */
      readonly cause: unknown
    }

export interface AccessOptions {
  /** Who may ask; with none, only this machine may. */
  readonly apiKeys: readonly ApiKey[]
  /** Requests a minute of each key, and of each address without one; 0: no limit. */
  readonly rateLimit: number
  /** Addresses, and networks as `address/bits`, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** Origins of pages elsewhere that may read. */
  readonly corsOrigins: readonly string[]
}

export interface ApiDeps {
  readonly version: string
  readonly access: AccessOptions
  readonly records: (
    dataType: StreamedDataType,
    asked: RecordsAsked
  ) => Answer<RecordsAnswer>
  readonly recordsFile: (
    dataType: StreamedDataType,
    asked: Omit<RecordsAsked, 'format' | 'decimals'>
  ) => Answer<RecordsFile>
  /** Rows that a snapshot has and its base, by default its parent, has not. */
  readonly snapshotDiff: (
    dataType: StreamedDataType,
    asked: {
      readonly snapshotId: string
      readonly baseId: string | undefined
      readonly filter: Pick<RecordFilter, 'symbols' | 'exchanges'>
      readonly rowsMax: number
      readonly decimals: RecordsAsked['decimals']
    }
  ) => Answer<SnapshotDiff>
  /** Newest version of each company, by exchange and company. */
  readonly reference: (filter: ReferenceFilter, rowsMax: number) => Answer<ReferenceAnswer>
  /** Open gaps, oldest first, then closed ones, newest first. */
  readonly gaps: (filter: GapsFilter, rowsMax: number) => Answer<GapsAnswer>
  readonly candles: (filter: CandlesFilter, candlesMax: number) => Answer<CandlesAnswer>
  /** In which trading days are counted. */
  readonly tradingZones: TradingZones
  readonly symbols: (filter: { readonly exchange?: string }) => Answer<SymbolsAnswer>
  readonly sql: (request: {
    readonly sql: string
    readonly rowsMax: number
  }) => Answer<SqlAnswer | SqlRefused>
  readonly replayPage: (request: ReplayPageRequest) => Answer<ReplayPage>
  /** Ends when all is sent, which a live replay never is. */
  readonly replay: (request: ReplayRequest, sink: ReplaySink) => Answer<void>
  /** The most that `rowsMax` may be. */
  readonly sqlRowsMax: number
  /** Newest first. */
  readonly snapshots: (table: TableName, rowsMax: number) => Answer<readonly SnapshotListing[]>
  readonly readiness: () => Readiness
  /** The live actor tree, JSON-safe. */
  readonly status: () => unknown
  /** What the degradation manager sees and does, JSON-safe. */
  readonly degradation: () => unknown
  /** What is accounted for and what is not, JSON-safe. */
  readonly conservation: (filter: ConservationFilter) => unknown
  readonly watch: WatchDeps
  readonly inject: (request: PressureRequest) => 'injected' | 'level_off'
  readonly clearPressure: () => void
  /** Of degradation; null before the first sample. */
  readonly level: () => string | null
  /** Seconds after which reads that cost may be answered again; undefined while they are. */
  readonly overloadSeconds: () => number | undefined
  /** Lets the quarantined actor at this path start again. */
  readonly release: (path: string) => 'released' | 'unknown' | 'not_quarantined'
  /** Ends the process once what it has is safe; the answer to who asked is sent before. */
  readonly drain: () => { readonly endsWithinSeconds: number }
  readonly metrics: () => Promise<MetricsText>
  /** Runs an Effect; the signal interrupts it when the client has gone. */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E>,
    options: { readonly signal: AbortSignal }
  ) => Promise<Exit<A, E>>
  readonly nowMs: () => number
  /** A request is being answered until what is returned is called. */
  readonly answering?: (method: string, route: string) => () => void
  readonly newCorrelationId: () => string
  readonly observe: (event: HttpEvent) => void
}
