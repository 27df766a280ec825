import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as Effect from 'effect/Effect'
import { describe, expect, test } from 'vitest'
import { parseRecording } from '../../../src/adapters/simulator/recording-format.ts'
import {
  loadRecordings,
  RecordingUnreadable
} from '../../../src/adapters/simulator/recording-source.ts'
import { recordingNames, testWithRecordings } from '../../support/recordings.ts'
import { ExchangeClient, getJson, idsOf, withSimulator } from './exchange-client.ts'

const load = (...paths: ReadonlyArray<string>) => Effect.runPromise(loadRecordings(paths))

const linesOf = async (path: string): Promise<ReadonlyArray<string>> =>
  gunzipSync(await readFile(path))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')

const write = async (name: string, text: string): Promise<string> => {
  const path = join(await mkdtemp(join(tmpdir(), 'k2-recording-')), name)
  await writeFile(path, text)
  return path
}

const trade = (symbol: string, id: number, ms: number): string =>
  `{"stream":"${symbol.toLowerCase()}@trade","data":{"e":"trade","E":${ms},"s":"${symbol}",` +
  `"t":${id},"p":"1.00000000","q":"2.00000000","T":${ms},"m":true,"M":true}}`

describe('the forms of recorded lines', () => {
  const frame = trade('BTCUSDT', 7, 1_700_000_000_000)
  const snapshot = '{"lastUpdateId":1,"bids":[],"asks":[]}'

  test.each([
    ['wire', frame, 1_700_000_000_000_000],
    ['received', `1700000000000000123 ${frame}`, 1_700_000_000_000_000],
    ['received', `1700000000000001 ${frame}`, 1_700_000_000_000_001],
    ['received', `1700000000001 ${frame}`, 1_700_000_000_001_000],
    ['cryptofeed', `1700000000.5: ${frame}`, 1_700_000_000_500_000]
  ])('%s', (format, line, timeUs) => {
    const file = Buffer.from(`${line}\r\n${line}`)
    const parsed = parseRecording(file)!
    expect(parsed.format).toBe(format)
    expect(parsed.frames).toHaveLength(2)
    for (const { start, end, ...rest } of parsed.frames) {
      expect(file.toString('utf8', start, end)).toBe(frame)
      expect(rest.tradeId).toBe(7)
      expect(rest.stream).toBe('btcusdt@trade')
      expect(rest.timeUs).toBeCloseTo(timeUs, 0)
    }
  })

  test('a bad line costs itself and is reported by number', () => {
    const lines = [
      frame,
      '',
      '{"stream":"btcusdt@trade","data":{"e":"trade"',
      'what?',
      `17 ${frame}`,
      frame
    ]
    const parsed = parseRecording(Buffer.from(lines.join('\n')))!
    expect(parsed.frames).toHaveLength(2)
    expect(parsed.malformed.map(({ line }) => line)).toEqual([3, 4, 5])
    expect(parsed.malformedCount).toBe(3)
  })

  test.each([
    ['{"stream":"a@trade","data":{"e":"trade","s":"A","t":1.5}}', /no id/],
    ['{"stream":"a@trade","data":{"e":"trade","s":"A","t":9007199254740993}}', /no id/],
    ['{"stream":"a@trade","data":7}', /no data/]
  ])('%s is malformed', (line, reason) => {
    const parsed = parseRecording(Buffer.from(line))!
    expect(parsed.frames).toHaveLength(0)
    expect(parsed.malformed[0]!.reason).toMatch(reason)
  })

  test('a frame of no stream is kept apart', () => {
    const parsed = parseRecording(
      Buffer.from(`1700000000000000 ${snapshot}\n1700000000000001 ${frame}`)
    )!
    expect(parsed.frames.map(({ stream }) => stream)).toEqual([undefined, 'btcusdt@trade'])
  })

  test('what is no recording is refused by name', async () => {
    const path = await write('notes.txt', 'dear diary\n')
    await expect(load(path)).rejects.toThrow(/notes\.txt.*no line has a known form/)
    await expect(load('/nowhere/at/all')).rejects.toBeInstanceOf(RecordingUnreadable)
  })

  test('a symbol without a known quote asset is refused by name', async () => {
    await expect(load(await write('odd', trade('FOOBAR', 1, 1)))).rejects.toThrow(/FOOBAR/)
  })
})

describe('playing', () => {
  test('several files merge by time, each in its own order', async () => {
    const first = await write(
      'a',
      [trade('BTCUSDT', 1, 10), trade('BTCUSDT', 2, 30), trade('BTCUSDT', 3, 20)].join('\n')
    )
    const second = await write('b', [trade('ETHUSDT', 1, 15), trade('ETHUSDT', 2, 30)].join('\n'))
    const { source } = await load(first, second)
    const playback = source.play(0)
    const seen: Array<string> = []
    while (playback.advance(Number.POSITIVE_INFINITY))
      seen.push(`${source.streams[playback.stream()]}:${playback.tradeId()}`)
    expect(seen).toEqual([
      'btcusdt@trade:1',
      'ethusdt@trade:1',
      'btcusdt@trade:2',
      'btcusdt@trade:3',
      'ethusdt@trade:2'
    ])
    expect(playback.ended()).toBe(true)
  })

  test('lines of no stream are sent only if asked for', async () => {
    const snapshot = '{"lastUpdateId":1,"bids":[],"asks":[]}'
    const frame = trade('BTCUSDT', 1, 2)
    const path = await write('r', `1700000000000000 ${snapshot}\n1700000000000001 ${frame}\n`)
    expect((await load(path)).reports[0]!.unwrappedSkipped).toBe(1)
    const { source } = await Effect.runPromise(loadRecordings([path], { sendUnwrapped: true }))
    await withSimulator({ source }, async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      expect(await client.take(2)).toEqual([snapshot, frame])
    })
  })

  test('it starts at the first subscription to one of its symbols, as one timeline', async () => {
    const lines = Array.from({ length: 6 }, (_, index) =>
      trade('BTCUSDT', index + 1, 1_000 + index * 1_000)
    )
    const { source } = await load(await write('r', lines.join('\n')))
    let nowMs = 5_000_000
    await withSimulator(
      { source, speed: 1, now: () => nowMs },
      async ({ url, restUrl, control }) => {
        const early = await ExchangeClient.open(`${url}/ws/ethusdt@trade`)
        nowMs += 60_000
        expect(control.status().state).toBe('waiting')
        const trades = `${restUrl}/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1`
        expect((await getJson(trades)).body).toEqual([])
        await early.ask({ method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: 1 })
        await early.until(({ frames }) => frames.length === 2) // the reply, and what is due at once
        nowMs += 2_500
        await early.until(({ frames }) => frames.length === 4)
        const late = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
        expect((await getJson(trades)).body.map(({ id }: { id: number }) => id)).toEqual([1, 2, 3])
        nowMs += 60_000
        await late.until(({ frames }) => frames.length === 3)
        expect(idsOf(await late.take(3), 'BTCUSDT')).toEqual([4, 5, 6])
        expect(control.status().state).toBe('ended')
        expect(await early.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toMatchObject({ id: 2 })
        expect(control.status().issued).toEqual({ BTCUSDT: { firstId: 1, lastId: 6, count: 6 } })
      }
    )
  })
})

describe('on real recordings', () => {
  testWithRecordings(
    'every trade frame, byte for byte',
    [recordingNames.trades2024],
    async ([path]) => {
      const lines = await linesOf(path)
      const { source, reports } = await load(path)
      expect(reports[0]).toMatchObject({ format: 'wire', tradeCount: 15_863, malformedCount: 0 })
      await withSimulator({ source }, async ({ url, restUrl, issued }) => {
        const client = await ExchangeClient.open(
          `${url}/stream?streams=btcusdt@trade/ethusdt@trade`
        )
        expect(await client.take(15_863)).toEqual(lines)
        expect(issued()).toEqual({
          BTCUSDT: { firstId: 3_735_683_259, lastId: 3_735_693_015, count: 9_757 },
          ETHUSDT: { firstId: 1_520_538_925, lastId: 1_520_545_030, count: 6_106 }
        })
        const late = await ExchangeClient.open(`${url}/ws/btcusdt@trade`)
        expect(await late.ask({ method: 'LIST_SUBSCRIPTIONS', id: 9 })).toEqual({
          result: ['btcusdt@trade'],
          id: 9
        })
        expect(late.frames).toHaveLength(1) // up and silent at the end
        const history = await getJson(
          `${restUrl}/api/v3/historicalTrades?symbol=ETHUSDT&fromId=1520539000&limit=1000`
        )
        const recorded = lines
          .map((line) => JSON.parse(line).data)
          .filter(({ s, t }) => s === 'ETHUSDT' && t >= 1_520_539_000)
        expect(history.body).toHaveLength(1_000)
        history.body.forEach((told: any, index: number) => {
          const { t, T, p, q, m, M } = recorded[index]
          expect(told).toMatchObject({
            id: t,
            time: T,
            price: p,
            qty: q,
            isBuyerMaker: m,
            isBestMatch: M
          })
        })
        const info = await getJson(`${restUrl}/api/v3/exchangeInfo`)
        expect(info.body.symbols).toMatchObject([
          { symbol: 'BTCUSDT', baseAsset: 'BTC', quoteAsset: 'USDT' },
          { symbol: 'ETHUSDT', baseAsset: 'ETH', quoteAsset: 'USDT' }
        ])
      })
    }
  )

  testWithRecordings(
    'the full recordings, merged, give the same trades as the extract',
    [recordingNames.btc2024, recordingNames.eth2024, recordingNames.trades2024],
    async ([btc, eth, extract]) => {
      const { source, reports } = await load(btc, eth)
      expect(reports.map(({ format, tradeCount }) => [format, tradeCount])).toEqual([
        ['received', 9_757],
        ['received', 6_106]
      ])
      expect(reports.every(({ malformedCount }) => malformedCount === 0)).toBe(true)
      await withSimulator({ source }, async ({ url }) => {
        const client = await ExchangeClient.open(
          `${url}/stream?streams=btcusdt@trade/ethusdt@trade`
        )
        expect(await client.take(15_863)).toEqual(await linesOf(extract))
      })
    }
  )

  testWithRecordings(
    'raw streams get the data alone, of exactly what they asked for',
    [recordingNames.btc2023],
    async ([path]) => {
      const frames = (await linesOf(path)).map((line) => line.slice(line.indexOf(' ') + 1))
      const tickers = frames.filter((frame) => frame.startsWith('{"stream":"btcusdt@bookTicker"'))
      const { source, reports } = await load(path)
      expect(reports[0]).toMatchObject({ format: 'received', tradeCount: 3_144, malformedCount: 0 })
      await withSimulator({ source }, async ({ url }) => {
        const client = await ExchangeClient.open(`${url}/ws/btcusdt@bookTicker`)
        expect(await client.take(tickers.length)).toEqual(
          tickers.map((frame) => frame.slice('{"stream":"btcusdt@bookTicker","data":'.length, -1))
        )
      })
    }
  )

  testWithRecordings(
    'cryptofeed text with other kinds of frames',
    [recordingNames.mixed2021],
    async ([path]) => {
      const { source, reports } = await load(path)
      expect(reports[0]).toMatchObject({ format: 'cryptofeed', tradeCount: 0, malformedCount: 0 })
      expect(
        source.listing.map(({ symbol, baseAsset, quoteAsset }) => [symbol, baseAsset, quoteAsset])
      ).toEqual(
        expect.arrayContaining([
          ['RUNEEUR', 'RUNE', 'EUR'],
          ['LRCBTC', 'LRC', 'BTC'],
          ['BLZETH', 'BLZ', 'ETH'],
          ['NKNUSDT', 'NKN', 'USDT']
        ])
      )
      await withSimulator({ source }, async ({ url }) => {
        const client = await ExchangeClient.open(
          `${url}/stream?streams=${source.streams.join('/')}`
        )
        const frames = await client.take(reports[0]!.frameCount)
        expect(frames.some((frame) => frame.includes('kline'))).toBe(true)
      })
    }
  )
})
