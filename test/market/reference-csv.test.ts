import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseReferenceCsv } from '../../src/market/reference-csv.ts'
import { testWithRecordings } from '../support/recordings.ts'

const asx = { exchange: 'ASX', assetClass: 'equities', currency: 'AUD' } as const
const loaderHeader = 'company_id,symbol,company_name,sector,market_cap,founded_year,description'

describe("a vendor's company_info.csv", () => {
  testWithRecordings(
    'the recorded one, whole',
    ['asx/reference/company_info.csv'],
    ([path]) => {
      const { contents, faults } = parseReferenceCsv(readFileSync(path, 'utf8'), asx)
      expect(faults).toEqual([])
      expect(contents.map((said) => [said.company_id, said.symbol, said.isin])).toEqual([
        ['3153', 'MWR', 'AU000000MWR6'],
        ['7078', 'BHP', 'AU000000BHP4'],
        ['7181', 'DVN', 'AU000000DVN6'],
        ['7458', 'RIO', 'AU000000RIO1']
      ])
      expect(contents[1]).toEqual({
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
    'other files of the vendor are refused by their header',
    [
      'asx/reference/dividends.csv',
      'asx/reference/mergers.csv',
      'asx/reference/stock_splits.csv'
    ],
    (paths) => {
      for (const path of paths) {
        const { contents, faults } = parseReferenceCsv(readFileSync(path, 'utf8'), asx)
        expect(contents).toEqual([])
        expect(faults).toMatchObject([{ line: 1 }])
        expect(faults[0]?.detail).toContain('company_id, symbol, company_name, ISIN')
      }
    }
  )

  test('faults name line and column, and cost their own row only', () => {
    const text = `company_id,symbol,company_name,ISIN,start_date,end_date
1,AAA,A LTD,AU000000BHP4,13/01/2014,03/31/2014
2,BBB,B LTD,AU000000BHP5,01/13/2014,03/31/2014
3,CCC,"C, ""THE"" LTD",AU000000RIO1,01/13/2014,03/31/2014
4,,D LTD,AU000000BHP4,01/13/2014,03/31/2014
5,EEE,E LTD,AU000000BHP4,01/13/2014
3,FFF,F LTD,AU000000BHP4,01/13/2014,03/31/2014
`
    const { contents, faults } = parseReferenceCsv(text, asx)
    expect(contents.map(({ company_name }) => company_name)).toEqual(['C, "THE" LTD'])
    expect(faults).toEqual([
      { line: 2, detail: 'start_date is "13/01/2014", but must be a date such as 03/31/2014' },
      { line: 3, detail: 'ISIN is "AU000000BHP5", but must be an ISIN such as AU000000BHP4' },
      { line: 5, detail: 'symbol is empty' },
      { line: 6, detail: 'the row has 5 values, the header 6 columns' },
      { line: 7, detail: 'company_id 3 stands in line 4' }
    ])
  })
})

describe("the batch loader's form", () => {
  test('what has no field of its own is vendor data, and what is empty is not there', () => {
    const text = `${loaderHeader}\r\n7078,BHP,BHP GROUP,Materials,1.2e11,1885,"Iron,\r\ncopper"\r\n`
    const { contents, faults } = parseReferenceCsv(text, asx)
    expect(faults).toEqual([])
    expect(contents).toMatchObject([
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
    const bare = parseReferenceCsv(`${loaderHeader}\n1,AAA,A LTD,Banks,,,`, asx)
    expect(bare.contents[0]?.vendor_data).toEqual({ sector: 'Banks' })
  })

  test.each([
    ['', 1],
    ['symbol,company_name,sector\nBHP,BHP,Materials\n', 1],
    [`${loaderHeader}\n1,AAA,A "THE" LTD,Banks,,,\n`, 2],
    [`${loaderHeader}\n1,"AAA,A LTD,Banks,,,\n`, 2]
  ])('%j is refused, at line %i', (text, line) => {
    const { contents, faults } = parseReferenceCsv(text, asx)
    expect(contents).toEqual([])
    expect(faults).toMatchObject([{ line }])
  })
})
