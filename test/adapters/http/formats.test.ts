import { expect, test } from 'vitest'
import { fileName, type Format, formatOf, formats } from '../../../src/adapters/http/formats.ts'

const cases: ReadonlyArray<readonly [Format | undefined, string | undefined, Format | undefined]> =
  [
    [undefined, undefined, 'json'],
    [undefined, '', 'json'],
    [undefined, '*/*', 'json'],
    [undefined, 'application/*', 'json'],
    [undefined, 'text/*', 'csv'],
    [undefined, 'text/csv', 'csv'],
    [undefined, 'TEXT/CSV; header=present', 'csv'],
    [undefined, 'application/x-ndjson', 'ndjson'],
    [undefined, 'application/vnd.apache.parquet, */*;q=0.1', 'parquet'],
    [undefined, 'text/csv;q=0.5, application/json;q=0.4', 'csv'],
    // Browsers: nothing that is had is named, anything is taken.
    [undefined, 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json'],
    [undefined, 'application/json;q=0, */*', 'ndjson'],
    [undefined, 'text/html', undefined],
    ['ndjson', 'text/html', 'ndjson'],
    ['json', 'text/csv', 'json']
  ]

test.each(cases)('format %s and accept %s: %s', (asked, accept, format) => {
  expect(formatOf(asked, accept, formats)).toBe(format)
})

test('a file is named by what it has, and when', () => {
  expect(fileName('trades', 'csv', Date.UTC(2024, 7, 8, 12, 34, 56, 789))).toBe(
    'trades_20240808_123456.csv'
  )
})
