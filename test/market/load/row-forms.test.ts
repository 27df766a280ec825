import { describe, expect, test } from 'vitest'
import type { LoadSource } from '../../../src/market/load/load-source.ts'
import type { LoadForms } from '../../../src/market/load/load-forms.ts'
import { quoteForms, tradeForms } from '../../../src/market/load/row-forms.ts'

const source: LoadSource = {
  exchange: 'ASX',
  assetClass: 'equities',
  currency: 'AUD',
  timeZone: 'Australia/Sydney',
  symbol: 'BHP',
  companyId: '7078'
}

const ownTrades = 'symbol,exchange_timestamp,price,quantity,side,sequence_number,trade_id'
const ownQuotes =
  'symbol,exchange_timestamp,bid_price,ask_price,bid_size,ask_size,sequence_number'

/** What the last of the lines says; the first tells the form. */
const read = <A>(forms: LoadForms<A>, ...lines: readonly string[]) => {
  const form = forms.of(lines[0]!.split(','))
  if (form === undefined) return 'no form'
  try {
    return form.reader(source, 1)(lines.at(-1)!.split(','))
  } catch (error) {
    return (error as Error).message
  }
}

describe('forms', () => {
  test('a raw trade: Sydney time, exact decimals, what the file says beside it is kept', () => {
    expect(read(tradeForms, '03/11/2014,11:04:31.090,36.155,73,25,X,36.15')).toEqual({
      symbol: 'BHP',
      nativeId: null,
      nativeName: null,
      content: {
        symbol: 'BHP',
        exchange: 'ASX',
        asset_class: 'equities',
        currency: 'AUD',
        ingestion_timestamp: 1,
        platform_sequence: null,
        timestamp: Date.UTC(2014, 2, 11, 0, 4, 31, 90) * 1_000,
        price: 3_615_500_000n,
        quantity: 7_300_000_000n,
        side: 'UNKNOWN',
        trade_conditions: ['25'],
        vendor_data: { company_id: '7078', qualifiers: '25', venue: 'X', buyer_id: '36.15' }
      }
    })
  })

  test('a raw file may have a header, which tells the order of its columns', () => {
    const header = 'date,time,bid,bidvolume,ask,askvolume'
    expect(read(quoteForms, header, '03/10/2014,05:43:45.676,37.7,300,0.0,5')).toMatchObject({
      content: {
        bid_price: 3_770_000_000n,
        bid_quantity: 30_000_000_000n,
        ask_price: 0n,
        ask_quantity: 500_000_000n
      }
    })
    const bare = '03/10/2014,05:43:45.676,37.7,0.0,300,0'
    expect(read(quoteForms, bare)).toMatchObject({
      content: { bid_price: 3_770_000_000n, bid_quantity: 30_000_000_000n, ask_price: 0n }
    })
  })

  test("K2's own columns have ids of their own and times with an offset, or local ones", () => {
    const header = `${ownTrades},venue`
    const row = 'RIO,2014-03-10T10:00:00.123456+11:00,62.1,5,Sell,42,T-42,X'
    expect(read(tradeForms, header, row)).toMatchObject({
      symbol: 'RIO',
      nativeId: 42,
      nativeName: 'T-42',
      content: {
        timestamp: Date.UTC(2014, 2, 9, 23) * 1_000 + 123_456,
        side: 'SELL',
        vendor_data: { venue: 'X' }
      }
    })
    const local = 'RIO,2014-03-10 10:00:00,62.1,5,?,42,T-42,'
    expect(read(tradeForms, header, local)).toMatchObject({
      content: { timestamp: Date.UTC(2014, 2, 9, 23) * 1_000, side: 'UNKNOWN', vendor_data: null }
    })
    const quote = 'RIO,2014-03-10T10:00:00Z,62.1,62.2,5,6,42'
    expect(read(quoteForms, ownQuotes, quote)).toMatchObject({ symbol: 'RIO', nativeId: 42 })
  })

  test.each(['a,b', ownQuotes, '10.03.2014,1', ''])('%j is no form of trades', (first) => {
    expect(read(tradeForms, first)).toBe('no form')
  })
})

describe('rejected', () => {
  test.each([
    ['03/11/2014,11:04:31.090,36.155,73,25,X', '6 fields where there are 7 columns'],
    ['03/11/2014,11:04:31.090,,73,25,X,', 'Price is empty'],
    ['03/11/2014,11:04:31.090,1e5,73,25,X,', 'Price: "1e5" is not a decimal number'],
    ['03/11/2014,11:04:31.090,-1,73,25,X,', 'Price "-1" is not above zero'],
    ['03/11/2014,11:04:31.090,1.123456789,73,,,', 'does not fit decimal(18,8)'],
    ['03/11/2014,11:04:31.090,1,0,25,X,', 'Volume "0" is not above zero'],
    ['13/11/2014,11:04:31.090,1,1,25,X,', 'is no time of the calendar'],
    ['02/30/2014,11:04:31.090,1,1,25,X,', 'is no time of the calendar'],
    ['2014-03-11,11:04:31.090,1,1,25,X,', 'is not MM/DD/YYYY'],
    ['03/11/2014,24:00:00.000,1,1,25,X,', 'is no time of the calendar'],
    ['10/05/2014,02:30:00.000,1,1,25,X,', 'never was'],
    ['03/11/1914,11:04:31.090,1,1,25,X,', 'is out of range']
  ])('%s: %s', (row, reason) => {
    expect(read(tradeForms, '03/11/2014,11:04:31.090,36.155,73,25,X,', row)).toContain(reason)
  })

  test.each([
    ['R O,2014-03-10T10:00:00Z,1,5,buy,42,T', 'symbol "R O"'],
    ['RIO,10 March,1,5,buy,42,T', 'exchange_timestamp "10 March" is not an ISO 8601 time'],
    ['RIO,2014-03-10T10:00:00.1234567Z,1,5,buy,42,T', 'is not an ISO 8601 time'],
    ['RIO,2014-03-10T10:00:00Z,1,5,buy,-1,T', 'sequence_number "-1"'],
    ['RIO,2014-03-10T10:00:00Z,1,5,buy,9007199254740993,T', 'sequence_number'],
    ['RIO,2014-03-10T10:00:00Z,1,5,buy,1,', 'trade_id is empty']
  ])('%s: %s', (row, reason) => {
    expect(read(tradeForms, ownTrades, row)).toContain(reason)
  })
})
