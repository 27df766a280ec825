/** Generated from the routes of the API by `npm run generate`. Do not edit. */

/* oxlint-disable max-lines */

export type FieldError = { readonly field: string; readonly detail: string; readonly remedy: string }

export type Problem = { readonly type: string; readonly title: string; readonly status: number; readonly detail: string; readonly hint?: string; readonly code: string; readonly correlation_id: string; readonly errors?: readonly (FieldError)[]; readonly reasons?: readonly (string)[] }

/** ISO 8601, UTC */
export type Time = string

/** An exact decimal with up to 18 digits, 8 of them after the point, written digit by digit: read it with a parser that keeps digits. Text where decimals=string is asked for. */
export type Decimal = string

export type Int64 = number | bigint

export type Trade = { readonly message_id: string; readonly trade_id: string; readonly symbol: string; readonly exchange: string; readonly asset_class: 'equities' | 'crypto' | 'futures' | 'options'; readonly timestamp: Time; readonly price: Decimal; readonly quantity: Decimal; readonly currency: string; readonly side: 'BUY' | 'SELL' | 'SELL_SHORT' | 'UNKNOWN'; readonly trade_conditions: readonly (string)[]; readonly source_sequence: Int64 | null; readonly ingestion_timestamp: Time; readonly platform_sequence: Int64 | null; readonly vendor_data: Readonly<Record<string, string>> | null }

export type Pagination = { readonly limit: number; readonly offset: number; readonly total: null | number; readonly has_more: boolean; readonly next_cursor?: null | string }

/** An id of 63 bits as text, as no double holds it */
export type SnapshotId = string

/** What the answer cost: manifests and files that were considered, pruned and read, statements, rows that the engine gave, and milliseconds for what the log has beyond the files (tail), for planning, waiting for a connection and reading. Of statements side by side their sum is told, which may be more than total_ms */
export type Explain = { readonly plans: number; readonly manifests_considered: number; readonly manifests_pruned: number; readonly files_considered: number; readonly files_pruned: number; readonly files_read: number; readonly files_in_memory: number; readonly statements: number; readonly rows: number; readonly tail_ms: number; readonly plan_ms: number; readonly wait_ms: number; readonly read_ms: number; readonly total_ms: number }

export type Quote = { readonly message_id: string; readonly quote_id: string; readonly symbol: string; readonly exchange: string; readonly asset_class: 'equities' | 'crypto' | 'futures' | 'options'; readonly timestamp: Time; readonly bid_price: Decimal; readonly bid_quantity: Decimal; readonly ask_price: Decimal; readonly ask_quantity: Decimal; readonly currency: string; readonly source_sequence: Int64 | null; readonly ingestion_timestamp: Time; readonly platform_sequence: Int64 | null; readonly vendor_data: Readonly<Record<string, string>> | null }

export type TradeFields = { readonly message_id?: string; readonly trade_id?: string; readonly symbol?: string; readonly exchange?: string; readonly asset_class?: 'equities' | 'crypto' | 'futures' | 'options'; readonly timestamp?: Time; readonly price?: Decimal; readonly quantity?: Decimal; readonly currency?: string; readonly side?: 'BUY' | 'SELL' | 'SELL_SHORT' | 'UNKNOWN'; readonly trade_conditions?: readonly (string)[]; readonly source_sequence?: Int64 | null; readonly ingestion_timestamp?: Time; readonly platform_sequence?: Int64 | null; readonly vendor_data?: Readonly<Record<string, string>> | null }

export type QuoteFields = { readonly message_id?: string; readonly quote_id?: string; readonly symbol?: string; readonly exchange?: string; readonly asset_class?: 'equities' | 'crypto' | 'futures' | 'options'; readonly timestamp?: Time; readonly bid_price?: Decimal; readonly bid_quantity?: Decimal; readonly ask_price?: Decimal; readonly ask_quantity?: Decimal; readonly currency?: string; readonly source_sequence?: Int64 | null; readonly ingestion_timestamp?: Time; readonly platform_sequence?: Int64 | null; readonly vendor_data?: Readonly<Record<string, string>> | null }

export type ReferenceData = { readonly message_id: string; readonly company_id: string; readonly symbol: string; readonly exchange: string; readonly asset_class: 'equities' | 'crypto' | 'futures' | 'options'; readonly company_name: string; readonly isin: null | string; readonly currency: null | string; readonly listing_date: null | string; readonly delisting_date: null | string; readonly is_active: boolean; readonly ingestion_timestamp: Time; readonly vendor_data: Readonly<Record<string, string>> | null }

export type Gap = { readonly exchange: string; readonly symbol: string; readonly data_type: 'trades' | 'quotes'; readonly state: 'open' | 'closed'; readonly reason: 'unknown' | 'restart' | 'disconnect' | 'paused' | 'spool_full' | 'shed' | 'rejected'; readonly epoch: number; readonly from_id: Int64 | null; readonly to_id: Int64 | null; readonly count: number; readonly after_time: Time | null; readonly before_time: Time | null; readonly opened_at: Time; readonly closed_at: Time | null; readonly closed_reason: 'landed' | 'rejected' | 'never_issued' | 'written_off' | null }

/** An exact decimal with any number of digits, 8 or 16 after the point, written digit by digit: read it with a parser that keeps digits. Text where decimals=string is asked for. */
export type DecimalSum = string

/** Volume by price: levels of the same height, those that have trades */
export type VolumeProfile = { readonly step: Decimal; readonly levels: readonly ({ readonly from_price: Decimal; readonly to_price: Decimal; readonly volume: DecimalSum; readonly buy_volume: DecimalSum; readonly sell_volume: DecimalSum; readonly trade_count: number })[] }

/** complete: nothing is missing, and the symbol has traded since; gap: trades of the interval are missing, as the gap ledger says; provisional: it may still change */
export type CandleState = 'complete' | 'provisional' | 'gap'

export type Candle = { readonly exchange: string; readonly symbol: string; readonly interval_start: Time; readonly interval_end: Time; readonly open_price: Decimal; readonly high_price: Decimal; readonly low_price: Decimal; readonly close_price: Decimal; readonly volume: DecimalSum; readonly vwap: Decimal | null; readonly twap: Decimal; readonly trade_count: number; readonly quote_volume: DecimalSum; readonly buy_volume: DecimalSum; readonly sell_volume: DecimalSum; readonly volume_profile?: VolumeProfile; readonly state: CandleState }

export type Summary = { readonly symbol: string; readonly exchange: string; readonly date: string; readonly time_zone: string; readonly interval_start: Time; readonly interval_end: Time; readonly open_price: Decimal; readonly high_price: Decimal; readonly low_price: Decimal; readonly close_price: Decimal; readonly volume: DecimalSum; readonly vwap: Decimal | null; readonly twap: Decimal; readonly trade_count: number; readonly quote_volume: DecimalSum; readonly buy_volume: DecimalSum; readonly sell_volume: DecimalSum; readonly state: CandleState }

export type Bucket = { readonly exchange: string; readonly symbol: string; readonly interval_start: Time; readonly interval_end: Time; readonly open_price?: Decimal; readonly high_price?: Decimal; readonly low_price?: Decimal; readonly close_price?: Decimal; readonly volume?: DecimalSum; readonly vwap?: Decimal | null; readonly twap?: Decimal; readonly trade_count?: number; readonly volume_profile?: VolumeProfile; readonly state: CandleState }

export type ReplayedRecord = { readonly message_id?: string; readonly trade_id?: string; readonly symbol?: string; readonly exchange?: string; readonly asset_class?: 'equities' | 'crypto' | 'futures' | 'options'; readonly timestamp?: Time; readonly price?: Decimal; readonly quantity?: Decimal; readonly currency?: string; readonly side?: 'BUY' | 'SELL' | 'SELL_SHORT' | 'UNKNOWN'; readonly trade_conditions?: readonly (string)[]; readonly source_sequence?: Int64 | null; readonly ingestion_timestamp?: Time; readonly platform_sequence?: Int64 | null; readonly vendor_data?: Readonly<Record<string, string>> | null; readonly quote_id?: string; readonly bid_price?: Decimal; readonly bid_quantity?: Decimal; readonly ask_price?: Decimal; readonly ask_quantity?: Decimal }

export type Snapshot = { readonly snapshot_id: SnapshotId; readonly parent_id: SnapshotId | null; readonly timestamp: Time; readonly operation: 'append' | 'replace' | 'overwrite' | 'delete'; readonly summary: Readonly<Record<string, string>> }

/** null where the snapshot does not say it, or where there is none yet */
export type TableStats = { readonly table_name: string; readonly records: Int64 | null; readonly data_files: Int64 | null; readonly bytes: Int64 | null; readonly snapshot_id: SnapshotId | null; readonly committed_at: Time | null }

export type Stats = { readonly trades_count: Int64 | null; readonly quotes_count: Int64 | null; readonly tables: readonly (TableStats)[] }

export type ReplayCompleted = { readonly type: 'replay.completed'; readonly count: number; readonly live: boolean; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[] }

export type ReplayFailed = { readonly type: 'replay.failed'; readonly count: number; readonly code: string; readonly detail: string; readonly correlation_id: string }

export type Actor = { readonly id: string; readonly path: string; readonly state: string; readonly tags: readonly (string)[]; readonly restarts: number; readonly since: null | number; readonly lastError: null | { readonly tag: string; readonly message: string; readonly isDependency: boolean; readonly isRefusal?: boolean }; readonly queueBytes?: number; readonly queueBytesMax?: number; readonly counters?: Readonly<Record<string, number>>; readonly children: readonly (Actor)[] }

export type Actors = { readonly atMs: number; readonly root: Actor; readonly resources: readonly ({ readonly owner: string; readonly name: string; readonly kind: string; readonly sinceMs: number; readonly isLeaked: boolean })[]; readonly leakCount: number }

export type ConservationEquation = { readonly equation: string; readonly exchange: string; readonly data_type: 'trades' | 'quotes' | 'reference_data' | 'gaps'; readonly symbol: null | string; readonly tier: null | number; readonly partition: null | number; readonly left: Readonly<Record<string, number>>; readonly right: Readonly<Record<string, number>>; readonly relation: 'equal' | 'at_least'; readonly left_records: number; readonly right_records: number; readonly difference: number; readonly beside: Readonly<Record<string, number>>; readonly holds: boolean; readonly broken_since: Time | null }

export type Conservation = { readonly holds: boolean; readonly checked_at: Time | null; readonly broken: number; readonly broken_since: Time | null; readonly unit: 'records'; readonly totals: readonly ({ readonly equation: string; readonly exchange: string; readonly data_type: 'trades' | 'quotes' | 'reference_data' | 'gaps'; readonly equations: number; readonly broken: number; readonly left: Readonly<Record<string, number>>; readonly right: Readonly<Record<string, number>>; readonly imbalance: number })[]; readonly equations: readonly (ConservationEquation)[] }

/** Level of degradation */
export type Level = 'normal' | 'soft' | 'graceful' | 'aggressive' | 'circuitBreak'

export type PressureSignal = { readonly signal: string; readonly data_type?: 'trades' | 'quotes' | 'reference_data' | 'gaps'; readonly value: null | number; readonly limit: null | number; readonly unit: 'bytes' | 'records' | 'seconds' | 'share'; readonly age_seconds: null | number; readonly state: 'fresh' | 'stale' | 'unknown'; readonly level: Level; readonly marks: { readonly enter: readonly (null | number)[]; readonly leave: readonly (null | number)[] } }

export type LevelChange = { readonly at: Time; readonly scope: 'all' | 'quotes'; readonly kind: string; readonly from: Level; readonly to: Level; readonly signal: null | string; readonly value: null | number; readonly limit: null | number; readonly unit: 'bytes' | 'records' | 'seconds' | 'share' | null; readonly threshold: null | number; readonly dwell_seconds: null | number; readonly cooldown_seconds: number; readonly action: string; readonly reason: string }

export type Degradation = { readonly level: Level | null; readonly quotes_level: Level | null; readonly since: Time | null; readonly policy: null | { readonly trades_taken: { readonly tier_1: number; readonly tier_2: number; readonly tier_3: number }; readonly quotes_taken: { readonly tier_1: number; readonly tier_2: number; readonly tier_3: number }; readonly are_batches_grown: boolean; readonly are_quotes_conflated: boolean; readonly is_spilling: boolean; readonly is_paused: boolean }; readonly cooldown: null | { readonly seconds: number; readonly configured_seconds: number; readonly until: Time | null }; readonly injected: null | { readonly value: number; readonly expires: Time | null }; readonly signals: readonly (PressureSignal)[]; readonly history: readonly (LevelChange)[] }

export type WatchEdge = { readonly event: string; readonly kind: 'event' | 'after' | 'always' | 'done' | 'error'; readonly delay: null | string; readonly guard: null | string; readonly target: null | string; readonly actions: readonly (string)[] }

export type WatchState = { readonly key: string; readonly path: string; readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'; readonly initial: null | string; readonly tags: readonly (string)[]; readonly entry: readonly (string)[]; readonly exit: readonly (string)[]; readonly invoke: readonly (string)[]; readonly edges: readonly (WatchEdge)[]; readonly states: readonly (WatchState)[] }

export type WatchMachine = { readonly id: string; readonly root: WatchState }

export type WatchSeries = { readonly name: string; readonly label: string; readonly unit: string }

export type WatchActor = { readonly path: string; readonly parent: null | string; readonly order: number; readonly machines: { readonly keeper: null | string; readonly kept: null | string }; readonly state: { readonly keeper: null | string; readonly kept: null | string }; readonly tags: readonly (string)[]; readonly health: 'healthy' | 'degraded' | 'unavailable' | 'quarantined' | 'ended'; readonly restarts: number; readonly crashes_in_window: number; readonly restarts_max: null | number; readonly window_seconds: null | number; readonly backoff_until: null | number; readonly since: null | number; readonly queue_bytes: null | number; readonly queue_bytes_max: null | number; readonly messages_per_second: null | number; readonly last_error: null | { readonly tag: string; readonly message: string } }

export type WatchTransition = { readonly at: number; readonly path: string; readonly of: 'keeper' | 'kept'; readonly machine: null | string; readonly event: string; readonly from: string; readonly to: string; readonly taken: readonly ({ readonly source: string; readonly event: string; readonly target: null | string })[]; readonly guards: readonly ({ readonly guard: string; readonly target: null | string; readonly result: boolean })[]; readonly actions: readonly (string)[]; readonly detail: null | string }

export type WatchMark = { readonly at: number; readonly kind: 'crash' | 'waiting' | 'recovered' | 'quarantined' | 'released' | 'operator' | 'injected'; readonly path: null | string; readonly text: string }

export type WatchEdgeCount = { readonly path: string; readonly of: 'keeper' | 'kept'; readonly source: string; readonly event: string; readonly target: null | string; readonly count: number }

export type WatchDegradation = { readonly level: Level | null; readonly quotes_level: Level | null; readonly since: Time | null; readonly policy: null | { readonly trades_taken: { readonly tier_1: number; readonly tier_2: number; readonly tier_3: number }; readonly quotes_taken: { readonly tier_1: number; readonly tier_2: number; readonly tier_3: number }; readonly are_batches_grown: boolean; readonly are_quotes_conflated: boolean; readonly is_spilling: boolean; readonly is_paused: boolean }; readonly cooldown: null | { readonly seconds: number; readonly configured_seconds: number; readonly until: Time | null }; readonly injected: null | { readonly value: number; readonly expires: Time | null }; readonly signals: readonly (PressureSignal)[] }

export type WatchFrame = { readonly seq: number; readonly at: number; readonly actors?: readonly (WatchActor)[]; readonly gone?: readonly (string)[]; readonly transitions?: readonly (WatchTransition)[]; readonly left_out?: number; readonly changes?: readonly (LevelChange)[]; readonly marks?: readonly (WatchMark)[]; readonly counts?: readonly (WatchEdgeCount)[]; readonly sample?: readonly (null | number)[]; readonly degradation?: WatchDegradation }

export type Episode = { readonly version: 2; readonly k2_version: string; readonly instance: string; readonly started_at: number; readonly machines: readonly (WatchMachine)[]; readonly series: readonly (WatchSeries)[]; readonly base: WatchFrame; readonly frames: readonly (WatchFrame)[] }

export type Component = { readonly name: string; readonly status: 'healthy' | 'degraded' | 'unavailable'; readonly detail?: string }

export type Health = { readonly status: 'healthy' | 'degraded' | 'unhealthy'; readonly version: string; readonly timestamp: Time; readonly level: Level | null; readonly components: readonly (Component)[] }

export type ProblemCode =
  | 'actor_not_found'
  | 'actor_not_quarantined'
  | 'api_key_invalid'
  | 'api_key_missing'
  | 'body_too_large'
  | 'cursor_invalid'
  | 'gone'
  | 'headers_too_large'
  | 'host_not_allowed'
  | 'internal_error'
  | 'invalid_body'
  | 'invalid_parameters'
  | 'malformed_request'
  | 'not_acceptable'
  | 'not_followed'
  | 'not_found'
  | 'not_ready'
  | 'not_served_here'
  | 'origin_not_allowed'
  | 'overloaded'
  | 'query_failed'
  | 'query_queue_full'
  | 'query_timed_out'
  | 'rate_limited'
  | 'read_not_reached'
  | 'read_token_invalid'
  | 'replays_busy'
  | 'request_too_slow'
  | 'rows_removed'
  | 'scope_missing'
  | 'snapshot_not_found'
  | 'sql_failed'
  | 'sql_invalid'
  | 'sql_memory_exceeded'
  | 'sql_not_allowed'
  | 'sql_result_too_large'
  | 'sql_unknown_table'
  | 'table_unavailable'
  | 'too_much_to_read'
  | 'unsupported_media_type'
  | 'uri_too_long'
  | 'viewers_busy'

/** By method and address. */
export interface Operations {
  /** The page that shows what K2 does, or, as JSON, this index */
  readonly 'GET /': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly name: 'k2'; readonly version: string; readonly routes: readonly ({ readonly method: string; readonly path: string; readonly about: string; readonly parameters: readonly ({ readonly name: string; readonly allowed: string })[] })[] }
    readonly row: never
  }
  /** The newest trades */
  readonly 'GET /v1/trades': {
    readonly path: undefined
    readonly query: { readonly symbol?: string; readonly exchange?: string; readonly start_time?: string; readonly end_time?: string; readonly limit?: number; readonly read_token?: string; readonly cursor?: string; readonly snapshot_id?: string; readonly as_of?: string; readonly tag?: string; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Trade)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly read_token: null | string; readonly explain?: Explain } }
    readonly row: Trade
  }
  /** The trades of the last minutes, newest first */
  readonly 'GET /v1/trades/recent': {
    readonly path: undefined
    readonly query: { readonly symbol: string; readonly exchange: string; readonly window_minutes?: number; readonly limit?: number; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Trade)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly read_token: null | string; readonly query: { readonly symbol: string; readonly exchange: string; readonly window_minutes: number; readonly start_time: Time; readonly end_time: Time }; readonly explain?: Explain } }
    readonly row: Trade
  }
  /** The newest quotes */
  readonly 'GET /v1/quotes': {
    readonly path: undefined
    readonly query: { readonly symbol?: string; readonly exchange?: string; readonly start_time?: string; readonly end_time?: string; readonly limit?: number; readonly read_token?: string; readonly cursor?: string; readonly snapshot_id?: string; readonly as_of?: string; readonly tag?: string; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Quote)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly read_token: null | string; readonly explain?: Explain } }
    readonly row: Quote
  }
  /** The newest trades of symbols and exchanges, with the fields that are asked for */
  readonly 'POST /v1/trades/query': {
    readonly path: undefined
    readonly query: { readonly explain?: '0' | '1' }
    readonly body: { readonly symbols?: readonly (string)[]; readonly exchanges?: readonly (string)[]; readonly start_time?: number | string; readonly end_time?: number | string; readonly limit?: number; readonly offset?: number; readonly read_token?: string; readonly cursor?: string; readonly snapshot_id?: string; readonly as_of?: number | string; readonly tag?: string; readonly fields?: readonly ('message_id' | 'trade_id' | 'symbol' | 'exchange' | 'asset_class' | 'timestamp' | 'price' | 'quantity' | 'currency' | 'side' | 'trade_conditions' | 'source_sequence' | 'ingestion_timestamp' | 'platform_sequence' | 'vendor_data')[]; readonly min_price?: number | string; readonly max_price?: number | string; readonly min_quantity?: number | string }
    readonly answer: { readonly success: true; readonly data: readonly (TradeFields)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly read_token: null | string; readonly explain?: Explain } }
    readonly row: TradeFields
  }
  /** The newest quotes of symbols and exchanges, with the fields that are asked for */
  readonly 'POST /v1/quotes/query': {
    readonly path: undefined
    readonly query: { readonly explain?: '0' | '1' }
    readonly body: { readonly symbols?: readonly (string)[]; readonly exchanges?: readonly (string)[]; readonly start_time?: number | string; readonly end_time?: number | string; readonly limit?: number; readonly offset?: number; readonly read_token?: string; readonly cursor?: string; readonly snapshot_id?: string; readonly as_of?: number | string; readonly tag?: string; readonly fields?: readonly ('message_id' | 'quote_id' | 'symbol' | 'exchange' | 'asset_class' | 'timestamp' | 'bid_price' | 'bid_quantity' | 'ask_price' | 'ask_quantity' | 'currency' | 'source_sequence' | 'ingestion_timestamp' | 'platform_sequence' | 'vendor_data')[] }
    readonly answer: { readonly success: true; readonly data: readonly (QuoteFields)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly read_token: null | string; readonly explain?: Explain } }
    readonly row: QuoteFields
  }
  /** Reference data of each company or pair, newest version */
  readonly 'GET /v1/reference-data': {
    readonly path: undefined
    readonly query: { readonly company?: string; readonly ticker?: string; readonly exchange?: string; readonly limit?: number; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (ReferenceData)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly explain?: Explain } }
    readonly row: ReferenceData
  }
  /** What is missing, and why; with state=closed or all, what was */
  readonly 'GET /v1/gaps': {
    readonly path: undefined
    readonly query: { readonly state?: 'open' | 'closed' | 'all'; readonly exchange?: string; readonly symbol?: string; readonly reason?: 'unknown' | 'restart' | 'disconnect' | 'paused' | 'spool_full' | 'shed' | 'rejected'; readonly limit?: number; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Gap)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly open_gaps: number; readonly open_trades: number; readonly explain?: Explain } }
    readonly row: Gap
  }
  /** Candles of a symbol: the newest, or from start_time on the oldest */
  readonly 'GET /v1/candles': {
    readonly path: undefined
    readonly query: { readonly symbol: string; readonly exchange?: string; readonly interval?: '1s' | '5s' | '15s' | '30s' | '1m' | '5m' | '15m' | '30m' | '1h' | '4h' | '1d'; readonly start_time?: string; readonly end_time?: string; readonly limit?: number; readonly profile_levels?: number; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Candle)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly interval: '1s' | '5s' | '15s' | '30s' | '1m' | '5m' | '15m' | '30m' | '1h' | '4h' | '1d'; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly explain?: Explain } }
    readonly row: Candle
  }
  /** What a symbol's trades of one trading day of its exchange came to */
  readonly 'GET /v1/summary/{symbol}/{date}': {
    readonly path: { readonly symbol: string; readonly date: string }
    readonly query: { readonly exchange?: string; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Summary; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly explain?: Explain } }
    readonly row: Summary
  }
  /** Measures of the trades of symbols, by interval */
  readonly 'POST /v1/aggregations': {
    readonly path: undefined
    readonly query: { readonly explain?: '0' | '1' }
    readonly body: { readonly symbols: readonly (string)[]; readonly metrics: readonly ('vwap' | 'twap' | 'ohlcv' | 'volume_profile' | 'trade_count')[]; readonly interval: '1min' | '5min' | '15min' | '30min' | '1hour' | '1day' | '1m' | '5m' | '15m' | '30m' | '1h' | '1d'; readonly start_time: number | string; readonly end_time: number | string; readonly exchange?: string; readonly limit?: number }
    readonly answer: { readonly success: true; readonly data: readonly (Bucket)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly request_summary: { readonly symbols: readonly (string)[]; readonly exchange: null | string; readonly metrics: readonly ('vwap' | 'twap' | 'ohlcv' | 'volume_profile' | 'trade_count')[]; readonly interval: '1min' | '5min' | '15min' | '30min' | '1hour' | '1day' | '1m' | '5m' | '15m' | '30m' | '1h' | '1d'; readonly start_time: Time; readonly end_time: Time; readonly buckets: number }; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly explain?: Explain } }
    readonly row: Bucket
  }
  /** Symbols that have trades */
  readonly 'GET /v1/symbols': {
    readonly path: undefined
    readonly query: { readonly exchange?: string; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (string)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly instruments: readonly ({ readonly symbol: string; readonly exchange: string; readonly base_asset: null | string; readonly quote_asset: string })[]; readonly explain?: Explain } }
    readonly row: never
  }
  /** Records as a snapshot of their table has them, newest first */
  readonly 'POST /v1/snapshots/{snapshot_id}/query': {
    readonly path: { readonly snapshot_id: string }
    readonly query: { readonly explain?: '0' | '1' }
    readonly body: { readonly data_type?: 'trades' | 'quotes'; readonly symbol?: string; readonly exchange?: string; readonly limit?: number; readonly offset?: number; readonly cursor?: string }
    readonly answer: { readonly success: true; readonly data: readonly (Quote | Trade)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly read_token: null | string; readonly snapshot_timestamp: Time; readonly explain?: Explain } }
    readonly row: Quote | Trade
  }
  /** Rows that a snapshot has and an older one has not; maintenance shows none */
  readonly 'GET /v1/snapshots/{snapshot_id}/diff': {
    readonly path: { readonly snapshot_id: string }
    readonly query: { readonly table?: 'trades' | 'quotes'; readonly base_snapshot_id?: string; readonly symbol?: string; readonly exchange?: string; readonly limit?: number; readonly explain?: '0' | '1' }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Quote | Trade)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId; readonly base_snapshot_id: SnapshotId | null; readonly added_rows: number; readonly removed_rows: number; readonly explain?: Explain } }
    readonly row: Quote | Trade
  }
  /** Records in the order of time, by pages that are one replay together */
  readonly 'POST /v1/replay': {
    readonly path: undefined
    readonly query: { readonly explain?: '0' | '1' }
    readonly body: { readonly data_type?: 'trades' | 'quotes'; readonly symbols?: readonly (string)[]; readonly exchanges?: readonly (string)[]; readonly start_time?: number | string; readonly end_time?: number | string; readonly fields?: readonly (string)[]; readonly limit?: number; readonly cursor?: string }
    readonly answer: { readonly success: true; readonly data: readonly (ReplayedRecord)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly snapshot_id: SnapshotId | null; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly explain?: Explain } }
    readonly row: ReplayedRecord
  }
  /** One SELECT over the tables */
  readonly 'POST /v1/sql': {
    readonly path: undefined
    readonly query: { readonly explain?: '0' | '1' }
    readonly body: { readonly sql: string; readonly limit?: number }
    readonly answer: { readonly success: true; readonly data: readonly (Readonly<Record<string, unknown>>)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly columns: readonly ({ readonly name: string; readonly type: string })[]; readonly row_count: number; readonly truncated: boolean; readonly truncated_by?: 'rows' | 'bytes'; readonly hint?: string; readonly snapshots: Readonly<Record<string, SnapshotId | null>>; readonly partial: boolean; readonly missing?: readonly (string)[]; readonly explain?: Explain } }
    readonly row: Readonly<Record<string, unknown>>
  }
  /** Snapshots of a table */
  readonly 'GET /v1/snapshots': {
    readonly path: undefined
    readonly query: { readonly table?: 'trades' | 'quotes' | 'reference_data' | 'gaps' | 'candles_1m'; readonly limit?: number }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: readonly (Snapshot)[]; readonly pagination: Pagination; readonly meta: { readonly correlation_id: string; readonly timestamp: Time; readonly table_name: string } }
    readonly row: never
  }
  /** How much there is in each table */
  readonly 'GET /v1/stats': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Stats; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Records in the order of time, as a stream; its last line says that it is whole */
  readonly 'GET /v1/replay/stream': {
    readonly path: undefined
    readonly query: { readonly data_type?: 'trades' | 'quotes'; readonly symbols?: string; readonly exchanges?: string; readonly start_time?: string; readonly end_time?: string; readonly speed?: string; readonly fields?: string; readonly live?: 'true' | 'false' }
    readonly body: undefined
    readonly answer: never
    readonly row: ReplayCompleted | ReplayFailed | ReplayedRecord
  }
  /** The actors that run: state, restarts, queues */
  readonly 'GET /v1/system/actors': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Actors; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Starts a quarantined actor again */
  readonly 'POST /v1/system/actors/{path}/release': {
    readonly path: { readonly path: string }
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: { readonly path: string }; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Whether every record is accounted for: equations, their terms, since when one fails */
  readonly 'GET /v1/system/conservation': {
    readonly path: undefined
    readonly query: { readonly state?: 'all' | 'broken'; readonly symbol?: string }
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Conservation; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Level of degradation: why, since when, and what it commands */
  readonly 'GET /v1/system/degradation': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Degradation; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Injects pressure */
  readonly 'POST /v1/system/pressure': {
    readonly path: undefined
    readonly query: undefined
    readonly body: { readonly signal?: 'injected'; readonly level?: 'soft' | 'graceful' | 'aggressive' | 'circuitBreak'; readonly value?: number; readonly expires_seconds: number }
    readonly answer: { readonly success: true; readonly data: Degradation; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Takes injected pressure away */
  readonly 'DELETE /v1/system/pressure': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Degradation; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** The machines that actors run: states, and edges between them */
  readonly 'GET /v1/system/machines': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: { readonly machines: readonly (WatchMachine)[] }; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** The last hour, as an episode: what was before it, and each frame since */
  readonly 'GET /v1/system/history': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: Episode; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Frames as they come, from now on or behind one that you have */
  readonly 'GET /v1/system/watch': {
    readonly path: undefined
    readonly query: { readonly after?: number; readonly instance?: string }
    readonly body: undefined
    readonly answer: never
    readonly row: never
  }
  /** Takes nothing more, lands what there is, and ends the process */
  readonly 'POST /v1/system/drain': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly success: true; readonly data: { readonly draining: true; readonly ends_within_seconds: number }; readonly meta: { readonly correlation_id: string; readonly timestamp: Time } }
    readonly row: never
  }
  /** Whether the process is up */
  readonly 'GET /health/live': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly status: 'live' }
    readonly row: never
  }
  /** Whether requests can be answered */
  readonly 'GET /health/ready': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: { readonly status: 'ready'; readonly level: Level | null; readonly components: readonly (Component)[] }
    readonly row: never
  }
  /** State of each component */
  readonly 'GET /health': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: Health
    readonly row: never
  }
  /** Metrics for Prometheus */
  readonly 'GET /metrics': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: never
    readonly row: never
  }
  /** This document: OpenAPI 3.1 */
  readonly 'GET /openapi.json': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: Readonly<Record<string, unknown>>
    readonly row: never
  }
  /** The document of this API, to read and to try out */
  readonly 'GET /docs': {
    readonly path: undefined
    readonly query: undefined
    readonly body: undefined
    readonly answer: never
    readonly row: never
  }
  /** What the page is made of */
  readonly 'GET /docs/{file}': {
    readonly path: { readonly file: string }
    readonly query: undefined
    readonly body: undefined
    readonly answer: never
    readonly row: never
  }
  /** What the page at / is made of */
  readonly 'GET /page/{file}': {
    readonly path: { readonly file: string }
    readonly query: undefined
    readonly body: undefined
    readonly answer: never
    readonly row: never
  }
}

/** By method and address: where decimals can be asked for as text. */
export const exactOperations: ReadonlySet<string> = new Set([
  'GET /v1/trades',
  'GET /v1/trades/recent',
  'GET /v1/quotes',
  'POST /v1/trades/query',
  'POST /v1/quotes/query',
  'GET /v1/candles',
  'GET /v1/summary/{symbol}/{date}',
  'POST /v1/aggregations',
  'POST /v1/snapshots/{snapshot_id}/query',
  'GET /v1/snapshots/{snapshot_id}/diff'
])

/** Members of answers that are decimals, wherever they stand. */
export const decimalMembers: ReadonlySet<string> = new Set([
  'ask_price',
  'ask_quantity',
  'bid_price',
  'bid_quantity',
  'buy_volume',
  'close_price',
  'from_price',
  'high_price',
  'low_price',
  'open_price',
  'price',
  'quantity',
  'quote_volume',
  'sell_volume',
  'step',
  'to_price',
  'twap',
  'volume',
  'vwap'
])
