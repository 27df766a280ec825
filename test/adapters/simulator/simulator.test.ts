import { get } from 'node:http'
import * as Effect from 'effect/Effect'
import { describe, expect, test } from 'vitest'
import { makeGeneratorSource } from '../../../src/adapters/simulator/generator-source.ts'
import { openSimulator, SimulatorFailed } from '../../../src/adapters/simulator/simulator.ts'
import type { Simulator, SimulatorEvent } from '../../../src/adapters/simulator/simulator.ts'
import { generatedSymbols } from '../../../src/adapters/simulator/venue-listing.ts'
import { ExchangeClient, getJson, idsOf, tradeOf, withSimulator } from './exchange-client.ts'

const allStreams = generatedSymbols.map(({ symbol }) => `${symbol.toLowerCase()}@trade`)
const quiet = {
  speed: 1,
  source: makeGeneratorSource({ seed: 1, rate: 1 }),
  incomingPerSecondMax: 100
} as const

describe('stream connections', () => {
  test('combined streams are wrapped, raw ones are not, each gets what it asked for', async () => {
    await withSimulator({}, async ({ url }) => {
      const combined = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade/ethbtc@trade`)
      const raw = await ExchangeClient.open(`${url}/ws/ethusdt@trade/dogeusdt@trade`)
      const wrapped = (await combined.take(200)).map((text) => JSON.parse(text))
      expect(new Set(wrapped.map(({ stream }) => stream))).toEqual(
        new Set(['btcusdt@trade', 'ethbtc@trade'])
      )
      expect(Object.keys(wrapped[0].data)).toEqual(['e', 'E', 's', 't', 'p', 'q', 'T', 'm', 'M'])
      const plain = (await raw.take(200)).map((text) => JSON.parse(text))
      expect(new Set(plain.map(({ s }) => s))).toEqual(new Set(['ETHUSDT', 'DOGEUSDT']))
      expect(Object.keys(plain[0])).toEqual(['e', 'E', 's', 't', 'p', 'q', 'T', 'm', 'M'])
    })
  })

  test('a stream other than trades, or of an unknown symbol, is accepted and silent', async () => {
    await withSimulator({}, async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@depth/nosuch@trade`)
      expect(
        await client.ask({ method: 'SUBSCRIBE', params: ['btcusdt@kline_1m'], id: 'a1' })
      ).toEqual({
        result: null,
        id: 'a1'
      })
      expect(client.frames).toHaveLength(1)
    })
  })

  test('book tickers go to who takes them; faults are theirs as well', async () => {
    await withSimulator({ faults: { duplicate: 1 } }, async ({ url, control }) => {
      const trades = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      const both = await ExchangeClient.open(
        `${url}/stream?streams=btcusdt@trade/btcusdt@bookTicker`
      )
      const texts = await both.take(400)
      const tickers = texts.filter((text) => text.startsWith('{"stream":"btcusdt@bookTicker"'))
      expect(tickers.length).toBeGreaterThan(50)
      expect(Object.keys((JSON.parse(tickers[0]!) as { data: object }).data)).toEqual([
        'u',
        's',
        'b',
        'B',
        'a',
        'A'
      ])
      expect(tickers[1]).toBe(tickers[0])
      expect((await trades.take(200)).every((text) => text.includes('@trade"'))).toBe(true)
      // What was issued and sent by symbol are trades: quotes have no ids without gaps.
      const { issued } = control.status()
      const { firstId, lastId, count } = issued['BTCUSDT']!
      expect(lastId - firstId + 1).toBe(count)
    })
  })

  test('SUBSCRIBE is acknowledged before the first frame, UNSUBSCRIBE ends a stream', async () => {
    await withSimulator({}, async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/stream`)
      client.socket.send(
        JSON.stringify({ method: 'SUBSCRIBE', params: ['btcusdt@trade', 'ethusdt@trade'], id: 1 })
      )
      const [first] = await client.take(300)
      expect(first).toBe('{"result":null,"id":1}')
      expect(await client.ask({ method: 'LIST_SUBSCRIPTIONS', id: 2 })).toEqual({
        result: ['btcusdt@trade', 'ethusdt@trade'],
        id: 2
      })
      expect(await client.ask({ method: 'UNSUBSCRIBE', params: ['btcusdt@trade'], id: 3 })).toEqual(
        { result: null, id: 3 }
      )
      const end = client.frames.findIndex(({ text }) => text.includes('"id":3'))
      await client.until(({ frames }) => frames.length > end + 300)
      const after = client.frames.slice(end + 1).map(({ text }) => text)
      expect(new Set(after.map((text) => tradeOf(text).stream))).toEqual(new Set(['ethusdt@trade']))
      expect(
        idsOf(
          client.frames
            .slice(1, end)
            .map(({ text }) => text)
            .filter((text) => text.includes('"e":')),
          'BTCUSDT'
        ).length
      ).toBeGreaterThan(0)
    })
  })

  test('the combined property changes the form of what follows', async () => {
    await withSimulator(quiet, async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/ws`)
      expect(await client.ask({ method: 'GET_PROPERTY', params: ['combined'], id: 1 })).toEqual({
        result: false,
        id: 1
      })
      expect(
        await client.ask({ method: 'SET_PROPERTY', params: ['combined', true], id: 2 })
      ).toEqual({ result: null, id: 2 })
      expect(await client.ask({ method: 'GET_PROPERTY', params: ['combined'], id: 3 })).toEqual({
        result: true,
        id: 3
      })
    })
  })

  test.each([
    ['{oops', { code: 3 }],
    ['[]', { code: 3 }],
    [
      { method: 'SUBSCRIBE', params: [] },
      { code: 2, msg: expect.stringContaining('request ID') }
    ],
    [{ method: 'SUBSCRIBE', params: [], id: 1.5 }, { code: 2 }],
    [
      { method: 'subscribe', params: [], id: 1 },
      { error: { code: 2, msg: expect.stringContaining('unknown variant') }, id: 1 }
    ],
    [{ id: 7 }, { error: { code: 2, msg: expect.stringContaining('missing field') }, id: 7 }],
    [
      { method: 'SUBSCRIBE', params: 'btcusdt@trade', id: 7 },
      { error: { code: 2 }, id: 7 }
    ],
    [
      { method: 'SUBSCRIBE', params: [3], id: null },
      { error: { code: 2 }, id: null }
    ],
    [
      { method: 'LIST_SUBSCRIPTIONS', params: [1], id: 7 },
      { error: { code: 2, msg: 'Invalid request: too many parameters' } }
    ],
    [{ method: 'SET_PROPERTY', params: ['combined', 1], id: 7 }, { error: { code: 1 } }],
    [{ method: 'SET_PROPERTY', params: ['other', true], id: 7 }, { error: { code: 0 } }],
    [{ method: 'GET_PROPERTY', params: [], id: 7 }, { error: { code: 2 } }]
  ])('%j is refused in the venue’s form', async (request, reply) => {
    await withSimulator(quiet, async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/ws`)
      expect(await client.ask(request)).toMatchObject(reply)
      expect(client.socket.readyState).toBe(client.socket.OPEN)
    })
  })

  test('a connection listens to at most 1,024 streams', async () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `s${index}@trade`)
    await withSimulator(quiet, async ({ url }) => {
      const client = await ExchangeClient.open(`${url}/ws`)
      expect(await client.ask({ method: 'SUBSCRIBE', params: names(1_024), id: 1 })).toEqual({
        result: null,
        id: 1
      })
      expect(
        await client.ask({ method: 'SUBSCRIBE', params: ['more@trade'], id: 2 })
      ).toMatchObject({ error: { code: 2 }, id: 2 })
      expect(await client.ask({ method: 'SUBSCRIBE', params: ['s5@trade'], id: 3 })).toEqual({
        result: null,
        id: 3
      })
      await expect(
        ExchangeClient.open(`${url}/stream?streams=${names(1_025).join('/')}`)
      ).rejects.toThrow(/400/)
    })
  })

  test('an unknown path is refused', async () => {
    await withSimulator(quiet, async ({ url }) => {
      await expect(ExchangeClient.open(`${url}/elsewhere`)).rejects.toThrow(/404/)
    })
  })

  test('more than five messages within a second end the connection', async () => {
    await withSimulator({ ...quiet, incomingPerSecondMax: 5 }, async ({ url, control }) => {
      const client = await ExchangeClient.open(`${url}/ws`)
      for (let id = 1; id <= 4; id += 1)
        client.socket.send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id }))
      client.socket.ping()
      await client.take(4)
      expect(client.socket.readyState).toBe(client.socket.OPEN)
      client.socket.pong()
      await client.closed
      expect(control.status().connections[0]!.closed).toBe('too_many_messages')
    })
  })

  test('the exchange pings; who answers stays, who does not is cut', async () => {
    await withSimulator({ ...quiet, pingMs: 20, pongTimeoutMs: 100 }, async ({ url, control }) => {
      const polite = await ExchangeClient.open(`${url}/ws`)
      const rude = await ExchangeClient.open(`${url}/ws`, { autoPong: false })
      await rude.closed
      await polite.until(({ pingCount }) => pingCount > 10)
      expect(control.status().connections.map(({ closed }) => closed)).toEqual([null, 'no_pong'])
    })
  })

  test('a connection ends at its age by the venue’s clock, behind all it was sent', async () => {
    let nowMs = Date.UTC(2026, 0, 5)
    const dayMs = 86_400_000
    await withSimulator({ now: () => nowMs }, async ({ url, control }) => {
      const old = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      nowMs += dayMs - 1
      const young = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      await old.take(100)
      expect(control.status().connections.map(({ closed }) => closed)).toEqual([null, null])
      nowMs += 1
      expect((await old.closed).code).toBe(1_001)
      const [first, second] = control.status().connections
      expect([first!.closed, second!.closed]).toEqual(['too_old', null])
      expect(first!.sent['BTCUSDT']!.count).toBe(old.frames.length)
      const before = young.frames.length
      await young.until(({ frames }) => frames.length > before + 100)
    })
  })

  test('open-loop: a client that does not read is cut, its neighbour goes on', async () => {
    let nowMs = Date.UTC(2026, 0, 5)
    const source = makeGeneratorSource({ seed: 1, rate: 20_000 })
    await withSimulator({ speed: 1, source, now: () => nowMs }, async ({ url, control }) => {
      const slow = await ExchangeClient.open(`${url}/stream?streams=${allStreams.join('/')}`)
      const quick = await ExchangeClient.open(`${url}/stream?streams=ethbtc@trade`)
      slow.socket.pause()
      nowMs += 10_000
      await quick.until(
        ({ frames }) => frames.length > 0 && tradeOf(frames.at(-1)!.text).data.E > nowMs - 100
      )
      const [first, second] = control.status().connections
      expect(first!.closed).toBe('slow_client')
      expect(second!.closed).toBe(null)
      const ids = idsOf(
        quick.frames.map(({ text }) => text),
        'ETHBTC'
      )
      expect(ids).toEqual(ids.map((_, index) => ids[0]! + index))
      slow.socket.terminate()
    })
  })

  test('max: the exchange waits for a client that does not read, and loses nothing', async () => {
    await withSimulator({}, async ({ url, control }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      await client.take(100)
      client.socket.pause()
      let before = -1
      for (let turns = 0, same = 0; same < 20; turns += 1) {
        expect(turns).toBeLessThan(100_000)
        await getJson(`${url.replace('ws', 'http')}/control`)
        same = control.status().counts.sent === before ? same + 1 : 0
        before = control.status().counts.sent
      }
      const [status] = control.status().connections
      expect(status!.closed).toBe(null)
      expect(status!.unsentBytes).toBeLessThan(4 * 1_024 * 1_024)
      client.socket.resume()
      await client.until(({ frames }) => frames.length > before + 1_000)
      const ids = idsOf(
        client.frames.map(({ text }) => text),
        'BTCUSDT'
      )
      expect(ids).toEqual(ids.map((_, index) => ids[0]! + index))
    })
  })

  test('at speed N venue time runs N times as fast', async () => {
    let nowMs = Date.UTC(2026, 0, 5)
    await withSimulator({ speed: 60, now: () => nowMs }, async ({ url, restUrl }) => {
      const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
      nowMs += 1_000
      const venueMs = Date.UTC(2026, 0, 5) + 60_000
      await client.until(
        ({ frames }) => frames.length > 0 && tradeOf(frames.at(-1)!.text).data.E > venueMs - 2_000
      )
      expect(tradeOf(client.frames.at(-1)!.text).data.E).toBeLessThanOrEqual(venueMs)
      expect((await getJson(`${restUrl}/api/v3/time`)).body).toEqual({ serverTime: venueMs })
    })
  })

  test('what was issued and sent is told per symbol and connection', async () => {
    const events: Array<SimulatorEvent> = []
    await withSimulator(
      { observe: (event) => events.push(event) },
      async ({ url, restUrl, issued }) => {
        const client = await ExchangeClient.open(`${url}/stream?streams=btcusdt@trade`)
        await client.take(500)
        client.socket.close()
        await client.closed
        const { body } = await getJson(`${restUrl}/control`)
        const ids = idsOf(
          client.frames.map(({ text }) => text),
          'BTCUSDT'
        )
        expect(body.connections[0].sent.BTCUSDT.firstId).toBe(ids[0])
        expect(body.connections[0].sent.BTCUSDT.count).toBeGreaterThanOrEqual(ids.length)
        expect(body.issued).toEqual(issued())
        expect(Object.keys(body.issued).sort()).toEqual(
          generatedSymbols.map(({ symbol }) => symbol).sort()
        )
        for (const { firstId, lastId, count } of Object.values(issued()))
          expect(lastId - firstId + 1).toBe(count)
        expect(events.map(({ type }) => type)).toEqual([
          'playback.started',
          'connection.opened',
          'connection.closed'
        ])
      }
    )
  })

  test('closing its scope says goodbye and frees the port', async () => {
    let client: ExchangeClient | undefined
    let port = 0
    await withSimulator(quiet, async ({ url }) => {
      port = Number(new URL(url).port)
      client = await ExchangeClient.open(`${url}/ws`)
    })
    expect((await client!.closed).code).toBe(1_001)
    await withSimulator({ ...quiet, port }, async ({ url }) => {
      expect(new URL(url).port).toBe(String(port))
      const taken = openSimulator({ ...quiet, port, seed: 1, now: Date.now })
      const failure = await Effect.runPromise(Effect.scoped(taken).pipe(Effect.flip))
      expect(failure).toBeInstanceOf(SimulatorFailed)
      expect(failure.message).toMatch(/EADDRINUSE/)
    })
  })
})

/** Status of a request as raw as a page or a scanner would send it. */
const statusOfTarget = (
  { restUrl }: Simulator,
  path: string,
  host = '127.0.0.1'
): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(restUrl)
    get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })

describe('REST', () => {
  const api = ({ restUrl }: Simulator, path: string) => getJson(`${restUrl}/api/v3/${path}`)
  /** An exchange whose clock stood still after ten seconds of trading. */
  const withTrades = async (
    body: (simulator: Simulator) => Promise<void>,
    weightMax = 6_000
  ): Promise<void> => {
    let nowMs = Date.UTC(2026, 0, 5)
    await withSimulator({ speed: 1, now: () => nowMs, weightMax }, async (simulator) => {
      const client = await ExchangeClient.open(
        `${simulator.url}/stream?streams=${allStreams.join('/')}`
      )
      nowMs += 10_000
      await client.until(
        ({ frames }) => frames.length > 0 && tradeOf(frames.at(-1)!.text).data.E > nowMs - 100
      )
      await body(simulator)
    })
  }

  test('time and exchangeInfo', async () => {
    await withTrades(async (simulator) => {
      expect((await api(simulator, 'time')).body).toEqual({
        serverTime: Date.UTC(2026, 0, 5) + 10_000
      })
      const { body } = await api(simulator, 'exchangeInfo')
      expect(body.rateLimits).toContainEqual({
        rateLimitType: 'REQUEST_WEIGHT',
        interval: 'MINUTE',
        intervalNum: 1,
        limit: 6_000
      })
      expect(
        body.symbols.map(({ symbol, baseAsset, quoteAsset, status }: any) => [
          symbol,
          baseAsset,
          quoteAsset,
          status
        ])
      ).toEqual(
        generatedSymbols.map(({ symbol, baseAsset, quoteAsset }) => [
          symbol,
          baseAsset,
          quoteAsset,
          'TRADING'
        ])
      )
      const one = await api(simulator, 'exchangeInfo?symbol=ETHBTC')
      expect(one.body.symbols).toHaveLength(1)
      expect(one.body.symbols[0].filters[0]).toEqual({
        filterType: 'PRICE_FILTER',
        tickSize: '0.00001000'
      })
    })
  })

  test('ticker/24hr knows the newest id (R3)', async () => {
    await withTrades(async (simulator) => {
      const one = (await api(simulator, 'ticker/24hr?symbol=BTCUSDT')).body
      const { lastId } = simulator.issued()['BTCUSDT']!
      expect(one.lastId).toBe(lastId)
      expect(one.count).toBe(one.lastId - one.firstId + 1)
      const [last] = (await api(simulator, 'trades?symbol=BTCUSDT&limit=1')).body
      expect(last).toMatchObject({ id: lastId, price: one.lastPrice, qty: one.lastQty })
      expect(Number(one.lowPrice)).toBeLessThanOrEqual(Number(one.highPrice))
      expect(Number(one.priceChange)).toBeCloseTo(Number(one.lastPrice) - Number(one.openPrice), 6)
      const some = await api(
        simulator,
        `ticker/24hr?symbols=${encodeURIComponent('["ETHBTC","BTCUSDT"]')}`
      )
      expect(some.body.map(({ symbol }: any) => symbol)).toEqual(['ETHBTC', 'BTCUSDT'])
      expect((await api(simulator, 'ticker/24hr')).body).toHaveLength(generatedSymbols.length)
    })
  })

  test('historicalTrades pages by fromId up to what was issued', async () => {
    await withTrades(async (simulator) => {
      const { lastId } = simulator.issued()['ETHUSDT']!
      const page = (
        await api(simulator, `historicalTrades?symbol=ETHUSDT&fromId=${lastId - 1_499}&limit=5000`)
      ).body
      expect(page.map(({ id }: any) => id)).toEqual(
        Array.from({ length: 1_000 }, (_, index) => lastId - 1_499 + index)
      )
      const rest = (
        await api(simulator, `historicalTrades?symbol=ETHUSDT&fromId=${lastId - 499}&limit=1000`)
      ).body
      expect(rest.map(({ id }: any) => id)).toEqual(
        Array.from({ length: 500 }, (_, index) => lastId - 499 + index)
      )
      expect(
        (await api(simulator, `historicalTrades?symbol=ETHUSDT&fromId=${lastId + 1}`)).body
      ).toEqual([])
      expect((await api(simulator, 'historicalTrades?symbol=ETHUSDT')).body).toHaveLength(500)
      const { price, qty, quoteQty } = rest[0]
      expect(Number(quoteQty)).toBeCloseTo(Number(price) * Number(qty), 6)
    })
  })

  test.each([
    ['historicalTrades', -1102],
    ['historicalTrades?symbol=NOSUCH', -1121],
    ['historicalTrades?symbol=BTCUSDT&fromId=x', -1100],
    ['historicalTrades?symbol=BTCUSDT&limit=-1', -1100],
    ['trades?symbol=BTCUSDT&limit=0', -1130],
    ['ticker/24hr?symbol=btcusdt', -1121],
    ['ticker/24hr?symbols=BTCUSDT', -1100],
    ['ticker/24hr?symbol=BTCUSDT&symbols=["BTCUSDT"]', -1128],
    ['exchangeInfo?symbol=NOSUCH', -1121]
  ])('%s is error %i', async (path, code) => {
    await withSimulator(quiet, async (simulator) => {
      const { status, body } = await api(simulator, path)
      expect(status).toBe(400)
      expect(body).toEqual({ code, msg: expect.any(String) })
    })
  })

  test('an unknown route is 404', async () => {
    await withSimulator(quiet, async (simulator) => {
      expect((await api(simulator, 'order')).status).toBe(404)
      expect(await statusOfTarget(simulator, '//')).toBe(400)
      expect(await statusOfTarget(simulator, '/control', 'evil.example')).toBe(403)
    })
  })

  test('weights add up by the minute; beyond the limit it is 429 with Retry-After', async () => {
    let nowMs = Date.UTC(2026, 0, 5) + 15_000
    await withSimulator({ ...quiet, weightMax: 60, now: () => nowMs }, async (simulator) => {
      const used = async (path: string) => {
        const { status, headers } = await api(simulator, path)
        return [status, Number(headers.get('x-mbx-used-weight-1m')), headers.get('retry-after')]
      }
      expect(await used('time')).toEqual([200, 1, null])
      expect(await used('historicalTrades?symbol=BTCUSDT')).toEqual([200, 26, null])
      expect(await used('ticker/24hr?symbol=BTCUSDT')).toEqual([200, 28, null])
      expect(await used('exchangeInfo')).toEqual([200, 48, null])
      expect(await used('trades?symbol=BTCUSDT')).toEqual([429, 73, '45'])
      expect((await api(simulator, 'time')).body).toMatchObject({ code: -1003 })
      nowMs += 45_000
      expect(await used('time')).toEqual([200, 1, null])
    })
  })

  test('the limit that is announced and enforced can be changed', async () => {
    await withSimulator({ ...quiet, weightMax: 60 }, async (simulator) => {
      const announced = async () =>
        ((await api(simulator, 'exchangeInfo')).body.rateLimits as any[])[0].limit as number
      expect(await announced()).toBe(60)
      simulator.control.request({ weightLimit: 9_000 })
      expect(await announced()).toBe(9_000)
      expect((await api(simulator, 'historicalTrades?symbol=BTCUSDT')).status).toBe(200)
      simulator.control.request({ heal: true })
      expect((await api(simulator, 'exchangeInfo')).status).toBe(429)
    })
  })

  test('a symbol that never traded has no ids', async () => {
    const source = makeGeneratorSource({ seed: 1 })
    await withSimulator({ source, now: () => Date.UTC(2024, 0, 1) }, async (simulator) => {
      expect((await api(simulator, 'ticker/24hr?symbol=BTCUSDT')).body).toMatchObject({
        firstId: -1,
        lastId: -1,
        count: 0
      })
      expect((await api(simulator, 'trades?symbol=BTCUSDT')).body).toEqual([])
    })
  })
})
