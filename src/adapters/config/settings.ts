/**
 * Every setting of K2: one table from which the help text, the parser and the types derive.
 * The variable's name without `K2_`, in kebab case, is its flag: `K2_HTTP_PORT` is `--http-port`.
 */
import { streamedDataTypes } from '../../market/data-type.ts'
import {
  baseUrl,
  bytes,
  choice,
  duration,
  durationOrOff,
  folder,
  integer,
  integerOrOff,
  list,
  symbol
} from './values.ts'
import { optional, setting } from './setting.ts'
import { degradationSettings } from './degradation-settings.ts'
import { httpSettings } from './http-settings.ts'
import { logLevels } from './log-values.ts'
import { tradingZones } from './trading-zone-values.ts'
import { serviceSettings } from './service-settings.ts'
import { traceSettings } from './trace-settings.ts'

/** The venue carries at most this many streams on one connection. */
export const streamsPerConnectionMax = 1_024

const MiB = 1_024 ** 2
const GiB = 1_024 ** 3
const TiB = 1_024 ** 4
const day = 86_400_000

export const settings = {
  ...httpSettings,
  dataDir: setting('K2_DATA_DIR', folder, '.k2', [
    '/var/lib/k2',
    'Folder of the event log, the Iceberg warehouse and the dead letters. ' +
      'One running K2 per folder.'
  ]),
  roles: setting('K2_ROLES', list(choice('ingest', 'land', 'serve'), 1, 3), 'ingest,land,serve', [
    'ingest',
    'What this process does: ingest captures into the event log, land brings it into the tables, ' +
      'serve answers queries. Processes that share the work need Kafka.'
  ]),
  feeds: setting('K2_FEEDS', list(choice('simulated', 'binance'), 1, 1), 'simulated', [
    'binance',
    'Where trades come from: simulated starts an exchange on this machine, ' +
      'binance talks to the venue.'
  ]),
  binanceWebsocketUrls: setting(
    'K2_BINANCE_WEBSOCKET_URL',
    list(baseUrl('wss', 'ws'), 1, 8),
    'wss://stream.binance.com:9443,wss://stream.binance.com:443',
    [
      'wss://stream.binance.com:9443',
      'Base address of the WebSocket streams; further ones are failovers.'
    ]
  ),
  binanceRestUrls: setting(
    'K2_BINANCE_REST_URL',
    list(baseUrl('https', 'http'), 1, 8),
    'https://api.binance.com,https://api1.binance.com',
    ['https://api.binance.com', 'Base address of the REST API; further ones are failovers.']
  ),
  binanceSymbols: optional('K2_BINANCE_SYMBOLS', list(symbol, 1, 1_024), [
    'BTCUSDT,ETHUSDT',
    'Symbols to capture; by default all symbols of the simulated exchange, ' +
      'and BTCUSDT,ETHUSDT of the venue.'
  ]),
  dataTypes: setting('K2_DATA_TYPES', list(choice(...streamedDataTypes), 1, 2), 'trades,quotes', [
    'trades',
    'What is captured; each takes one stream per symbol, of the 1,024 of a connection.'
  ]),
  referenceMs: setting('K2_REFERENCE_INTERVAL', durationOrOff(1_000, 7 * day), '1h', [
    '10m',
    'How often the venue is asked what it says of the captured symbols; what has changed is kept ' +
      'as reference data. off captures none.'
  ]),
  binanceStaleMs: setting('K2_BINANCE_STALE_AFTER', duration(1_000, 3_600_000), '60s', [
    '30s',
    'A connection that delivers neither frame nor ping for this long is replaced.'
  ]),
  binanceRotateMs: setting('K2_BINANCE_ROTATE_AFTER', durationOrOff(10_000, 7 * day), '23h', [
    '12h',
    'A connection of this age is replaced without a break, up to a twentieth earlier: ' +
      'the venue ends it after 24 hours. off leaves that to the venue, and a gap with it.'
  ]),
  simulatorRate: setting('K2_SIMULATOR_RATE', integer(1, 1_000_000, 'trades/s'), '100', [
    '2000',
    'Trades per second of the simulated exchange, over all its symbols.'
  ]),
  simulatorSeed: setting('K2_SIMULATOR_SEED', integer(0, 2 ** 31, 'number'), '42', [
    '7',
    'Seed of the simulated exchange: same seed, same trades.'
  ]),
  ...serviceSettings,
  ...traceSettings,
  logPartitions: setting('K2_LOG_PARTITIONS', integer(1, 256, 'partitions'), '4', [
    '8',
    'Partitions per topic of a new event log; an existing log keeps its own.'
  ]),
  logFlushMs: setting('K2_LOG_FLUSH_INTERVAL', duration(0, 50), '20ms', [
    '5ms',
    'Least time between two fsyncs of a partition; appends in between share the second one.'
  ]),
  logDiskBytesMax: setting('K2_LOG_DISK_LIMIT', bytes(16 * MiB, 100 * TiB), '2GiB', [
    '10GiB',
    'Bytes of the event log. Records that are not landed are never deleted: ' +
      'when they fill it, appends wait.'
  ]),
  publishBytesMax: setting('K2_PUBLISH_BYTES', bytes(1 * MiB, 4 * GiB), '32MiB', [
    '64MiB',
    'Records of a data type in memory between feed and event log; beyond it the feeds wait.'
  ]),
  commitAgeMs: setting('K2_COMMIT_AGE', duration(100, 3_600_000), '5s', [
    '30s',
    'Oldest a record may be before it is committed to the table.'
  ]),
  commitRowsMax: setting('K2_COMMIT_ROWS', integer(1, 1_048_576, 'rows'), '131072', [
    '32768',
    'A commit is due at this many rows.'
  ]),
  commitBytesMax: setting('K2_COMMIT_BYTES', bytes(64 * 1_024, 1 * GiB), '64MiB', [
    '16MiB',
    'A commit is due at this many bytes of log records.'
  ]),
  snapshotsMax: setting('K2_SNAPSHOTS_MAX', integer(1, 10_000, 'snapshots'), '100', [
    '500',
    'Snapshots of a table that can be read back.'
  ]),
  sequenceJumpMax: setting('K2_SEQUENCE_JUMP_MAX', integer(1, 1_000_000_000, 'ids'), '1000000', [
    '100000',
    "A longer jump of a symbol's ids is held until three ids in sequence confirm it."
  ]),
  gapGraceMs: setting('K2_GAP_GRACE', duration(0, 3_600_000), '2s', [
    '5s',
    'Ids that are missing for less than this, in the time of the exchange, are no gap yet.'
  ]),
  healing: setting('K2_HEALING', choice('on', 'off'), 'on', [
    'off',
    "Whether trades that are missing are fetched from the venue's history, within its limits."
  ]),
  retentionDays: setting('K2_RETENTION_DAYS', integer(1, 36_500, 'days'), '90', [
    '365',
    'Whole days this much older than the newest day of a table leave it.'
  ]),
  compactionMs: setting('K2_COMPACTION_INTERVAL', durationOrOff(100, day), '60s', [
    '10m',
    'How often small data files are merged: the newest hour into files of 32,768 rows, ' +
      'older hours into one group each. off leaves all files as they have landed.'
  ]),
  compactionBytesMax: setting('K2_COMPACTION_MEMORY_LIMIT', bytes(64 * MiB, 1 * TiB), '256MiB', [
    '1GiB',
    'Memory of DuckDB while files are merged; what is beyond it goes to the disk.'
  ]),
  orphanAgeMs: setting('K2_ORPHAN_AGE', durationOrOff(3_600_000, 365 * day), '3d', [
    '7d',
    'Files that no table names are deleted at this age; longer than any commit takes. ' +
      'off leaves them.'
  ]),
  rollupMs: setting('K2_ROLLUP_INTERVAL', durationOrOff(100, day), '15s', [
    '1m',
    'How often the table of candles of minutes is brought up to the trades; less often where ' +
      'that would take more than a tenth of the time. What it lacks is made of trades when it is ' +
      'asked for; off leaves it as it is.'
  ]),
  tradingZones: setting('K2_TRADING_ZONES', tradingZones(64), 'ASX=Australia/Sydney', [
    'ASX=Australia/Sydney,XNYS=America/New_York',
    'Time zones in which exchanges count their trading days, as EXCHANGE=Zone; others are in UTC.'
  ]),
  diskBytesMax: setting('K2_DISK_LIMIT', bytes(64 * MiB, 1_000 * TiB), '10GiB', [
    '200GiB',
    'Bytes of the whole data folder; when they are used up the event log refuses appends ' +
      'and the feeds wait.'
  ]),
  queryConnections: setting('K2_QUERY_CONNECTIONS', integer(1, 12, 'connections'), '4', [
    '8',
    'Queries that run at the same time.'
  ]),
  queryTimeoutMs: setting('K2_QUERY_TIMEOUT', duration(100, 600_000), '30s', [
    '5s',
    'A query that runs longer is interrupted.'
  ]),
  duckdbBytesMax: setting('K2_DUCKDB_MEMORY_LIMIT', bytes(128 * MiB, 1 * TiB), '512MiB', [
    '2GiB',
    'Memory of DuckDB for the queries, and as much again for the landers together; ' +
      'the lander of reference data has 64 MiB more.'
  ]),
  tailBytesMax: setting('K2_TAIL_BYTES', bytes(8 * MiB, 64 * GiB), '128MiB', [
    '512MiB',
    'Memory, of K2_DUCKDB_MEMORY_LIMIT, for records of a data type that are in the log and not ' +
      'yet in the table: what is beyond cannot be answered before it has landed.'
  ]),
  hotFilesBytesMax: setting('K2_HOT_FILES_BYTES', bytes(0, 64 * GiB), '128MiB', [
    '1GiB',
    'Memory for files that are asked for again and again, unpacked: the newest records come from ' +
      'there, and, with a quarter of it, candles. 0: none are kept.'
  ]),
  replaysMax: setting('K2_REPLAYS_MAX', integer(1, 64, 'replays'), '4', [
    '2',
    'Replays (GET /v1/replay/stream) at the same time; each has some MiB of text in memory.'
  ]),
  sqlRowsMax: setting('K2_SQL_ROWS_MAX', integer(1, 1_000_000, 'rows'), '10000', [
    '100000',
    'Most rows that an answer of POST /v1/sql has.'
  ]),
  sqlBytesMax: setting('K2_SQL_BYTES_MAX', bytes(1_024, 256 * MiB), '16MiB', [
    '4MiB',
    'Most bytes of the rows of an answer of POST /v1/sql; it is cut there, and says so.'
  ]),
  sqlMemoryBytesMax: setting('K2_SQL_MEMORY_LIMIT', bytes(256 * MiB, 1 * TiB), '512MiB', [
    '2GiB',
    'Memory of the process that runs a statement of POST /v1/sql, half of it for DuckDB; a ' +
      'statement that needs more is ended. At most two run, and none before the first statement.'
  ]),
  ...degradationSettings,
  shutdownMs: setting('K2_SHUTDOWN_TIMEOUT', duration(1_000, 600_000), '9s', [
    '30s',
    'Longest time to drain and commit on Ctrl-C or SIGTERM.'
  ]),
  logLevel: setting('K2_LOG_LEVEL', logLevels, 'info', [
    'info,feed=debug',
    'Least severe log line that is written (JSON lines, standard error), and that of components: ' +
      'the first words of events, feed of feed.subscribed.'
  ]),
  logRepeats: setting('K2_LOG_REPEATS', integerOrOff(1, 1_000_000, 'lines/min'), '120', [
    'off',
    'Lines of the same event a minute; what comes beyond is counted and summed up in one line. ' +
      'Lines of requests and of changes on demand are always written; off writes all.'
  ])
} as const

export type SettingKey = keyof typeof settings
