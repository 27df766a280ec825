import type { IncomingMessage, ServerResponse } from 'node:http'
import { Effect } from 'effect'
import { afterEach, describe, expect, test } from 'vitest'
import { fetchInstruments } from '../../../src/adapters/exchange/binance-rest.ts'
import {
  type BinanceRestOptions,
  binanceRestDefaults,
  type RestEvent
} from '../../../src/adapters/exchange/rest-request.ts'
import { type FakeVenue, openFakeVenue } from '../../support/fake-venue.ts'

const opened: FakeVenue[] = []
afterEach(async () => {
  for (const venue of opened.splice(0)) await venue.close()
})

const listed = [
  { symbol: 'ETHBTC', status: 'TRADING', baseAsset: 'ETH', quoteAsset: 'BTC' },
  { symbol: 'BTCUSDT', status: 'TRADING', baseAsset: 'BTC', quoteAsset: 'USDT' }
]

const events: RestEvent[] = []
const ask = async (
  symbols: ReadonlyArray<string>,
  rest: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<BinanceRestOptions> = {}
) => {
  events.length = 0
  const venue = await openFakeVenue({ rest })
  opened.push(venue)
  const all = {
    ...binanceRestDefaults,
    observe: (event: RestEvent) => void events.push(event),
    ...options
  }
  return { venue, asked: fetchInstruments(venue.restUrl, symbols, all) }
}
const failureOf = async (asked: Promise<{ asked: Effect.Effect<unknown, unknown> }>) =>
  await Effect.runPromise(Effect.flip((await asked).asked))

describe('the venue\'s list', () => {
  test('gives the instruments in the order asked for', async () => {
    const urls: string[] = []
    const { asked } = await ask(['BTCUSDT', 'ETHBTC', 'BTCUSDT'], (request, response) => {
      urls.push(decodeURIComponent(request.url ?? ''))
      response.setHeader('X-MBX-USED-WEIGHT-1M', '24')
      response.end(JSON.stringify({ timezone: 'UTC', symbols: listed }))
    })
    expect(await Effect.runPromise(asked)).toEqual([
      {
        exchange: 'BINANCE',
        symbol: 'BTCUSDT',
        assetClass: 'crypto',
        baseAsset: 'BTC',
        quoteAsset: 'USDT'
      },
      {
        exchange: 'BINANCE',
        symbol: 'ETHBTC',
        assetClass: 'crypto',
        baseAsset: 'ETH',
        quoteAsset: 'BTC'
      }
    ])
    expect(urls).toEqual(['/api/v3/exchangeInfo?symbols=["BTCUSDT","ETHBTC"]'])
    expect(events).toMatchObject([{ type: 'rest.answered', status: 200, usedWeight: 24 }])
  })

  test('no symbols, no question', async () => {
    const { asked } = await ask([], (_request, response) => response.writeHead(500).end())
    expect(await Effect.runPromise(asked)).toEqual([])
  })

  test('more than a hundred are looked up in the whole list', async () => {
    const symbols = Array.from({ length: 101 }, (_, index) => ({
      symbol: `S${index}`,
      baseAsset: 'S',
      quoteAsset: 'X'
    }))
    const urls: Array<string | undefined> = []
    const { asked } = await ask(symbols.map(({ symbol }) => symbol), (request, response) => {
      urls.push(request.url)
      response.end(JSON.stringify({ symbols }))
    })
    expect(await Effect.runPromise(asked)).toHaveLength(101)
    expect(urls).toEqual(['/api/v3/exchangeInfo'])
  })

  test('unlisted symbols are named, all of them, though the venue does not', async () => {
    const failure = await failureOf(ask(['BTCUSDT', 'NOPE', 'NADA'], (request, response) => {
      if (request.url?.includes('symbols=') === true) {
        response.writeHead(400).end('{"code":-1121,"msg":"Invalid symbol."}')
      } else response.end(JSON.stringify({ symbols: listed }))
    }))
    expect(failure).toMatchObject({ _tag: 'UnknownSymbols', symbols: ['NOPE', 'NADA'] })
    expect((failure as Error).message).toContain('NOPE, NADA')
    expect(failure).not.toHaveProperty('isDependency')
  })
})

describe('a venue that does not answer well', () => {
  test('its error is kept in its words', async () => {
    expect(
      await failureOf(
        ask(['BTCUSDT'], (_request, response) => {
          response
            .writeHead(429, { 'Retry-After': '7' })
            .end('{"code":-1003,"msg":"Too much request weight used"}')
        })
      )
    ).toMatchObject({
      _tag: 'VenueRefused',
      status: 429,
      code: -1003,
      reason: 'Too much request weight used',
      retryAfterMs: 7_000,
      isDependency: true
    })
  })

  test('an error page', async () => {
    expect(
      await failureOf(
        ask(['BTCUSDT'], (_request, response) => {
          response.writeHead(502).end('<html>bad gateway</html>')
        })
      )
    ).toMatchObject({
      _tag: 'VenueRefused',
      status: 502,
      code: null,
      reason: '<html>bad gateway</html>'
    })
  })

  const unavailable: ReadonlyArray<readonly [string, (response: ServerResponse) => void, string]> =
    [
      ['not JSON', (response) => response.end('<html>'), 'not JSON'],
      [
        'another form',
        (response) => response.end('{"symbols":[{"symbol":"BTCUSDT"}]}'),
        'not an exchangeInfo'
      ],
      [
        'cut off',
        (response) => {
          response.writeHead(200, { 'Content-Length': '100' })
          response.write('{')
          setImmediate(() => response.destroy())
        },
        ''
      ],
      ['too large', (response) => response.end('x'.repeat(100_000)), 'exceeds 50000 bytes'],
      [
        'a redirect',
        (response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
        'redirect'
      ],
      ['silence', () => undefined, 'no answer within 200 ms'],
      ['a body that never ends', (response) => void response.write('{'), 'no answer within 200 ms']
    ]
  for (const [name, answer, reason] of unavailable) {
    test(name, async () => {
      const failure = await failureOf(
        ask(['BTCUSDT'], (_request, response) => answer(response), {
          requestMsMax: 200,
          bodyBytesMax: 50_000
        })
      )
      expect(failure).toMatchObject({
        _tag: 'VenueUnavailable',
        isDependency: true,
        reason: expect.stringContaining(reason)
      })
    })
  }

  test('nobody there', async () => {
    const venue = await openFakeVenue()
    await venue.close()
    const asked = fetchInstruments(venue.restUrl, ['BTCUSDT'], {
      ...binanceRestDefaults,
      observe: () => undefined
    })
    expect(await Effect.runPromise(Effect.flip(asked))).toMatchObject({
      _tag: 'VenueUnavailable',
      reason: expect.stringContaining('ECONNREFUSED')
    })
  })
})
