import * as Effect from 'effect/Effect'
import { afterEach, describe, expect, test } from 'vitest'
import { binanceRestDefaults } from '../../../src/adapters/exchange/rest-request.ts'
import { fetchNewestIds } from '../../../src/adapters/exchange/venue-newest-ids.ts'
import { type FakeVenue, openFakeVenue } from '../../support/fake-venue.ts'

const opened: FakeVenue[] = []
afterEach(async () => {
  for (const venue of opened.splice(0)) await venue.close()
})

type Answer = readonly [status: number, body: unknown]

const venueWith = async (answer: (url: URL) => Answer) => {
  const asked: string[] = []
  const venue = await openFakeVenue({
    rest: (request, response) => {
      const url = new URL(request.url ?? '', 'http://venue')
      asked.push(decodeURIComponent(`${url.pathname}${url.search}`))
      const [status, body] = answer(url)
      response.writeHead(status).end(JSON.stringify(body))
    }
  })
  opened.push(venue)
  const options = { ...binanceRestDefaults, observe: () => undefined }
  return {
    asked,
    ids: (symbols: readonly string[]) =>
      Effect.runPromise(Effect.exit(fetchNewestIds(venue.restUrl, symbols, options)))
  }
}

const symbolsIn = (url: URL) => JSON.parse(url.searchParams.get('symbols') ?? '[]') as string[]

describe('the newest ids', () => {
  test('are asked for in groups of 20', async () => {
    const { asked, ids } = await venueWith((url) => [
      200,
      symbolsIn(url).map((symbol) => ({ symbol, lastId: Number(symbol.slice(1)), count: 4 }))
    ])
    const symbols = Array.from({ length: 45 }, (_, index) => `S${index}`)
    expect(await ids(symbols)).toMatchObject({
      value: new Map(symbols.map((symbol, index) => [symbol, index]))
    })
    expect(asked.map((path) => path.split(',').length)).toEqual([20, 20, 5])
  })

  test('one that the venue does not list costs itself only', async () => {
    const { asked, ids } = await venueWith((url) => {
      if (url.pathname === '/api/v3/ticker/24hr') return [400, { code: -1121, msg: 'no' }]
      const symbol = url.searchParams.get('symbol')
      return symbol === 'GONE' ? [400, { code: -1121, msg: 'no' }] : [200, [{ id: 7, price: '1' }]]
    })
    expect(await ids(['A', 'GONE', 'B'])).toMatchObject({ value: new Map([['A', 7], ['B', 7]]) })
    expect(asked.slice(1)).toEqual([
      '/api/v3/trades?symbol=A&limit=1',
      '/api/v3/trades?symbol=GONE&limit=1',
      '/api/v3/trades?symbol=B&limit=1'
    ])
  })

  test.each([
    ['too many requests', 429, { code: -1003, msg: 'slow down' }],
    ['unavailable', 503, {}],
    ['no tickers', 200, [{ symbol: 'A', lastId: 'x' }]]
  ])('%s is told, and not asked again', async (_name, status, body) => {
    const { asked, ids } = await venueWith(() => [status, body])
    expect(await ids(['A'])).toMatchObject({ _tag: 'Failure' })
    expect(asked).toHaveLength(1)
  })
})
