/**
 * `npm run k2 -- load trades|quotes|reference_data FILE…`: CSV files into the tables, through the
 * log (R26).
 */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as Effect from 'effect/Effect'
import {
  loadQuotes,
  type LoadReport,
  type LoadRequest,
  loadReferenceData,
  loadTrades
} from '../actors/operator/load-records.ts'
import { RejectsFile } from '../adapters/csv/rejects-file.ts'
import {
  ArgumentsRejected,
  type Command,
  type CommandIo,
  type Flag,
  type Given
} from './command-line.ts'

const batchRowsDefault = 5_000
const batchRowsMax = 10_000
const assetClasses = ['equities', 'crypto', 'futures', 'options'] as const

const exchangeFlag: Flag = {
  name: '--exchange',
  value: 'ASX',
  about: 'Where the rows are from; needed.'
}

/** Of files whose rows have a time, and may be of one symbol. */
const marketFlags: readonly Flag[] = [
  {
    name: '--symbol',
    value: 'BHP',
    about: 'Symbol of files whose rows do not name one: raw ASX files.'
  },
  {
    name: '--time-zone',
    value: 'Australia/Sydney',
    about: 'Of times without an offset; known of ASX, else UTC.'
  }
]

const flags: Command['flags'] = [
  {
    name: '--asset-class',
    value: 'equities',
    about: `${assetClasses.join(', ')}; known of ASX.`,
    values: assetClasses
  },
  { name: '--currency', value: 'AUD', about: 'Of the prices; known of ASX.' },
  { name: '--dry-run', about: 'Reads and judges all rows, and writes nothing but rejects.' },
  {
    name: '--rejects',
    value: 'FILE',
    about: 'Rejected rows as CSV; by default in the data folder, rejects/<data type>.csv.'
  },
  {
    name: '--batch',
    value: '5000',
    about: `Rows that are read and appended at a time, 1 to ${batchRowsMax}.`
  }
]

const exitCodes: Command['exitCodes'] = {
  0: 'every row is in the table, now or already before',
  1: 'some rows were rejected, the others are in the table',
  2: 'it could not be done, or not to the end: the same command goes on where it stopped'
}

interface Loadable {
  readonly dataType: string
  readonly aliases?: readonly string[]
  readonly about: string
  readonly notes?: readonly string[]
  readonly flags: readonly Flag[]
  readonly example: string
  readonly load: (request: LoadRequest) => ReturnType<typeof loadTrades>
}

const loadCommand = ({ dataType, example, load, ...command }: Loadable): Command => ({
  ...command,
  name: `load ${dataType}`,
  operands: 'FILE…',
  examples: [`npm run k2 -- load ${dataType} ${example}`],
  exitCodes,
  run: async (given, io) => {
    const rejects = new RejectsFile(
      resolve(
        given.values.get('--rejects') ??
          join(given.config.dataDir, 'rejects', `${dataType}.csv`)
      )
    )
    const request = requestOf(given, io, rejects)
    const begunMs = performance.now()
    const running = Effect.match(load(request), {
      onSuccess: (report) => {
        warnOfRetention(report, given.config.retentionDays, io)
        return tell(report, { io, rejects, tookMs: performance.now() - begunMs })
      },
      onFailure: ({ message }) => {
        io.complain(message)
        return 2
      }
    })
    try {
      return await Effect.runPromise(running)
    } finally {
      rejects.close()
    }
  }
})

const anyTime: readonly string[] = [
  'K2 may run meanwhile, on Kafka and on the embedded log; only rows of an exchange that it ' +
    'captures want it stopped on the latter. A load that was stopped goes on where it was.'
]

export const loadCommands: readonly Command[] = [
  loadCommand({
    dataType: 'trades',
    about: 'Load CSV files of trades, plain or .gz, each row once however often it is run.',
    notes: [
      'A file has the columns symbol,exchange_timestamp,price,quantity,side,sequence_number,' +
        'trade_id, in any order, and may have company_id, qualifiers and venue; or it is a raw ' +
        'ASX file.',
      ...anyTime
    ],
    flags: [exchangeFlag, ...marketFlags, ...flags],
    example: '../shared/data/asx/trades/7078.csv.gz \\\n    --exchange ASX --symbol BHP',
    load: loadTrades
  }),
  loadCommand({
    dataType: 'quotes',
    about: 'Load CSV files of quotes, plain or .gz, each row once however often it is run.',
    notes: [
      'A file has the columns symbol,exchange_timestamp,bid_price,ask_price,bid_size,ask_size,' +
        'sequence_number, in any order, and may have company_id, qualifiers and venue; or it is ' +
        'a raw ASX file.',
      ...anyTime
    ],
    flags: [exchangeFlag, ...marketFlags, ...flags],
    example: '../shared/data/asx/quotes/7078.csv.gz \\\n    --exchange ASX --symbol BHP',
    load: loadQuotes
  }),
  loadCommand({
    dataType: 'reference_data',
    aliases: ['load reference-data'],
    about: 'Load CSV files of companies, plain or .gz: what they say that is new.',
    notes: [
      'A file has the columns company_id,symbol,company_name,sector and any others, which are ' +
        "kept as they are; or it is a vendor's company_info.csv.",
      'A row is a version of what is known of its company. What says nothing new is there ' +
        'already; a company that stands in a file twice is rejected the second time.',
      ...anyTime
    ],
    flags: [exchangeFlag, ...flags],
    example: '../shared/data/asx/reference/company_info.csv --exchange ASX',
    load: loadReferenceData
  })
]

/** @throws ArgumentsRejected */
const requestOf = (
  { config, values, operands = [] }: Given,
  io: CommandIo,
  rejects: RejectsFile
): LoadRequest => {
  const faults: string[] = []
  const given = (name: string, pattern: RegExp, allowed: string): string | undefined => {
    const value = values.get(name)
    if (value !== undefined && !pattern.test(value))
      faults.push(`${name} is "${value}", but must be ${allowed}`)
    return value
  }
  if (operands.length === 0) faults.push('name at least one file')
  for (const path of operands) {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found?.isFile() !== true)
      faults.push(`${path} is ${found === undefined ? 'not there' : 'no file'}`)
  }
  const exchange = given('--exchange', /^\w{1,16}$/, 'letters and digits')
  if (exchange === undefined) faults.push('--exchange is needed: where the rows are from')
  const batch = given('--batch', /^[1-9]\d{0,4}$/, `1 to ${batchRowsMax}`)
  if (Number(batch ?? 1) > batchRowsMax) faults.push(`--batch must be 1 to ${batchRowsMax}`)
  const timeZone = given('--time-zone', /./, 'a time zone')
  if (timeZone !== undefined && !isTimeZone(timeZone))
    faults.push(`--time-zone is "${timeZone}", but must be one such as Australia/Sydney`)
  const assetClass = given(
    '--asset-class',
    new RegExp(`^(?:${assetClasses.join('|')})$`),
    assetClasses.join(', ')
  )
  const symbol = given('--symbol', /^[\w.-]{1,32}$/, 'up to 32 letters, digits, . _ -')
  const currency = given('--currency', /^[A-Z0-9]{2,12}$/, 'upper-case letters and digits')
  if (faults.length > 0) throw new ArgumentsRejected(faults.join('\n'))
  return {
    config,
    files: operands,
    exchange: exchange!.toUpperCase(),
    assetClass: assetClass as LoadRequest['assetClass'],
    currency,
    timeZone,
    symbol,
    isDry: values.has('--dry-run'),
    batchRows: Number(batch ?? batchRowsDefault),
    reject: (file, row) => rejects.add({ file, ...row }),
    progress: progressOf(io)
  }
}

const isTimeZone = (timeZone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }) instanceof Intl.DateTimeFormat
  } catch {
    return false
  }
}

/** One line that is written anew on a terminal, else a line now and then. */
const progressOf = ({ progress }: CommandIo): LoadRequest['progress'] => {
  let shownMs = performance.now()
  return (file, rows, fraction) => {
    if (progress === undefined || performance.now() - shownMs < progress.everyMs) return
    shownMs = performance.now()
    const cells = Math.floor(fraction * 20)
    const bar = '#'.repeat(cells).padEnd(20, '.')
    progress.show(`${file} [${bar}] ${Math.floor(fraction * 100)} %, ${rows} rows read`)
  }
}

const dayMs = 86_400_000

/** A day is old next to the newest that the table has, which is today's where K2 captures. */
const warnOfRetention = ({ files }: LoadReport, days: number, { complain }: CommandIo): void => {
  const oldestMs = Math.min(...files.map(({ oldestUs }) => (oldestUs ?? Infinity) / 1_000))
  if (oldestMs >= Date.now() - days * dayMs) return
  complain(
    `rows from ${new Date(oldestMs).toISOString().slice(0, 10)} on: a K2 that captures removes ` +
      `days that are more than ${days} days old; start it with a larger K2_RETENTION_DAYS`
  )
}

const tell = (
  { files, landed }: LoadReport,
  {
    io,
    rejects,
    tookMs
  }: { readonly io: CommandIo; readonly rejects: RejectsFile; readonly tookMs: number }
): number => {
  io.progress?.end()
  for (const { path, load, form, rows, rejected, skipped, otherLoads } of files) {
    const state = skipped > 0 ? `, ${skipped} were there` : ''
    const counts = `${rows} rows, ${rejected} rejected${state}`
    io.print(`${path}: ${form || 'no rows'}, load ${load}: ${counts}`)
    if (otherLoads.length === 0) continue
    io.print(
      `  beside it the table has loads ${otherLoads.join(', ')} of the same symbols: ` +
        'a file that differs in one byte is another load, and its rows are others'
    )
  }
  const sum = (key: 'rows' | 'rejected' | 'skipped') =>
    files.reduce((total, file) => total + file[key], 0)
  const refused = landed === null ? 0 : landed.deadLettered + Math.max(0, landed.held)
  const outcome =
    landed === null
      ? 'nothing was loaded (dry run)'
      : `${landed.landed} loaded, ${sum('skipped') + landed.duplicates} already there`
  const seconds = (tookMs / 1_000).toFixed(1)
  io.print(`${sum('rows')} rows read, ${outcome}, ${sum('rejected')} rejected, ${seconds} s`)
  if (rejects.count > 0) io.print(`rejected rows: ${rejects.path}`)
  if (refused > 0)
    io.print(`${refused} rows wait for ids that confirm them, or are dead letters of the lander`)
  return sum('rejected') + refused > 0 ? 1 : 0
}
