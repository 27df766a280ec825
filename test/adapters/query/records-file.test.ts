/** Records as a Parquet file, against the same records as text. */
import { join } from 'node:path'
import { Effect } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { columnsOf, noRowsSql } from '../../../src/adapters/duckdb/columns.ts'
import { makeTokenCodec } from '../../../src/adapters/query/read-token.ts'
import { type RecordField, recordJsonSql } from '../../../src/adapters/query/record-json.ts'
import { makeRecordsQuery, type RecordsRequest } from '../../../src/adapters/query/records-query.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { arbitraryTrade, midnightUs, withOwnIds } from '../duckdb/trades.ts'
import { openWarehouse, type Warehouse } from './support.ts'

const fields: readonly RecordField[] = tradeV2Schema.fields
const noRows = noRowsSql(columnsOf(tradeV2Schema))
const tokens = makeTokenCodec({ uuid: 'of-the-table' })

let warehouse: Warehouse
let files = 0
beforeAll(async () => {
  warehouse = await openWarehouse()
})
afterAll(() => warehouse.close())

/** What a reader of the file finds, in its order, and what was said of it. */
const readBack = async (request: Omit<RecordsRequest, 'text'>, names = fields) => {
  const path = join(warehouse.directory, `answer-${files++}.parquet`)
  const query = makeRecordsQuery({ ...warehouse, fields, noRows, tokens })
  const page = await Effect.runPromise(query.file(request, path))
  const rows = await Effect.runPromise(
    warehouse.engine.run({
      sql: `SELECT ${recordJsonSql(names)} FROM read_parquet($path)`,
      parameters: { path: { type: 'text', value: path } }
    })
  )
  return { ...page, rows: rows.map(([text]) => String(text)) }
}

const asText = (request: Omit<RecordsRequest, 'text'>) => {
  const query = makeRecordsQuery({ ...warehouse, fields, noRows, tokens })
  const text = { format: 'json', decimals: 'number' } as const
  return Effect.runPromise(query.newest({ ...request, text }))
}

const trades = fc.array(arbitraryTrade, { maxLength: 8 })

test('property: the file has the rows of the answer, in their order, page by page', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(trades, { minLength: 1, maxLength: 5 }).map(withOwnIds),
      fc.integer({ min: 1, max: 12 }),
      fc.option(fc.integer({ min: midnightUs - 4, max: midnightUs + 4 }), { nil: undefined }),
      async ([tail = [], ...batches], rowsMax, fromUs) => {
        warehouse.setFiles([])
        for (const batch of batches) if (batch.length > 0) await warehouse.land(batch)
        await warehouse.setTail(tail)
        const filter = fromUs === undefined ? {} : { fromUs }
        let from: RecordsRequest['from']
        for (let hasMore = true; hasMore; ) {
          const expected = await asText({ filter, rowsMax, from })
          const found = await readBack({ filter, rowsMax, from })
          const { explain: _, ...facts } = expected
          expect(found).toMatchObject(facts)
          expect(found.rowCount).toBe(expected.rows.length)
          ;({ hasMore } = expected)
          from = { cursor: expected.nextCursor ?? '' }
        }
      }
    ),
    { numRuns: 40, endOnFailure: true }
  )
}, 120_000)

test('fields are those that are asked for, also where there are no rows', async () => {
  warehouse.setFiles([])
  await warehouse.setTail([])
  const some = ['price', 'symbol', 'timestamp']
  const names = some.map((name) => fields.find((field) => field.name === name)!)
  const request = { filter: {}, rowsMax: 10, fields: some }
  expect((await readBack(request, names)).rows).toEqual([])
  await warehouse.land(fc.sample(arbitraryTrade, { numRuns: 3, seed: 1 }))
  expect(await readBack(request, names)).toMatchObject({ rowCount: 3 })
  await expect(readBack(request)).rejects.toThrow()
})
