import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { referenceForms } from '../../../src/market/load/reference-forms.ts'
import { testWithRecordings } from '../../support/recordings.ts'

const source = {
  exchange: 'ASX',
  assetClass: 'equities',
  currency: 'AUD',
  timeZone: 'UTC',
  symbol: undefined,
  companyId: undefined
} as const

/** What each row of a file says, or why it says nothing. */
const read = (text: string) => {
  const [header = [], ...rows] = parse(text, { relax_column_count: true })
  const form = referenceForms.of(header)
  if (form === undefined) return 'no form'
  const ofRow = form.reader(source, 1)
  return rows.map((row) => {
    try {
      return ofRow(row)
    } catch (error) {
      return (error as Error).message
    }
  })
}

const readFile = (path: string) => read(readFileSync(path, 'utf8'))

describe("a vendor's company_info.csv", () => {
  testWithRecordings(
    'the recorded one, whole',
    ['asx/reference/company_info.csv'],
    ([path]) => {
      const rows = readFile(path)
      expect(rows).toMatchObject([
        { company_id: '3153', symbol: 'MWR', isin: 'AU000000MWR6' },
        { company_id: '7078', symbol: 'BHP', isin: 'AU000000BHP4' },
        { company_id: '7181', symbol: 'DVN', isin: 'AU000000DVN6' },
        { company_id: '7458', symbol: 'RIO', isin: 'AU000000RIO1' }
      ])
      expect(rows[1]).toEqual({
        company_id: '7078',
        symbol: 'BHP',
        exchange: 'ASX',
        asset_class: 'equities',
        company_name: 'BHP BILLITON LTD',
        isin: 'AU000000BHP4',
        currency: 'AUD',
        listing_date: null,
        delisting_date: null,
        is_active: true,
        vendor_data: { start_date: '2008-05-07', end_date: '2014-03-31' }
      })
    }
  )

  testWithRecordings(
    'other files of the vendor have no form, by their header',
    [
      'asx/reference/dividends.csv',
      'asx/reference/mergers.csv',
      'asx/reference/stock_splits.csv'
    ],
    (paths) => {
      for (const path of paths) expect(readFile(path)).toBe('no form')
    }
  )

  const header = 'company_id,symbol,company_name,ISIN,start_date,end_date'
  test.each([
    ['1,AAA,A LTD,AU000000BHP4,13/01/2014,03/31/2014', 'start_date "13/01/2014" is no date'],
    ['1,AAA,A LTD,AU000000BHP4,02/29/2014,03/31/2014', 'start_date "02/29/2014" is no date'],
    ['2,BBB,B LTD,AU000000BHP5,01/13/2014,03/31/2014', 'ISIN "AU000000BHP5" is no ISIN'],
    ['4,,D LTD,AU000000BHP4,01/13/2014,03/31/2014', 'symbol is empty'],
    ['4,A B,D LTD,AU000000BHP4,01/13/2014,03/31/2014', 'symbol "A B" is not up to 32 letters'],
    ['4,AAA,,AU000000BHP4,01/13/2014,03/31/2014', 'company_name is empty'],
    ['5,EEE,E LTD,AU000000BHP4,01/13/2014', '5 fields where there are 6 columns']
  ])('%s is rejected', (row, reason) => {
    expect(read(`${header}\n${row}\n`)).toEqual([expect.stringContaining(reason)])
  })
})

describe('columns of K2', () => {
  const header = 'company_id,symbol,company_name,sector,market_cap,founded_year,description'

  test('what has no field of its own is vendor data, and what is empty is not there', () => {
    const text = `${header}\r\n7078,BHP,BHP GROUP,Materials,1.2e11,1885,"Iron,\r\ncopper"\r\n`
    expect(read(text)).toMatchObject([
      {
        company_id: '7078',
        isin: null,
        currency: 'AUD',
        vendor_data: {
          sector: 'Materials',
          market_cap: '1.2e11',
          founded_year: '1885',
          description: 'Iron,\r\ncopper'
        }
      }
    ])
    expect(read(`${header}\n1,AAA,A LTD,Banks,,,`)).toMatchObject([
      { vendor_data: { sector: 'Banks' } }
    ])
  })

  test.each([
    ['1,AAA,A LTD,,,,', 'sector is empty'],
    ['1,AAA,A LTD,Banks,,85,', 'founded_year "85" is no year'],
    [',AAA,A LTD,Banks,,,', 'company_id is empty']
  ])('%s is rejected', (row, reason) => {
    expect(read(`${header}\n${row}\n`)).toEqual([reason])
  })

  test('a header without one of the columns has no form', () => {
    expect(read('symbol,company_name,sector\nBHP,BHP,Materials\n')).toBe('no form')
  })
})
