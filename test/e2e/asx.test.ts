/** `npm run k2 -- load` of the raw ASX files: complete, and once however often (R26, R51). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'
import { killLoad } from '../support/killed-load.ts'
import { testWithRecordings } from '../support/recordings.ts'
import { dataFiles, openTable, runSql } from '../support/warehouse.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const dataFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'k2-asx-'))
  folders.push(folder)
  return folder
}

const files = ['7078', '7458', '7181', '3153'] as const
const symbols = ['BHP', 'RIO', 'DVN', 'MWR'] as const
const tradeFiles = files.map((id) => `asx/trades/${id}.csv.gz`)

const load = (folder: string, symbol: string, path: string, ...more: readonly string[]) =>
  k2('load', 'trades', path, '--exchange', 'ASX', '--symbol', symbol, '--data-dir', folder, ...more)

/** The table's files, as DuckDB reads them. */
const landedIn = async (folder: string): Promise<string> => {
  const paths = (await dataFiles(openTable(folder)!)).map(({ path }) => `'${path}'`)
  return paths.length === 0 ? 'nothing' : `read_parquet([${paths.join(',')}])`
}

/** A raw file as DuckDB reads it, all of it text. */
const rawOf = (path: string): string =>
  `(select *, row_number() over () as n from read_csv('${path}', header = false,
    all_varchar = true, columns = {'d': 'VARCHAR', 't': 'VARCHAR', 'price': 'VARCHAR',
    'volume': 'VARCHAR', 'qualifiers': 'VARCHAR', 'venue': 'VARCHAR', 'buyer': 'VARCHAR'}))`

const perSymbol = (folder: string) =>
  landedIn(folder).then((landed) =>
    runSql(
      `select symbol, count(*)::varchar, count(distinct message_id)::varchar
       from ${landed} group by symbol order by symbol`
    )
  )

testWithRecordings(
  'BHP, RIO, DVN and MWR are complete, loaded twice is once, and a day is the same',
  tradeFiles,
  async (paths) => {
    const folder = dataFolder()
    const complete = [
      ['BHP', '91631', '91631'],
      ['DVN', '232', '232'],
      ['MWR', '11', '11'],
      ['RIO', '108671', '108671']
    ]
    for (const [at, symbol] of symbols.entries()) {
      const { code, printed } = await load(folder, symbol, paths[at]!)
      expect(code, printed).toBe(0)
    }
    expect(await perSymbol(folder)).toEqual(complete)
    const counts = ['91631', '108671', '232', '11']
    for (const [at, symbol] of symbols.entries()) {
      const { code, printed } = await load(folder, symbol, paths[at]!)
      expect(code, printed).toBe(0)
      expect(printed).toContain(`0 loaded, ${counts[at]} already there`)
    }
    expect(await perSymbol(folder)).toEqual(complete)

    const landed = await landedIn(folder)
    // Every fill, with what the file says beside it, as often as the file has it.
    for (const [at, symbol] of symbols.entries()) {
      const rows = `select strftime(strptime(d || ' ' || t, '%m/%d/%Y %H:%M:%S.%g')
          - interval 11 hour, '%Y-%m-%d %H:%M:%S.%f') as at, price::decimal(18,8) as price,
          volume::decimal(18,8) as volume, coalesce(qualifiers, '') as qualifiers,
          coalesce(venue, '') as venue, coalesce(buyer, '') as buyer from ${rawOf(paths[at]!)}`
      const own = `select strftime(timezone('UTC', timestamp), '%Y-%m-%d %H:%M:%S.%f'), price,
          quantity,
          coalesce(vendor_data->>'qualifiers', ''), coalesce(vendor_data->>'venue', ''),
          coalesce(vendor_data->>'buyer_id', '') from ${landed} where symbol = '${symbol}'`
      const different = await runSql(
        `select count(*)::varchar from ((${rows} except all ${own})
         union all (${own} except all ${rows}))`
      )
      expect(different, symbol).toEqual([['0']])
    }

    // 11 March of Sydney is 13:00 to 13:00 UTC (R51).
    const summary = (from: string, price: string, volume: string, order: string) =>
      `select count(*)::varchar, first(${price} order by ${order})::varchar,
         max(${price})::varchar, min(${price})::varchar, last(${price} order by ${order})::varchar,
         sum(${volume})::varchar, sum(${price} * ${volume}::decimal(18,0))::varchar from ${from}`
    const day = await runSql(
      summary(
        `${landed} where symbol = 'BHP' and timestamp >= '2014-03-10 13:00:00Z'::timestamptz
         and timestamp < '2014-03-11 13:00:00Z'::timestamptz`,
        'price',
        'quantity',
        'timestamp, source_sequence'
      )
    )
    const raw = await runSql(
      summary(
        `(select t, n, price::decimal(18,8) as p, volume::decimal(18,8) as v
          from ${rawOf(paths[0]!)} where d = '03/11/2014')`,
        'p',
        'v',
        't, n'
      )
    )
    expect(day).toEqual(raw)
    expect(day[0]![0]).toBe('21681')
  },
  120_000
)

testWithRecordings('buyers whose number is a price are kept as they stand', tradeFiles, async (
  paths
) => {
  const odd = await runSql(
    paths.map((path) => `select count(*)::varchar from ${rawOf(path)} where buyer <> ''`).join(
      ' union all '
    )
  )
  expect(odd.reduce((sum, [count]) => sum + Number(count), 0)).toBe(113)
})

test.each(['before/2', 'after/2'])('killed %s commit, then started again', async (when) => {
  const folder = dataFolder()
  const path = join(folder, 'fills.csv')
  const fill = '03/10/2014,13:55:41.879,1.11,3000,0,,\r\n'
  writeFileSync(path, fill.repeat(230))
  const args = ['load', 'trades', path, '--exchange', 'ASX', '--symbol', 'DVN']
  const settings = ['--data-dir', folder, '--batch', '20', '--commit-rows', '50']
  await killLoad([...args, ...settings], `trades/swap/${when}`)

  const { code, printed, complaints } = await k2(...args, ...settings)
  expect(code, complaints).toBe(0)
  expect(await perSymbol(folder)).toEqual([['DVN', '230', '230']])
  expect(printed).toContain('load ')
  const again = await k2(...args, ...settings)
  expect(again.printed).toContain('0 loaded, 230 already there')
  expect(await perSymbol(folder)).toEqual([['DVN', '230', '230']])
}, 60_000)

test('rejected rows are told by file, row and reason; a dry run writes nothing else', async () => {
  const folder = dataFolder()
  const path = join(folder, 'some.csv')
  const rejects = join(folder, 'rejects.csv')
  const good = '03/10/2014,13:55:41.879,1.11,3000,0,,'
  const rest = `${good}\n`.repeat(99)
  writeFileSync(path, `${good}\n${good.replace('1.11', '-1')}\n${rest}`)
  const dry = await load(folder, 'DVN', path, '--rejects', rejects, '--dry-run')
  expect(dry.code, dry.complaints).toBe(1)
  expect(openTable(folder)).toBeUndefined()
  const bad = good.replace('1.11', '-1')
  expect(readFileSync(rejects, 'utf8')).toBe(
    'file,row_number,reason,raw_record\n' +
      `${path},2,"Price ""-1"" is not above zero","${bad}"\n`
  )
  const { code, printed, complaints } = await load(folder, 'DVN', path, '--rejects', rejects)
  expect(code, complaints).toBe(1)
  expect(printed).toContain('101 rows read, 100 loaded, 0 already there, 1 rejected')
  expect(await perSymbol(folder)).toEqual([['DVN', '100', '100']])
  const unnamed = await k2('load', 'trades', path, '--data-dir', folder)
  expect(unnamed.complaints).toContain('--exchange')
  const kafka = await load(folder, 'DVN', path, '--kafka-bootstrap-servers', '127.0.0.1:1')
  expect(kafka).toMatchObject({ code: 2 })
  expect(kafka.complaints).toContain('127.0.0.1:1')
})

testWithRecordings(
  'companies are loaded once, and bad rows are told; k2 query shows the newest of each',
  ['asx/reference/company_info.csv'],
  async ([path]) => {
    const folder = dataFolder()
    const loadCompanies = (file: string) =>
      k2('load', 'reference_data', file, '--exchange', 'ASX', '--data-dir', folder)
    const first = await loadCompanies(path)
    expect(first.code, first.complaints).toBe(0)
    expect(first.printed).toContain('4 rows read, 4 loaded, 0 already there, 0 rejected')
    const again = await loadCompanies(path)
    expect(again.printed).toContain('4 rows read, 0 loaded, 4 already there, 0 rejected')

    const own = join(folder, 'own.csv')
    writeFileSync(
      own,
      'company_id,symbol,company_name,sector,founded_year\n' +
        '7078,BHP,BHP GROUP LTD,Materials,1885\n7458,RIO,RIO TINTO,,1873\n'
    )
    const changed = await loadCompanies(own)
    expect(changed.code, changed.complaints).toBe(1)
    expect(changed.printed).toContain('2 rows read, 1 loaded, 0 already there, 1 rejected')
    expect(readFileSync(join(folder, 'rejects', 'reference_data.csv'), 'utf8')).toBe(
      `file,row_number,reason,raw_record\n${own},3,sector is empty,"7458,RIO,RIO TINTO,,1873"\n`
    )
    const shown = await k2('query', 'reference-data', '--data-dir', folder, '--format', 'csv')
    expect(shown.code, shown.complaints).toBe(0)
    expect(shown.printed).toContain('BHP GROUP LTD')
    expect(shown.printed).not.toContain('BHP BILLITON')
    expect(shown.printed).toContain('RIO TINTO LTD')
  },
  60_000
)
