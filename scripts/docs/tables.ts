/**
 * Tables of measured figures, as `<!--k2:table NAME-->` puts them into a document: what a row is
 * called there, and which measures of which results it shows. Values, spreads and bars come from
 * the results.
 */
import { barsTogether, numberText, provenanceText, together, viewOf } from './format.ts'
import { seedQueries } from './seed-queries.ts'
import { figureOf, measureOf, readResult, type ResultFile } from './results.ts'

interface Table {
  /** A result, as documents name it. */
  readonly from: string
  /** What a row is called, and its measures (`figure/measure`), which have one unit. */
  readonly rows: readonly (readonly [string, ...string[]])[]
}

const percentiles = (figure: string, query: string) =>
  ['p50', 'p99'].map((it) => `${figure}/${query}, ${it}`)

const tables: Readonly<Record<string, Table>> = {
  kernel: {
    from: 'bench/kernel',
    rows: [
      ['Socket to committed table, exchange at full speed', 'throughput/socket to table'],
      ['Read from the socket meanwhile, the rest waits in the log',
        'throughput/read from the socket'],
      ['CPU of K2 meanwhile', 'throughput/CPU of K2'],
      ['CPU of K2 per trade', 'throughput/CPU per trade'],
      ['Memory (RSS) peak', 'throughput/RSS peak'],
      ['Memory, rise towards the end', 'throughput/RSS rise, smaller of both'],
      ['At 20,000 trades/s: event-loop delay of the main thread, p99', 'rate/event-loop delay p99'],
      ['At 20,000 trades/s: CPU of K2', 'rate/CPU of K2'],
      ['Lander alone on a backlog', 'lander/backlog landed'],
      ['the same, memory (RSS) peak', 'lander/RSS peak'],
      ['Commit of 500 rows (Parquet, state, snapshot), p50', 'commits/commit of 500 rows, p50'],
      ['Commits 990–1,000 over commits 10–20', 'commits/late over early'],
      ['PyIceberg, append of the same 500 rows, p50',
        'commits/PyIceberg, append of the same 500 rows, p50'],
      ['PyIceberg over K2, side by side', 'commits/PyIceberg over K2, p50'],
      ['First start to first trade served',
        'start/empty folder: first trade received since, served'],
      ['Second start to first trade served',
        'start/second start: first trade received since, served'],
      ['Second start, 1,000 commits in the table',
        'start/start after 1000 commits: first trade received since, served']
    ]
  },
  watcher: {
    from: 'bench/watcher',
    rows: [['A watcher of the actor system, cost in throughput', 'watcher/cost in throughput']]
  },
  kafka: {
    from: 'bench/kafka',
    rows: [
      ['Socket to committed table through Kafka', 'kafka/socket to table'],
      ['CPU per trade: K2 / broker / exchange', 'kafka/CPU per trade: K2, all of it',
        'kafka/CPU per trade: broker', 'kafka/CPU per trade: exchange'],
      ['Memory (RSS) peak of K2', 'kafka/RSS peak of K2']
    ]
  },
  'kafka-backlog': {
    from: 'bench/kafka-backlog',
    rows: [
      ['Lander alone on a backlog in Kafka', 'kafka-backlog/backlog landed'],
      ['the same, memory (RSS) peak', 'kafka-backlog/RSS peak']
    ]
  },
  peers: {
    from: 'bench/peers',
    rows: [
      ['K2', 'peers/K2'],
      ['Python, as the Python K2 was configured: an append each 500 rows',
        'peers/Python, 500 rows an append'],
      ['K2 over it', 'peers/K2 to Python, 500 rows an append'],
      ['Python, at K2’s own interval of commits', 'peers/Python, an append each 5 s'],
      ['K2 over it', 'peers/K2 to Python, an append each 5 s'],
      ['CPU per row: K2 / Python, at K2’s interval',
        'peers/K2: CPU per row', 'peers/Python, an append each 5 s: CPU per row']
    ]
  },
  'kafka-drain': {
    from: 'bench/kafka-drain',
    rows: [
      ['The broker was away', 'kafka-drain/broker away'],
      ['Trades meanwhile and after', 'kafka-drain/live meanwhile'],
      ['The spool leaves, over the live rate', 'kafka-drain/drained, over live'],
      ['Publish duration of live batches, p99 at most', 'kafka-drain/publish duration p99, at most']
    ]
  },
  maintenance: {
    from: 'bench/maintenance',
    rows: [
      ['Newest 100 of a symbol', 'maintenance/newest 100 of BTCUSDT: grown over written at once'],
      ['Newest 100 of all symbols',
        'maintenance/newest 100 of all symbols: grown over written at once'],
      ['A second of an old hour',
        'maintenance/a second of BTCUSDT in an old hour: grown over written at once'],
      ['An old hour, newest 200',
        'maintenance/an old hour of BTCUSDT, newest 200: grown over written at once']
    ]
  },
  queries: {
    from: 'bench/queries',
    rows: [
      ...seedQueries.map(([name, query, asks]): readonly [string, ...string[]] => [
        `\`${name}\`: ${asks}`,
        ...percentiles('queries', query)
      ]),
      ['Aggregate over all rows by SQL, over DuckDB alone',
        'queries/full scan over DuckDB alone'],
      ['Event-loop delay meanwhile, p99', 'queries/event-loop delay of K2 during full scans, p99'],
      ['Point query of 1,000 files, planned, over DuckDB given all',
        'planning/planned over all files'],
      ['64 clients at once: answers', 'clients/64 clients: answers'],
      ['64 clients at once: p50 / p99', 'clients/64 clients: p50', 'clients/64 clients: p99'],
      ['Bytes per trade: Parquet / Avro in the log / JSON',
        'sizes/bytes per trade: Parquet of the table',
        'sizes/bytes per trade: Avro in the log, with its batch',
        'sizes/bytes per trade: JSON as /v1/trades writes it']
    ]
  },
  'queries-peer': {
    from: 'bench/queries-peer',
    rows: seedQueries.flatMap(([name, query]): readonly (readonly [string, ...string[]])[] => [
      [`\`${name}\`: K2 / PyIceberg with DuckDB`,
        `queries-peer/${query}: K2 over HTTP, p50`,
        `queries-peer/${query}: PyIceberg and DuckDB, p50`],
      ['the same, over K2', `queries-peer/${query}: PyIceberg over K2`]
    ])
  },
  latency: {
    from: 'bench/latency',
    rows: seedQueries.map(([name, query, asks]): readonly [string, ...string[]] => [
      `\`${name}\`: ${asks}`,
      ...['p50', 'p95', 'p99', 'max'].map((it) => `queries/${query}, ${it}`)
    ])
  },
  sizes: {
    from: 'bench/sizes',
    rows: [
      ['Parquet of the table', 'sizes/bytes per trade: Parquet of the table'],
      ['Avro in the log, with its batch', 'sizes/bytes per trade: Avro in the log, with its batch'],
      ['Avro in batches, compressed by lz4 as Kafka keeps them',
        'sizes/bytes per trade: Avro in batches, compressed by lz4 as for Kafka'],
      ['JSON as `/v1/trades` writes it', 'sizes/bytes per trade: JSON as /v1/trades writes it'],
      ['JSON over Parquet', 'sizes/JSON over Parquet']
    ]
  },
  reads: {
    from: 'bench/reads',
    rows: [
      ['Newest 100 while 20,000 trades/s arrive, p50 / p99',
        ...percentiles('recent', 'recent, 20,000 trades/s arrive')],
      ['A trade is in an answer after the socket had it, p50 / p99',
        ...percentiles('recent', 'visible after the socket')],
      ['1,440 candles of a day, p50 / p99', ...percentiles('candles', 'candles of a day')],
      ['Replay of all rows, six fields', 'replay/replay, six fields'],
      ['the same by DuckDB alone', 'replay/the same by DuckDB alone, six fields'],
      ['Replay of all rows, all fifteen fields', 'replay/replay, all fifteen fields'],
      ['the same by DuckDB alone', 'replay/the same by DuckDB alone, all fifteen fields'],
      ['Memory that a replay takes, six / fifteen fields',
        'replay/replay, six fields: memory above idle',
        'replay/replay, all fifteen fields: memory above idle'],
      ['Plan over 10,000 files, warm, p50 / p99',
        ...percentiles('planning', 'plan over 10000 files, warm')]
    ]
  }
}

/** Shares of what threads did, as `bench/profile.ts` writes them: all measures of a figure. */
const shareTables: Readonly<Record<string, string>> = {
  'profile-main': 'main',
  'profile-lander': 'lander'
}

/** @throws Error for a table that there is none of, and where a figure is missing */
export const renderTable = (root: string, name: string): string => {
  const thread = shareTables[name]
  if (thread !== undefined) return renderShares(root, thread)
  const table = tables[name]
  if (table === undefined)
    throw new Error(`there is no table "${name}" in scripts/docs/tables.ts`)
  const file = readResult(root, table.from)
  const rows = table.rows.map((row) => rowText(file, row))
  const lines = ['| figure | median | spread | bar |', '|---|---|---|---|', ...rows]
  return [...lines, '', sourceText(file, figuresIn(table))].join('\n')
}

const renderShares = (root: string, thread: string): string => {
  const file = readResult(root, 'bench/profile')
  const rows = figureOf(file, thread).measures.map(
    (measure) => `| ${pathText(measure.name)} | ${viewOf(measure, 'median')} |`
  )
  const source = `*One run. ${provenanceText(file.provenance)}*`
  return ['| file or package | share |', '|---|---|', ...rows, '', source].join('\n')
}

/** Files and packages are code; what stands for several is not. */
const pathText = (name: string): string => (/^\w+ /.test(name) ? name : `\`${name}\``)

const rowText = (file: ResultFile, [label, ...paths]: readonly [string, ...string[]]): string => {
  const measures = paths.map((path) => measureOf(file, path))
  const unit = measures[0]!.unit
  const value = together(measures, ({ median }) => numberText(median), unit)
  const spread = together(measures, (measure) => viewOf(measure, 'spread'), '')
  return `| ${label} | ${value} | ${spread} | ${barsTogether(measures)} |`
}

const figuresIn = ({ rows }: Table): readonly string[] => [
  ...new Set(rows.flatMap(([, ...paths]) => paths.map((path) => path.split('/')[0]!)))
]

/** Says also how often it was run, and which figures were measured beside other work. */
const sourceText = (file: ResultFile, ids: readonly string[]): string => {
  const figures = ids.map((id) => figureOf(file, id))
  const runs = Math.max(...figures.flatMap(({ measures }) => measures.map(({ n }) => n)))
  const noisy = figures.filter(({ outsideLoad }) => outsideLoad?.isQuiet === false)
  const besides = noisy.length === figures.length ? '' : `: ${noisy.map(({ id }) => id).join(', ')}`
  return (
    (runs === 1 ? '*One run, ' : `*Median of ${runs} runs, `) +
    (noisy.length === 0 ? 'on a quiet machine' : `beside other work${besides}`) +
    `. ${provenanceText(file.provenance)}*`
  )
}
