/** What is written of records in memory is what DuckDB writes of the same records in a table. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { QuoteColumns } from '../../../src/adapters/duckdb/quote-columns.ts'
import type { RecordColumns } from '../../../src/adapters/duckdb/record-columns.ts'
import { stage, stagingOf } from '../../../src/adapters/duckdb/staging-table.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import {
  fieldsNamed,
  type RecordField,
  type RecordText,
  recordTextSql
} from '../../../src/adapters/query/record-json.ts'
import { recordTextOf, type RowValues } from '../../../src/adapters/query/record-text.ts'
import { type QuoteV2, quoteV2Schema } from '../../../src/market/records/quote-v2.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { quote } from '../../support/quotes.ts'
import { arbitraryTrade } from '../duckdb/trades.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
})
afterAll(() => {
  connection.closeSync()
  instance.closeSync()
})

interface Form {
  readonly text: RecordText
  readonly names: readonly string[] | undefined
}

const expectSame = async (
  rows: RecordColumns & RowValues,
  fields: readonly RecordField[],
  { text, names }: Form
) => {
  const batch = stagingOf(rows)
  await stage(connection, batch, Int32Array.from({ length: rows.length }, (_, row) => row))
  const named = fieldsNamed(fields, names)
  const statement = await connection.prepare(
    `SELECT ${recordTextSql(named, text)} FROM (${batch.selectSql}) ORDER BY "k2_offset"`
  )
  for (const { name, value, type } of batch.parameters)
    statement.bindValue(statement.parameterIndex(name), value, type)
  const found = (await statement.runAndReadAll()).getRows().map(([one]) => one)
  statement.destroySync()
  const textAt = recordTextOf(named, text)(rows)
  expect(found.map((_, row) => textAt(row))).toEqual(found)
  expect(found).toHaveLength(rows.length)
}

const formOf = (names: readonly string[]): fc.Arbitrary<Form> =>
  fc.record({
    text: fc.record({
      format: fc.constantFrom('json' as const, 'csv' as const),
      decimals: fc.constantFrom('number' as const, 'string' as const)
    }),
    names: fc.option(fc.shuffledSubarray([...names], { minLength: 1 }), { nil: undefined })
  })

const tradeNames = tradeV2Schema.fields.map(({ name }) => name)
const quoteNames = quoteV2Schema.fields.map(({ name }) => name)

/** As a feed's: ids that end in their sequence, maps that begin with a number. */
const usualTrade: fc.Arbitrary<Partial<TradeV2>> = fc
  .record({
    id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    price: fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 53n + 9n }),
      fc.bigInt({ min: 0n, max: 2n ** 53n / 10n ** 8n }).map((whole) => whole * 10n ** 8n - 1n),
      fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n })
    ),
    time: fc.oneof(fc.integer(), fc.constantFrom('01', '-0', '')),
    maker: fc.string({ unit: 'binary' })
  })
  .map(({ id, price, time, maker }) => ({
    message_id: `BINANCE:BTCUSDT:${id}`,
    trade_id: `BINANCE-${id}`,
    source_sequence: id,
    price,
    vendor_data: { event_time: String(time), maker }
  }))
const someTrade = fc
  .tuple(arbitraryTrade, fc.option(usualTrade))
  .map(([one, usual]) => ({ ...one, ...usual }))

const lonely: Partial<TradeV2> = {
  currency: 'a\ud800b',
  trade_conditions: ['\udfff"', '\\ud800'],
  vendor_data: { '\ud83d': '\ude00', k: '\u001f\u007f\u2028' }
}

describe('records in memory as text', () => {
  test('property: trades', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someTrade, { minLength: 1, maxLength: 12 }),
        formOf(tradeNames),
        async (trades, form) => {
          const rows = new TradeColumns()
          trades.forEach((one, offset) => rows.push(one, 'log-1/trades/0', offset))
          await expectSame(rows, tradeV2Schema.fields, form)
        }
      ),
      { numRuns: 300 }
    )
  }, 60_000)

  test.each(['json', 'csv'] as const)('surrogates that stand alone, as %s', async (format) => {
    const rows = new TradeColumns()
    const [one] = fc.sample(arbitraryTrade, 1)
    rows.push({ ...one!, ...lonely }, 'log-1/trades/0', 0)
    await expectSame(rows, tradeV2Schema.fields, {
      text: { format, decimals: 'string' },
      names: undefined
    })
  })

  test('property: quotes, which have other columns', async () => {
    const change: fc.Arbitrary<Partial<QuoteV2>> = fc.record({
      bid_price: fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n }),
      quote_id: fc.string({ unit: 'binary' }),
      platform_sequence: fc.option(fc.integer({ min: 0 }), { nil: null }),
      source_sequence: fc.option(fc.integer({ min: 0 }), { nil: null })
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 12 }),
        formOf(quoteNames),
        async (changes, form) => {
          const rows = new QuoteColumns()
          changes.forEach((one, offset) =>
            rows.push(quote('BTCUSDT', offset, one), 'log-1/quotes/0', offset)
          )
          await expectSame(rows, quoteV2Schema.fields, form)
        }
      ),
      { numRuns: 100 }
    )
  }, 60_000)
})
