/**
 * Recordings of the venue through the whole system, over a real socket: what the table and the API
 * then say is held against the text of the recording, digit by digit.
 */
import { parse } from 'lossless-json'
import { describe, expect, type TestContext } from 'vitest'
import { k2Fixture, type K2Process, type K2Settings } from '../support/k2-process.ts'
import { pyIceberg, readBack } from '../support/pyiceberg/pyiceberg.ts'
import {
  firstDifference,
  lineOfRecorded,
  lineOfRow,
  microsOfIso,
  type RecordedTrade,
  recordedTrades
} from '../support/recorded-trades.ts'
import { recordingNames, testWithRecordings } from '../support/recordings.ts'
import { type Venue, settingsOf, withRecordings } from '../support/venue.ts'
import {
  dataFiles,
  type OpenedTable,
  openTable,
  rowsByIcebird,
  runSql
} from '../support/warehouse.ts'

const k2s = k2Fixture()
const testMsMax = 240_000

const symbols = ['BTCUSDT', 'ETHUSDT']
const midnight = Date.parse('2024-08-09T00:00:00Z') * 1_000
const dayUs = 86_400_000_000

/** Commits often; how often depends on how much has come by then. */
const frequentCommits: K2Settings = { K2_COMMIT_AGE: '200ms', K2_COMMIT_ROWS: '2000' }

/** By symbol and id: the order in which all readers' rows are compared. */
const sortedLines = (lines: readonly string[]): readonly string[] => lines.toSorted()
const linesOf = (trades: readonly RecordedTrade[]) => sortedLines(trades.map(lineOfRecorded))

const idsOf = (rows: readonly Readonly<Record<string, unknown>>[], symbol: string) =>
  rows
    .flatMap((row) => (row['symbol'] === symbol ? [Number(row['source_sequence'])] : []))
    .sort((left, right) => left - right)
const consecutive = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

const startOn = (venue: Venue, dataFolder: string, settings: K2Settings = {}) =>
  k2s.start({
    ...settingsOf(venue, symbols),
    K2_DATA_DIR: dataFolder,
    ...settings
  })

/** Drains K2 as a user would. */
const drain = async (k2: K2Process) => {
  k2.kill('SIGINT')
  expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
}

const errorsOf = (k2: K2Process) => k2.log.filter(({ level }) => level === 'error')

const openedTable = (dataFolder: string): OpenedTable => {
  const table = openTable(dataFolder)
  if (table === undefined) throw new Error(`there is no table in ${dataFolder}`)
  return table
}

const pythonOrSkip = (context: TestContext): string => {
  const found = pyIceberg()
  return 'missing' in found ? context.skip(found.missing) : found.python
}

const ofTrades = { topic: 'market.crypto.trades.binance' }

describe('August 2024, two symbols, across midnight', () => {
  testWithRecordings(
    'lands exactly what the venue sent, and every reader says so',
    [recordingNames.trades2024],
    async ([path], context) => {
      const expected = recordedTrades([path])
      expect(expected).toHaveLength(15_863)
      const dataFolder = k2s.dataFolder()
      await withRecordings([path], async (venue) => {
        const k2 = startOn(venue, dataFolder, frequentCommits)
        await k2.ready()
        await k2.atLeast('k2_landed_records', expected.length, ofTrades)
        await checkApi(k2, expected)
        await drain(k2)
        expect(errorsOf(k2)).toEqual([])
        const snapshotLog = openedTable(dataFolder).metadata['snapshot-log']
        await checkByIcebird(dataFolder, expected)
        await checkPartitions(dataFolder, expected)

        // The exchange is up and silent: nothing is to be added, nothing may be.
        const again = startOn(venue, dataFolder, frequentCommits)
        await again.ready()
        await again.atLeast('k2_landed_records', expected.length, ofTrades)
        expect(await again.metric('k2_landed_records', ofTrades)).toBe(expected.length)
        await checkApi(again, expected)
        await drain(again)
        const continued = openedTable(dataFolder).metadata['snapshot-log']
        expect(continued.slice(0, snapshotLog.length)).toEqual(snapshotLog)
        await checkByIcebird(dataFolder, expected)
      })
      checkByPyIceberg(pythonOrSkip(context), dataFolder, expected)
    },
    testMsMax
  )
})

describe('other recordings, all that they hold', () => {
  const cases = [
    ['April 2023, the older frame schema', [recordingNames.btc2023], 3_144]
  ] as const
  for (const [name, files, count] of cases) {
    testWithRecordings(
      name,
      files,
      async (paths) => {
        const expected = recordedTrades(paths)
        expect(expected).toHaveLength(count)
        const dataFolder = k2s.dataFolder()
        await withRecordings(paths, async (venue) => {
          const captured = symbols.filter((it) => expected.some(({ symbol }) => symbol === it))
          const k2 = startOn(venue, dataFolder, {
            K2_BINANCE_SYMBOLS: captured.join(','),
            K2_DATA_TYPES: 'trades'
          })
          await k2.ready()
          await k2.atLeast('k2_landed_records', count, ofTrades)
          expect(await k2.metric('k2_feed_frames_total', { kind: 'trade' })).toBe(count)
          expect(await k2.metric('k2_feed_rejected_frames_total')).toBe(undefined)
          expect(await k2.metric('k2_duplicate_messages_detected_total', ofTrades)).toBe(0)
          expect(await k2.metric('k2_sequence_gap_ids', ofTrades)).toBe(0)
          await drain(k2)
          expect(errorsOf(k2)).toEqual([])
        })
        await checkByIcebird(dataFolder, expected)
        await checkPartitions(dataFolder, expected)
      },
      testMsMax
    )
  }
})

/** Newest first, limits, a range across midnight, digits. */
const checkApi = async (k2: K2Process, expected: readonly RecordedTrade[]) => {
  const newestFirst = expected.toSorted(
    (left, right) =>
      right.timestampUs - left.timestampUs ||
      (left.symbol < right.symbol ? -1 : left.symbol > right.symbol ? 1 : right.id - left.id)
  )
  const bitcoin = newestFirst.filter(({ symbol }) => symbol === 'BTCUSDT')
  const check = async (query: string, wanted: readonly RecordedTrade[], limit: number) => {
    const { status, text } = await k2.get(`/v1/trades?${query}`)
    expect(status, text.slice(0, 1_000)).toBe(200)
    const answer = parse(text) as {
      readonly data: readonly Readonly<Record<string, unknown>>[]
      readonly pagination: { readonly has_more: boolean }
    }
    const lines = answer.data.map(lineOfApi)
    const wantedLines = wanted.slice(0, limit).map(lineOfRecorded)
    expect(firstDifference(lines, wantedLines), query).toBe(undefined)
    expect(answer.pagination.has_more, query).toBe(wanted.length > limit)
  }
  await check('', newestFirst, 100)
  await check('symbol=BTCUSDT&limit=1', bitcoin, 1)
  await check('symbol=BTCUSDT&limit=9757', bitcoin, 9_757)
  await check('limit=10000', newestFirst, 10_000)
  const ether = newestFirst.filter(({ symbol }) => symbol === 'ETHUSDT')
  await check('exchange=binance&symbol=ETHUSDT&limit=10000', ether, 10_000)
  const around = newestFirst.filter(
    ({ timestampUs }) => timestampUs >= midnight - 500_000 && timestampUs < midnight + 500_000
  )
  expect(around.some(({ timestampUs }) => timestampUs < midnight)).toBe(true)
  expect(around.some(({ timestampUs }) => timestampUs >= midnight)).toBe(true)
  const range = 'start_time=2024-08-08T23:59:59.5Z&end_time=2024-08-09T00:00:00.5Z'
  await check(`${range}&limit=10000`, around, 10_000)
  await check('symbol=XRPUSDT', [], 100)
  for (const limit of ['0', '10001']) {
    expect(await k2.get(`/v1/trades?limit=${limit}`)).toMatchObject({ status: 400 })
  }
}

/** Numbers of the answer as they were written: `LosslessNumber` keeps their text. */
const lineOfApi = (row: Readonly<Record<string, unknown>>): string =>
  lineOfRow({
    row,
    timestampUs: microsOfIso(String(row['timestamp'])),
    price: String(row['price']),
    quantity: String(row['quantity']),
    vendor: row['vendor_data'] as Readonly<Record<string, unknown>>
  })

const checkByIcebird = async (dataFolder: string, expected: readonly RecordedTrade[]) => {
  const rows = await rowsByIcebird(openedTable(dataFolder))
  expect(rows).toHaveLength(expected.length)
  const lines = rows.map((row) =>
    lineOfRow({
      row,
      timestampUs: (row['timestamp'] as Date).getTime() * 1_000,
      // Doubles there: eight decimals of these magnitudes come back whole.
      price: (row['price'] as number).toFixed(8),
      quantity: (row['quantity'] as number).toFixed(8),
      vendor: row['vendor_data'] as Readonly<Record<string, unknown>>
    })
  )
  expect(firstDifference(sortedLines(lines), linesOf(expected))).toBe(undefined)
}

/** Each file's rows are of the file's own UTC day, and no day is in the wrong partition. */
const checkPartitions = async (dataFolder: string, expected: readonly RecordedTrade[]) => {
  const files = await dataFiles(openedTable(dataFolder))
  for (const { path, rows, partition } of files) {
    const [counted] = await runSql(
      `SELECT count(*), min(epoch_us("timestamp")) // ${dayUs},
         max(epoch_us("timestamp")) // ${dayUs}, min(exchange), max(exchange)
       FROM read_parquet('${path}')`
    )
    const day = String(partition.timestamp_day)
    expect(counted, path).toEqual([String(rows), day, day, 'BINANCE', 'BINANCE'])
    expect(partition.exchange).toBe('BINANCE')
  }
  const days = new Set(files.map(({ partition }) => partition.timestamp_day * dayUs))
  const expectedDays = new Set(
    expected.map(({ timestampUs }) => Math.floor(timestampUs / dayUs) * dayUs)
  )
  expect(days).toEqual(expectedDays)
}

const checkByPyIceberg = (
  python: string,
  dataFolder: string,
  expected: readonly RecordedTrade[]
) => {
  const { metadataPath } = openedTable(dataFolder)
  const lineOfPython = (row: Readonly<Record<string, unknown>>) =>
    lineOfRow({
      row,
      timestampUs: microsOfIso(String(row['timestamp'])),
      price: String(row['price']),
      quantity: String(row['quantity']),
      vendor: Object.fromEntries(row['vendor_data'] as readonly (readonly [string, string])[])
    })
  const all = readBack(python, metadataPath)
  const lines = sortedLines(all.rows.map(lineOfPython))
  expect(firstDifference(lines, linesOf(expected))).toBe(undefined)
  expect(idsOf(all.rows, 'BTCUSDT')).toEqual(consecutive(3735683259, 3735693015))
  expect(idsOf(all.rows, 'ETHUSDT')).toEqual(consecutive(1520538925, 1520545030))
  expectOffsetsWithoutHole(all.rows)
  const newDay = expected.filter(({ timestampUs }) => timestampUs >= midnight)
  const [lowest = ''] = newDay
    .map(({ price }) => price)
    .sort((left, right) => Number(left) - Number(right))
  const filters: readonly (readonly [string, (trade: RecordedTrade) => boolean])[] = [
    // No partition's column: only bounds tell that the file of the new day has no such row.
    ['source_sequence < 1520539000', ({ id }) => id < 1_520_539_000],
    [`price < ${lowest}`, ({ price }) => Number(price) < Number(lowest)],
    [`timestamp >= '2024-08-09T00:00:00+00:00'`, ({ timestampUs }) => timestampUs >= midnight]
  ]
  for (const [filter, holds] of filters) {
    const part = readBack(python, metadataPath, filter)
    const wanted = linesOf(expected.filter(holds))
    expect(wanted.length).toBeGreaterThan(0)
    const found = sortedLines(part.rows.map(lineOfPython))
    expect(firstDifference(found, wanted), filter).toBe(undefined)
    expect(part.files.length, filter).toBeLessThan(all.files.length)
  }
}

/** The rows are all that their partitions of the log hold, each offset once. */
const expectOffsetsWithoutHole = (rows: readonly Readonly<Record<string, unknown>>[]) => {
  const offsets = new Map<string, number[]>()
  for (const row of rows) {
    const partition = String(row['k2_partition'])
    offsets.set(partition, [...(offsets.get(partition) ?? []), Number(row['k2_offset'])])
  }
  for (const [partition, found] of offsets) {
    const sorted = found.sort((left, right) => left - right)
    expect(sorted, partition).toEqual(consecutive(0, found.length - 1))
  }
}
