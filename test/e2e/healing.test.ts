/**
 * What K2 missed comes back: the exchange is a process of its own and goes on while K2 is killed
 * and away, and afterwards the table has everything that it issued. What the venue lacks is given
 * up, once.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import type { TradeSource } from '../../src/adapters/simulator/trade-source.ts'
import { checkedData } from '../support/exactness.ts'
import { k2Fixture, type K2Process, type K2Settings } from '../support/k2-process.ts'
import { until } from '../support/until.ts'
import { settingsOf, withSource } from '../support/venue.ts'
import { dataFiles, openTable, runSql } from '../support/warehouse.ts'

const k2s = k2Fixture()
const [{ topic }] = checkedData('binance')
const testMsMax = 400_000
const symbols = ['BTCUSDT', 'ETHUSDT', 'BNBUSDT', 'DOGEUSDT']

const quick = {
  K2_DATA_TYPES: 'trades',
  K2_REFERENCE_INTERVAL: 'off',
  K2_COMMIT_AGE: '300ms',
  K2_GAP_GRACE: '500ms',
  K2_HEALING: 'on'
} as const

/** The exchange as `npm run exchange` runs it; its address. */
const startExchange = async (args: readonly string[]) => {
  const main = fileURLToPath(new URL('../../dist/cli/exchange.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [main, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => void (output += text))
  const port = await until(() => /listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1], {
    what: 'the exchange',
    msMax: 60_000,
    seen: () => output
  })
  const stop = async () => {
    child.kill('SIGINT')
    await until(() => (child.exitCode === null ? undefined : true), {
      what: 'the end of the exchange',
      msMax: 60_000
    })
  }
  return { port, stop }
}

/** Trades of the captured symbols, so far. */
const issuedBy = async (port: string): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${port}/control`)
  const { issued } = (await response.json()) as { issued: Record<string, { count: number }> }
  return symbols.reduce((sum, symbol) => sum + (issued[symbol]?.count ?? 0), 0)
}

/** Every hole of the table has been seen, and none is left to be closed. */
const healed = async (k2: K2Process): Promise<number> => {
  const of = async (name: string, labels = {}) => (await k2.metric(name, labels)) ?? 0
  return until(
    async () => {
      const gaps = await of('k2_sequence_gap_ids', { topic })
      const late = await of('k2_out_of_order_messages_total', { topic })
      const left = await of('k2_heal_pending_trades')
      return gaps > 0 && gaps === late && left === 0 ? gaps : undefined
    },
    { what: 'healing', msMax: 120_000, seen: () => k2.describe() }
  )
}

const rowsOf = async (dataFolder: string): Promise<string> => {
  const paths = (await dataFiles(openTable(dataFolder)!)).map(({ path }) => `'${path}'`)
  return `read_parquet([${paths.join()}])`
}

test(
  'killed, away for a while, started again: the table has all that the exchange issued',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-issued-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const issued = join(folder, 'record')
    const exchange = await startExchange(['--rate', '2000', '--issued-record', issued])
    const dataFolder = k2s.dataFolder()
    const settings: K2Settings = {
      ...quick,
      K2_FEEDS: 'binance',
      K2_BINANCE_WEBSOCKET_URL: `ws://127.0.0.1:${exchange.port}`,
      K2_BINANCE_REST_URL: `http://127.0.0.1:${exchange.port}`,
      K2_BINANCE_SYMBOLS: symbols.join(','),
      K2_DATA_DIR: dataFolder
    }
    const first = k2s.start(settings)
    await first.atLeast('k2_landed_records', 2_000, { topic })
    first.kill('SIGKILL')
    await first.exit()
    const killedAt = await issuedBy(exchange.port)
    await until(
      async () => ((await issuedBy(exchange.port)) > killedAt + 6_000 ? true : undefined),
      { what: 'what is issued meanwhile', msMax: 60_000 }
    )
    const second = k2s.start(settings)
    const missed = await healed(second)
    expect(missed).toBeGreaterThan(2_000)
    expect(await second.metric('k2_healed_trades_total')).toBeGreaterThanOrEqual(missed)
    expect(await second.metric('k2_heal_written_off_trades_total')).toBeUndefined()
    const actors = (await second.get('/v1/system/actors')).text
    expect(actors).toContain('root/repair/healer')
    second.kill('SIGINT')
    expect(await second.exit(), second.describe()).toEqual({ code: 0, signal: null })
    await exchange.stop()

    const rows = await rowsOf(dataFolder)
    const [totals] = await runSql(`
      WITH landed AS (
        SELECT symbol, source_sequence AS id, price, quantity, epoch_ms(timestamp) AS ms,
          map_extract_value(vendor_data, 'source') AS source FROM ${rows}),
      spans AS (SELECT symbol, min(id) AS low, max(id) AS high FROM landed GROUP BY symbol),
      issued AS (
        SELECT symbol, id, price, quantity, trade_ms AS ms
        FROM read_csv('${issued}/trades.csv', header = true, types = {
          'price': 'DECIMAL(18,8)', 'quantity': 'DECIMAL(18,8)'})
        JOIN spans USING (symbol) WHERE id BETWEEN low AND high)
      SELECT (SELECT count(*) FROM landed), (SELECT count(DISTINCT (symbol, id)) FROM landed),
        (SELECT count(*) FROM issued),
        (SELECT count(*) FROM issued ANTI JOIN landed USING (symbol, id, price, quantity, ms)),
        (SELECT count(*) FROM landed WHERE source = 'history'),
        (SELECT count(*) FROM spans)`)
    const [landed, distinct, wanted, lacking, fromHistory, symbolCount] = totals!.map(Number)
    expect(landed).toBe(distinct)
    expect(landed).toBe(wanted)
    expect(lacking).toBe(0)
    expect(fromHistory).toBe(missed)
    expect(symbolCount).toBe(symbols.length)
  },
  testMsMax
)

/** A venue that has never issued some ids of one symbol. */
const lacking = (source: TradeSource, symbol: string, isLacking: (id: number) => boolean) => ({
  ...source,
  play: (nowMs: number) => {
    const playback = source.play(nowMs)
    const stream = source.streams.indexOf(`${symbol.toLowerCase()}@trade`)
    const isSkipped = () => playback.stream() === stream && isLacking(playback.tradeId())
    return {
      ...playback,
      advance: (untilMs: number) => {
        while (playback.advance(untilMs)) if (!isSkipped()) return true
        return false
      },
      trades: (of: string, fromId: number | undefined, limit: number) =>
        of === symbol && fromId !== undefined
          ? playback
              .trades(of, fromId, 2 * limit + 10)
              .filter(({ id }) => !isLacking(id))
              .slice(0, limit)
          : playback.trades(of, fromId, limit)
    }
  }
})

test(
  'an id that the venue lacks is given up, and not asked for again',
  async () => {
    const dataFolder = k2s.dataFolder()
    const isLacking = (id: number) => id % 50 === 0
    const source = lacking(makeGeneratorSource({ seed: 3, rate: 500 }), 'BTCUSDT', isLacking)
    await withSource(
      source,
      async (venue) => {
        const settings = { ...settingsOf(venue, symbols), ...quick, K2_DATA_DIR: dataFolder }
        const k2 = k2s.start(settings)
        // Many looks see the first of them still missing.
        await k2.atLeast('k2_heal_written_off_trades_total', 30, { reason: 'never_issued' })
        expect(
          await k2.metric('k2_heal_written_off_trades_total', { reason: 'rejected' })
        ).toBeUndefined()
        k2.kill('SIGINT')
        expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
        const claimed = k2.log.filter(({ event }) => event === 'heal.written_off')
        expect(new Set(claimed.map((line) => line['from_id'])).size).toBe(claimed.length)
        for (const line of claimed) {
          expect(line).toMatchObject({ symbol: 'BTCUSDT', reason: 'never_issued' })
          expect(isLacking(line['from_id'] as number)).toBe(true)
          expect(line['to_id']).toBe(line['from_id'])
        }
        const given = await runSql(
          `SELECT count(*) FROM ${await rowsOf(dataFolder)}
           WHERE symbol = 'BTCUSDT' AND source_sequence % 50 = 0`
        )
        expect(given).toEqual([['0']])
      },
      { speed: 1 }
    )
  },
  testMsMax
)
