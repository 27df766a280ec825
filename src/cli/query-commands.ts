/**
 * `k2 query …`: what the tables have, from the data folder or from a running K2.
 *
 * What an answer lacks is told beside it, whatever its format.
 */
import { answerFromApi, readExitCodes, urlOrFolderFlag } from './ask-api.ts'
import {
  ArgumentsRejected,
  type Command,
  type CommandIo,
  type Flag,
  type Given
} from './command-line.ts'
import {
  columnsFlag,
  formatFlags,
  formatOf,
  parseExact,
  printRows,
  type Row,
  tellMissing
} from './rows-output.ts'

type Filter = Flag & { readonly parameter?: string; readonly isNeeded?: boolean }

const symbolFilter: Filter = {
  name: '--symbol',
  value: 'BTCUSDT',
  about: 'Only those of this symbol.'
}
const exchangeFilter: Filter = {
  name: '--exchange',
  value: 'binance',
  about: 'Only those of this exchange.'
}
const timeFilters: readonly Filter[] = [
  {
    name: '--start',
    value: 'TIME',
    about: 'From then on: ISO 8601, or microseconds since 1970.',
    parameter: 'start_time'
  },
  { name: '--end', value: 'TIME', about: 'Before then.', parameter: 'end_time' }
]
/** Which state of a table is read (R15). */
const readFilters: readonly Filter[] = [
  {
    name: '--snapshot-id',
    value: 'ID',
    about: 'As this snapshot was: `query snapshots` lists them.',
    parameter: 'snapshot_id'
  },
  {
    name: '--as-of',
    value: 'TIME',
    about: 'As the newest snapshot of then was.',
    parameter: 'as_of'
  },
  { name: '--tag', value: 'NAME', about: 'As the snapshot with this tag was.' },
  {
    name: '--read-token',
    value: 'TOKEN',
    about: 'As another answer was: its meta.read_token, which --format json shows.',
    parameter: 'read_token'
  },
  { name: '--cursor', value: 'CURSOR', about: 'What follows an answer: its next_cursor.' }
]
const limitFilter = (preset: number): Filter => ({
  name: '--limit',
  value: 'N',
  about: `At most so many (preset ${preset}).`
})

const candleIntervals = ['1s', '5s', '15s', '30s', '1m', '5m', '15m', '30m', '1h', '4h', '1d']

interface Query {
  readonly name: string
  readonly about: string
  /** With values of flags in it, in braces. */
  readonly path: string
  readonly filters: readonly Filter[]
  /** Columns that a table shows; absent: all. */
  readonly shown?: readonly string[]
  readonly examples: readonly string[]
  /** Absent: the answer's data. */
  readonly rowsOf?: (answer: Answer) => readonly Row[]
}

interface Answer {
  readonly data: unknown
  readonly pagination?: { readonly has_more?: boolean; readonly next_cursor?: string | null }
  readonly meta?: Readonly<Record<string, unknown>> & { readonly missing?: readonly string[] }
}

const queryCommand = ({ filters, ...query }: Query): Command => ({
  name: `query ${query.name}`,
  about: query.about,
  flags: [urlOrFolderFlag, ...filters, ...formatFlags, columnsFlag],
  examples: query.examples,
  exitCodes: readExitCodes,
  run: async (asked, io) => {
    const given = { ...asked, values: withoutNamespace(asked.values) }
    formatOf(given)
    return answerFromApi(given, io, {
      path: pathOf(given, query.path, filters),
      asks: 'folder',
      filters: filters.filter(({ name }) => !query.path.includes(`{${name}}`)),
      decode: () => undefined,
      tell: ({ text }) => {
        const answer = parseExact(text) as Answer
        const rows = (query.rowsOf ?? (({ data }) => data as readonly Row[]))(answer)
        printRows(given, io, { text, rows, ...(query.shown && { shown: query.shown }) })
        if (rows.length === 0 && formatOf(given) === 'table') io.complain('there is nothing')
        tellMore(io, answer.pagination)
        tellMissing(io, answer.meta?.missing)
      }
    })
  }
})

const tellMore = (io: CommandIo, pagination: Answer['pagination']): void => {
  if (pagination?.has_more !== true) return
  const cursor = pagination.next_cursor
  const next = typeof cursor === 'string' ? `, or add --cursor ${cursor}` : ''
  io.complain(`there are more: raise --limit${next}`)
}

/** Of a table, as other commands and answers name it. */
const withoutNamespace = (values: Given['values']): Given['values'] =>
  new Map(
    [...values].map(([name, it]) => [name, name === '--table' ? it.replace(/^market\./, '') : it])
  )

/** @throws ArgumentsRejected for flags that are needed and were not given */
const pathOf = ({ values }: Given, path: string, filters: readonly Filter[]): string => {
  const absent = filters.filter(({ name, isNeeded }) => isNeeded === true && !values.has(name))
  if (absent.length > 0)
    throw new ArgumentsRejected(
      absent.map(({ name, value }) => `${name} is needed, such as ${name} ${value}`).join('\n')
    )
  return path.replaceAll(/\{(--[a-z]+)\}/g, (_, name: string) =>
    encodeURIComponent(values.get(name) ?? '')
  )
}

const recordsQuery = (dataType: string, shown: readonly string[]): Command =>
  queryCommand({
    name: dataType,
    about: `Print ${dataType}, newest first.`,
    path: `/v1/${dataType}`,
    filters: [symbolFilter, exchangeFilter, ...timeFilters, limitFilter(100), ...readFilters],
    shown,
    examples: [
      `npm run k2 -- query ${dataType} --symbol BTCUSDT --limit 5`,
      `npm run k2 -- query ${dataType} --start 2024-08-08T00:00:00Z --format csv`,
      `npm run k2 -- query ${dataType} --as-of 2024-08-08T00:00:00Z`
    ]
  })

const candleFields = [
  'open_price',
  'high_price',
  'low_price',
  'close_price',
  'volume',
  'vwap',
  'trade_count',
  'state'
]

export const queryCommands: readonly Command[] = [
  recordsQuery('trades', [
    'timestamp',
    'exchange',
    'symbol',
    'side',
    'price',
    'quantity',
    'trade_id'
  ]),
  recordsQuery('quotes', [
    'timestamp',
    'exchange',
    'symbol',
    'bid_price',
    'bid_quantity',
    'ask_price',
    'ask_quantity'
  ]),
  queryCommand({
    name: 'candles',
    about: 'Print candles of a symbol: the newest, or from --start on the oldest.',
    path: '/v1/candles',
    filters: [
      { ...symbolFilter, about: 'Of this symbol; needed.', isNeeded: true },
      exchangeFilter,
      {
        name: '--interval',
        value: '1m',
        about: `${candleIntervals.join(', ')}; 1m unless told.`,
        values: candleIntervals
      },
      ...timeFilters,
      limitFilter(500),
      {
        name: '--profile-levels',
        value: 'N',
        about: 'Volume by price, in at most so many levels, 2 to 100.',
        parameter: 'profile_levels'
      }
    ],
    shown: ['interval_start', 'exchange', ...candleFields],
    examples: [
      'npm run k2 -- query candles --symbol BTCUSDT --interval 1h --limit 24',
      'npm run k2 -- query candles --symbol BTCUSDT --start 2024-08-08T00:00:00Z --format csv'
    ]
  }),
  queryCommand({
    name: 'summary',
    about: "Print what a symbol's trades of one trading day of its exchange came to.",
    path: '/v1/summary/{--symbol}/{--date}',
    filters: [
      { ...symbolFilter, about: 'Of this symbol; needed.', isNeeded: true },
      {
        name: '--date',
        value: '2024-08-08',
        about: "Trading day, in the exchange's time zone; needed.",
        isNeeded: true
      },
      exchangeFilter
    ],
    shown: ['date', 'time_zone', 'exchange', 'symbol', ...candleFields],
    examples: ['npm run k2 -- query summary --symbol BTCUSDT --date 2024-08-08'],
    rowsOf: ({ data }) => [data as Row]
  }),
  queryCommand({
    name: 'symbols',
    about: 'List the symbols that have trades.',
    path: '/v1/symbols',
    filters: [exchangeFilter],
    examples: ['npm run k2 -- query symbols'],
    rowsOf: ({ meta }) => meta?.['instruments'] as readonly Row[]
  }),
  queryCommand({
    name: 'snapshots',
    about: 'List the snapshots of a table, newest first.',
    path: '/v1/snapshots',
    filters: [
      {
        name: '--table',
        value: 'trades',
        about: 'trades (the preset), quotes, reference_data, gaps or candles_1m.',
        values: ['trades', 'quotes', 'reference_data', 'gaps', 'candles_1m']
      },
      limitFilter(10)
    ],
    shown: ['snapshot_id', 'timestamp', 'operation', 'added-records', 'total-records'],
    examples: ['npm run k2 -- query snapshots', 'npm run k2 -- query snapshots --table quotes'],
    rowsOf: ({ data }) =>
      (data as readonly (Row & { readonly summary: Row })[]).map(({ summary, ...row }) => ({
        ...row,
        'added-records': summary['added-records'] ?? null,
        'total-records': summary['total-records'] ?? null,
        summary
      }))
  }),
  queryCommand({
    name: 'reference-data',
    about: 'Print the newest version of each listed company or pair.',
    path: '/v1/reference-data',
    filters: [
      { name: '--company', value: 'BTCUSDT', about: "Only this one, by the source's own id." },
      { name: '--ticker', value: 'BTCUSDT', about: 'Only those whose newest symbol is this.' },
      exchangeFilter,
      limitFilter(100)
    ],
    shown: ['exchange', 'company_id', 'symbol', 'company_name', 'isin', 'currency', 'is_active'],
    examples: ['npm run k2 -- query reference-data --ticker BTCUSDT']
  })
]
