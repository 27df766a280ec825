/**
 * Reference data through the whole system (R49): from the venue's `exchangeInfo` through the event
 * log into `market.reference_data`, to the API and to PyIceberg.
 */
import { afterEach, describe, expect, test, type TestContext } from 'vitest'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { type FakeVenue, openFakeVenue } from '../support/fake-venue.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'
import { pyIceberg, readBack } from '../support/pyiceberg/pyiceberg.ts'
import { openTable } from '../support/warehouse.ts'

const k2s = k2Fixture()
const venues: FakeVenue[] = []
afterEach(async () => {
  for (const venue of venues.splice(0)) await venue.close()
})

type Row = Readonly<Record<string, unknown>>

const rowsOf = async (k2: K2Process, query = ''): Promise<readonly Row[]> => {
  const { status, text } = await k2.get(`/v1/reference-data${query}`)
  expect(status, text).toBe(200)
  return (JSON.parse(text) as { readonly data: readonly Row[] }).data
}

const ended = async (k2: K2Process) => {
  k2.kill('SIGINT')
  expect(await k2.exit(), k2.describe()).toEqual({ code: 0, signal: null })
  expect(k2.log.filter(({ level }) => level === 'error')).toEqual([])
}

const comparisons = (k2: K2Process) =>
  k2.log.filter(({ event }) => event === 'reference_data.compared').map(({ changed }) => changed)

const versionsByPyIceberg = (context: TestContext, dataFolder: string): readonly Row[] => {
  const found = pyIceberg()
  if ('missing' in found) return context.skip(found.missing)
  const table = openTable(dataFolder, 'reference_data')
  if (table === undefined) throw new Error('there is no table reference_data')
  return readBack(found.python, table.metadataPath).rows
}

describe('the simulated exchange', () => {
  const topic = 'market.crypto.reference_data.simulated'
  const symbols = generatedSymbols.map(({ symbol }) => symbol).sort()

  test('its listing lands once, is answered, and is not published again', async (context) => {
    const settings = { K2_DATA_DIR: k2s.dataFolder(), K2_COMMIT_AGE: '200ms' }
    const first = k2s.start(settings)
    await first.ready()
    await first.atLeast('k2_landed_records', symbols.length, { topic })
    const rows = await rowsOf(first)
    expect(rows.map((row) => row['company_id'])).toEqual(symbols)
    const [bitcoin] = await rowsOf(first, '?company=BTCUSDT')
    expect(bitcoin).toEqual({
      message_id: expect.stringMatching(/^SIMULATED:BTCUSDT:[0-9a-f]{12}-\d{16}$/),
      company_id: 'BTCUSDT',
      symbol: 'BTCUSDT',
      exchange: 'SIMULATED',
      asset_class: 'crypto',
      company_name: 'BTC/USDT',
      isin: null,
      currency: 'USDT',
      listing_date: null,
      delisting_date: null,
      is_active: true,
      ingestion_timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/),
      vendor_data: {
        base_asset: 'BTC',
        quote_asset: 'USDT',
        status: 'TRADING',
        base_asset_precision: '8',
        quote_asset_precision: '8',
        tick_size: '0.01000000',
        step_size: '0.00001000'
      }
    })
    expect(await rowsOf(first, '?ticker=ETHBTC&exchange=simulated')).toHaveLength(1)
    expect(await rowsOf(first, '?exchange=binance')).toEqual([])
    expect(await rowsOf(first, '?limit=2')).toHaveLength(2)
    const { text } = await first.get('/v1/snapshots?table=reference_data&limit=1')
    expect(JSON.parse(text)).toMatchObject({ meta: { table_name: 'market.reference_data' } })
    await ended(first)
    expect(comparisons(first)).toEqual([symbols.length])

    const second = k2s.start(settings)
    await second.ready()
    await second.wrote(/reference_data\.compared/)
    expect(await rowsOf(second)).toEqual(rows)
    await ended(second)
    expect(comparisons(second)).toEqual([0])

    const landed = versionsByPyIceberg(context, settings.K2_DATA_DIR)
    const idsOf = (of: readonly Row[]) => of.map((row) => String(row['message_id'])).toSorted()
    expect(idsOf(landed)).toEqual(idsOf(rows))
    expect(landed.every((row) => row['is_active'] === true)).toBe(true)
  })
})

describe('a venue whose listing changes', () => {
  const pair = (symbol: string, status: string) => ({
    symbol,
    status,
    baseAsset: symbol.slice(0, -4),
    quoteAsset: 'USDT'
  })

  const openVenue = async () => {
    let listing = [pair('BTCUSDT', 'TRADING'), pair('ETHUSDT', 'TRADING')]
    const venue = await openFakeVenue({
      rest: (request, response) => {
        const { searchParams } = new URL(request.url ?? '', 'http://venue')
        const asked = searchParams.get('symbols')
        const names = asked === null ? undefined : (JSON.parse(asked) as string[])
        const isKnown = names?.every((name) => listing.some(({ symbol }) => symbol === name))
        const found = listing.filter(({ symbol }) => names?.includes(symbol) ?? true)
        response.writeHead(isKnown === false ? 400 : 200)
        response.end(
          JSON.stringify(
            isKnown === false ? { code: -1121, msg: 'Invalid symbol.' } : { symbols: found }
          )
        )
      }
    })
    venues.push(venue)
    return { venue, list: (...pairs: typeof listing) => void (listing = pairs) }
  }

  test('each change is a version, and the newest is answered', async (context) => {
    const { venue, list } = await openVenue()
    const settings = {
      K2_DATA_DIR: k2s.dataFolder(),
      K2_COMMIT_AGE: '100ms',
      K2_FEEDS: 'binance',
      K2_BINANCE_SYMBOLS: 'BTCUSDT,ETHUSDT',
      K2_BINANCE_WEBSOCKET_URL: venue.url,
      K2_BINANCE_REST_URL: venue.restUrl,
      K2_REFERENCE_INTERVAL: '1s'
    }
    const k2 = k2s.start(settings)
    await k2.url()
    const stateOf = async () => {
      const [row] = await rowsOf(k2, '?company=ETHUSDT')
      return row && [row['is_active'], (row['vendor_data'] as Row)['status']]
    }
    await expect.poll(stateOf).toEqual([true, 'TRADING'])
    list(pair('BTCUSDT', 'TRADING'), pair('ETHUSDT', 'BREAK'))
    await expect.poll(stateOf).toEqual([false, 'BREAK'])
    list(pair('BTCUSDT', 'TRADING'), pair('ETHUSDT', 'TRADING'))
    await expect.poll(stateOf).toEqual([true, 'TRADING'])
    list(pair('BTCUSDT', 'TRADING'))
    await expect.poll(stateOf).toEqual([false, 'UNLISTED'])
    await ended(k2)
    const changed = comparisons(k2)
    expect(changed.filter((count) => count !== 0)).toEqual([2, 1, 1, 1])

    const rows = versionsByPyIceberg(context, settings.K2_DATA_DIR)
    const versions = rows
      .filter((row) => row['company_id'] === 'ETHUSDT')
      .toSorted((left, right) => (left['k2_offset'] as number) - (right['k2_offset'] as number))
    expect(versions.map((row) => row['is_active'])).toEqual([true, false, true, false])
    expect(new Set(versions.map((row) => row['message_id'])).size).toBe(4)
    const times = versions.map((row) => String(row['ingestion_timestamp']))
    expect(times).toEqual(times.toSorted())
    expect(rows.filter((row) => row['company_id'] === 'BTCUSDT')).toHaveLength(1)
  })
})
