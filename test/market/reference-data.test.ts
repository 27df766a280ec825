import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { listedReference } from '../../src/market/listing-reference.ts'
import {
  contentText,
  knownVersion,
  type KnownVersion,
  newVersions,
  recordVersion,
  referenceRecord,
  unlisted,
  versionOf
} from '../../src/market/reference-data.ts'
import { content, record, sha256 } from '../support/reference-data.ts'

const hash = sha256

describe('versions', () => {
  test('are named by company, what is said, and when', () => {
    const said = content('7078', { symbol: 'BHP' })
    const version = versionOf(said, hash)
    expect(version).toMatch(/^[0-9a-f]{12}$/)
    const made = referenceRecord(said, version, 1_700)
    expect(made).toEqual({
      ...said,
      message_id: `ASX:7078:${version}-1700`,
      ingestion_timestamp: 1_700
    })
    expect(recordVersion(made)).toBe(version)
    expect(knownVersion(made)).toEqual({ content: said, version, ingestionUs: 1_700 })
  })

  test('an id that is not the natural key names none', () => {
    const made = record('7078', 1_700)
    const { message_id: id } = made
    for (const message_id of [`${id}0`, id.toUpperCase(), id.slice(1), '', 'ASX:7078:1700']) {
      expect(recordVersion({ ...made, message_id })).toBe(undefined)
      expect(knownVersion({ ...made, message_id })).toBe(undefined)
    }
    expect(recordVersion({ ...made, company_id: '7079' })).toBe(undefined)
    expect(recordVersion({ ...made, ingestion_timestamp: 1_701 })).toBe(undefined)
  })

  test('every field counts, and the order of vendor data does not', () => {
    const said = content('1', { vendor_data: { a: '1', b: '2' } })
    const same = content('1', { vendor_data: { b: '2', a: '1' } })
    expect(contentText(said)).toBe(contentText(same))
    const others = [
      content('2', said),
      { ...said, company_id: '2' },
      { ...said, symbol: 'X' },
      { ...said, exchange: 'X' },
      { ...said, asset_class: 'crypto' as const },
      { ...said, company_name: 'X' },
      { ...said, isin: 'X' },
      { ...said, currency: null },
      { ...said, listing_date: 1 },
      { ...said, delisting_date: 1 },
      { ...said, is_active: false },
      { ...said, vendor_data: null },
      { ...said, vendor_data: { a: '1', b: '3' } }
    ]
    const texts = new Set(others.slice(1).map(contentText))
    expect(texts.size).toBe(others.length - 1)
    expect(texts).not.toContain(contentText(said))
  })

  test('only what differs is new, and times of a company ascend whatever the clock does', () => {
    const name = fc.constantFrom('A', 'B', 'C')
    const listing = fc.uniqueArray(fc.tuple(fc.constantFrom('1', '2', '3'), name), {
      selector: ([company]) => company
    })
    const round = fc.record({ listing, nowUs: fc.integer({ min: 1, max: 1_000 }) })
    fc.assert(
      fc.property(fc.array(round, { maxLength: 20 }), (rounds) => {
        const known = new Map<string, KnownVersion>()
        for (const { listing: listed, nowUs } of rounds) {
          const contents = listed.map(([company, company_name]) =>
            content(company, { company_name })
          )
          const records = newVersions(contents, known, { hash, nowUs })
          for (const each of records) {
            const last = known.get(each.company_id)
            const { content: said, ...version } = knownVersion(each)!
            expect(said.company_name).not.toBe(last?.content.company_name)
            expect(version.ingestionUs).toBeGreaterThan(last?.ingestionUs ?? 0)
            expect(version.ingestionUs).toBeGreaterThanOrEqual(nowUs)
            known.set(each.company_id, { content: said, ...version })
          }
          for (const said of contents) expect(known.get(said.company_id)?.content).toEqual(said)
          expect(newVersions(contents, known, { hash, nowUs: nowUs + 1 })).toEqual([])
        }
      })
    )
  })
})

describe('what a venue lists', () => {
  const pair = {
    symbol: 'BTCUSDT',
    baseAsset: 'BTC',
    quoteAsset: 'USDT',
    status: 'TRADING',
    baseAssetPrecision: 8,
    quoteAssetPrecision: 6,
    filters: [
      { filterType: 'PRICE_FILTER', tickSize: '0.01000000' },
      { filterType: 'LOT_SIZE', stepSize: '0.00001000' },
      { filterType: 'MARKET_LOT_SIZE', stepSize: '0.00000000' },
      { filterType: 'NOTIONAL', minNotional: '5.00000000' }
    ]
  }

  test('is reference data', () => {
    expect(listedReference(pair, 'BINANCE')).toEqual({
      company_id: 'BTCUSDT',
      symbol: 'BTCUSDT',
      exchange: 'BINANCE',
      asset_class: 'crypto',
      company_name: 'BTC/USDT',
      isin: null,
      currency: 'USDT',
      listing_date: null,
      delisting_date: null,
      is_active: true,
      vendor_data: {
        base_asset: 'BTC',
        quote_asset: 'USDT',
        status: 'TRADING',
        base_asset_precision: '8',
        quote_asset_precision: '6',
        tick_size: '0.01000000',
        step_size: '0.00001000',
        min_notional: '5.00000000'
      }
    })
  })

  test('is inactive while it is halted, and once it is gone', () => {
    const halted = listedReference({ ...pair, status: 'BREAK' }, 'BINANCE')
    expect([halted.is_active, halted.vendor_data?.['status']]).toEqual([false, 'BREAK'])
    const gone = unlisted(listedReference(pair, 'BINANCE'))
    expect([gone.is_active, gone.vendor_data?.['status']]).toEqual([false, 'UNLISTED'])
    expect(gone.vendor_data?.['tick_size']).toBe('0.01000000')
    expect(unlisted(gone)).toEqual(gone)
  })

  test('a venue that says less is taken at its word', () => {
    const { symbol, baseAsset, quoteAsset } = pair
    const said = listedReference({ symbol, baseAsset, quoteAsset }, 'OTHER')
    expect(said).toMatchObject({
      is_active: true,
      vendor_data: { base_asset: 'BTC', quote_asset: 'USDT' }
    })
  })
})
