/**
 * What the exchange issued while K2 was dead is in the gap ledger, id by id: what the ledger has
 * open is what the table lacks, wherever the process was killed, in a commit of the ledger too.
 *
 * The exchange lives in this process and goes on; `K2_KILL_SEED` repeats a run's points.
 */
import { randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { type GapEvent, foldGapEvents } from '../../src/market/gap-events.ts'
import { gapEventsOf } from '../support/gap-table.ts'
import { k2 as k2Command } from '../support/k2-command.ts'
import { k2Fixture, type K2Process, type K2Settings } from '../support/k2-process.ts'
import { settingsOf, type Venue, withSource } from '../support/venue.ts'
import { dataFiles, openTable, runSql, summaryOf } from '../support/warehouse.ts'

const k2s = k2Fixture()
const seed = Number(process.env['K2_KILL_SEED'] ?? randomInt(2 ** 31))
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const testMsMax = 300_000

const settings = (venue: Venue, dataFolder: string): K2Settings => ({
  ...settingsOf(venue, symbols),
  K2_DATA_DIR: dataFolder,
  K2_DATA_TYPES: 'trades',
  K2_REFERENCE_INTERVAL: 'off',
  K2_COMMIT_AGE: '200ms',
  K2_GAP_GRACE: '100ms'
})

const topic = 'market.crypto.trades.binance'

/** Missing ids between the first and the last one of each symbol, by the rows themselves. */
const lackedBy = async (dataFolder: string): Promise<ReadonlySet<string>> => {
  const files = await dataFiles(openTable(dataFolder)!)
  const rows = await runSql(
    `SELECT symbol, source_sequence
     FROM read_parquet([${files.map(({ path }) => `'${path}'`).join()}]) ORDER BY 1, 2`
  )
  const lacked = new Set<string>()
  let [symbol, next] = ['', 0]
  for (const [of, text] of rows) {
    const id = Number(text)
    if (of === symbol) for (; next < id; next++) lacked.add(`${symbol}:${next}`)
    symbol = of!
    next = id + 1
  }
  return lacked
}

interface Range {
  readonly symbol: string
  readonly from: number
  readonly to: number
}

const idsOf = (ranges: readonly Range[]): ReadonlySet<string> =>
  new Set(
    ranges.flatMap(({ symbol, from, to }) =>
      Array.from({ length: to - from + 1 }, (_, at) => `${symbol}:${from + at}`)
    )
  )

const openIn = (events: readonly GapEvent[]): readonly Range[] =>
  foldGapEvents(events)
    .filter(({ state }) => state === 'open')
    .map(({ symbol, fromId, toId }) => ({ symbol, from: fromId!, to: toId! }))

const stop = async (k2: K2Process) => {
  k2.kill('SIGINT')
  expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
}

const lives = async (k2: K2Process, trades: number) =>
  k2.atLeast('k2_landed_records', trades, { topic })

const killed = async (k2: K2Process) => {
  k2.kill('SIGKILL')
  expect(await k2.exit()).toEqual({ code: null, signal: 'SIGKILL' })
}

/** Nobody is there while the exchange goes on, until each symbol has gone on. */
const onceIssued = async (venue: Venue) => {
  const before = venue.issued()
  const goneOn = () =>
    symbols.filter((symbol) => venue.issued()[symbol]!.lastId > before[symbol]!.lastId + 1)
  await expect.poll(goneOn, { timeout: 60_000 }).toEqual(symbols)
}

interface GapList {
  readonly data: readonly {
    readonly symbol: string
    readonly from_id: number
    readonly to_id: number
    readonly reason: string
    readonly after_time: string
    readonly before_time: string | null
  }[]
  readonly meta: { readonly open_trades: number }
}

test(
  'the ids that the exchange issued while K2 was dead are the open gaps, in table, API and CLI',
  async () => {
    const dataFolder = k2s.dataFolder()
    await withSource(
      makeGeneratorSource({ seed: 3, rate: 1_000 }),
      async (venue) => {
        const first = k2s.start(settings(venue, dataFolder))
        await lives(first, 1_000)
        await killed(first)
        await onceIssued(venue)
        const second = k2s.start(settings(venue, dataFolder))
        const url = await second.ready()
        // Every symbol has a hole.
        await second.atLeast('k2_gaps_open_holes', symbols.length)
        const list = async () =>
          JSON.parse((await second.get('/v1/gaps?limit=10000')).text) as GapList
        // A hole may be known before it is in the table, before its claim has come to the log, and
        // by its claim before the trade behind it has landed.
        let settled: GapList | undefined
        const holesBy = async () => {
          const { data } = (settled = await list())
          const unsettled = data.filter((it) => it.reason === 'unknown' || it.before_time === null)
          return [new Set(data.map(({ symbol }) => symbol)).size, unsettled]
        }
        await expect.poll(holesBy).toEqual([symbols.length, []])
        const { data, meta } = settled!
        const listed = idsOf(
          data.map(({ symbol, from_id: from, to_id: to }) => ({ symbol, from, to }))
        )
        expect(meta.open_trades).toBe(listed.size)
        for (const { after_time: after, before_time: before, reason } of data) {
          expect(after < before!).toBe(true)
          expect(['restart', 'disconnect']).toContain(reason)
        }
        await expect.poll(() => second.metric('k2_gaps_open_trades')).toBe(listed.size)
        expect(await second.metric('k2_gaps_oldest_age_seconds')).toBeGreaterThan(0)
        const told = await k2Command('gaps', '--url', url, '--symbol', 'BTCUSDT')
        expect(told.printed).toMatch(/BINANCE +BTCUSDT +\d+-\d+ /)
        await stop(second)
        const lacked = await lackedBy(dataFolder)
        expect(lacked.size).toBeGreaterThan(symbols.length)
        expect(idsOf(openIn(await gapEventsOf(dataFolder)))).toEqual(lacked)
        expect(listed).toEqual(lacked)
      },
      { speed: 1 }
    )
  },
  testMsMax
)

describe(`killed in the commit of the ledger (K2_KILL_SEED=${seed})`, () => {
  const steps = ['data-file', 'state', 'manifest', 'manifest-list', 'metadata', 'swap'] as const
  const points = steps.flatMap((step) => [
    { step, when: 'before' as const },
    { step, when: 'after' as const }
  ])
  const sampled = [0, 4, 8].map((apart) => points[(seed + apart) % points.length]!)

  test.each(sampled)(
    '$when $step: the next life has the same ledger',
    async ({ step, when }) => {
      const dataFolder = k2s.dataFolder()
      await withSource(
        makeGeneratorSource({ seed: 4, rate: 1_000 }),
        async (venue) => {
          const first = k2s.start(settings(venue, dataFolder))
          await lives(first, 500)
          await killed(first)
          await onceIssued(venue)
          const struck = k2s.start(settings(venue, dataFolder), {
            preload: {
              module: new URL('../support/fault-point.mjs', import.meta.url),
              env: { FAULT_POINT: `gaps/${step}/${when}/1` }
            }
          })
          expect(await struck.exit(), struck.describe()).toEqual({ code: null, signal: 'SIGKILL' })
          await onceIssued(venue)
          const last = k2s.start(settings(venue, dataFolder))
          // A hole of each life but the last.
          await last.atLeast('k2_gaps_open_holes', 2 * symbols.length)
          await stop(last)
        },
        { speed: 1 }
      )
      const events = await gapEventsOf(dataFolder)
      expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index))
      expect(idsOf(openIn(events))).toEqual(await lackedBy(dataFolder))
      expect(summaryOf(openTable(dataFolder, 'gaps')!)['k2.covers']).toContain('market.trades')
    },
    testMsMax
  )
})
