import { Effect, Exit, Scope } from 'effect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { leafPaths } from '../../../src/adapters/duckdb/columns.ts'
import { ReferenceColumns } from '../../../src/adapters/duckdb/reference-columns.ts'
import { nothingBeyond, type ScanFile } from '../../../src/adapters/query/query-ports.ts'
import { makeReferenceQuery } from '../../../src/adapters/query/reference-query.ts'
import {
  type ReferenceDataV2,
  referenceDataV2Schema
} from '../../../src/market/records/reference-data-v2.ts'
import { record } from '../../support/reference-data.ts'
import { openFixture, type WriterFixture } from '../duckdb/support.ts'
import { poolOver } from '../../support/query-pool.ts'

const { columns } = new ReferenceColumns()
const paths = [
  ...columns.map(({ name }) => name),
  ...columns.flatMap((column) => leafPaths(column).filter((path) => path !== column.name))
]
const fieldIds = Object.fromEntries(paths.map((path, index) => [path, index + 1]))

let fixture: WriterFixture
const scope = Effect.runSync(Scope.make())
const files: ScanFile[] = []
const planned: unknown[] = []
let held = 0
let query: ReturnType<typeof makeReferenceQuery<never, unknown>>

beforeAll(async () => {
  fixture = await openFixture({ columns, fieldIds })
  const engine = await Effect.runPromise(
    poolOver(fixture.directory).pipe(Scope.provide(scope))
  )
  query = makeReferenceQuery<never, unknown>({
    engine,
    fields: referenceDataV2Schema.fields,
    planner: {
      acquire: (filter) =>
        Effect.sync(() => {
          planned.push(filter)
          held++
          const source = 'read_parquet($files)'
          const release = () => void held--
          const read = <A, E>(_: unknown, use: Effect.Effect<A, E>) => use
          return { snapshotId: '7', files, source, read, beyond: nothingBeyond, release }
        })
    }
  })
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await fixture.close()
})

const land = async (records: readonly ReferenceDataV2[], firstOffset: number) => {
  const rows = new ReferenceColumns()
  records.forEach((each, index) => rows.push(each, 'log-1/0', firstOffset + index))
  const written = await Effect.runPromise(
    fixture.writer.write({
      rows,
      directory: fixture.directory,
      fileName: ({ index }) => `${firstOffset}-${index}.parquet`
    })
  )
  for (const { path, recordCount } of written) {
    files.push({ path, recordCount, timestampLowerUs: 0, timestampUpperUs: 0 })
  }
}

const newest = async (filter = {}, rowsMax = 100) => {
  const page = await Effect.runPromise(query.newest(filter, rowsMax))
  expect(held).toBe(0)
  const rows = page.rows.map((row) => JSON.parse(row) as ReferenceDataV2)
  return { ...page, rows, names: rows.map((row) => `${row.exchange}:${row.company_name}`) }
}

describe('reference data', () => {
  test('nothing yet', async () => {
    expect(await newest()).toMatchObject({ rows: [], hasMore: false, snapshotId: '7' })
  })

  test('the newest version of each company, whatever file it is in', async () => {
    const dayUs = 86_400_000_000
    await land(
      [
        record('1', 5 * dayUs, { company_name: 'ONE, NEW' }),
        record('2', 2 * dayUs, { symbol: 'OLD', company_name: 'TWO' })
      ],
      10
    )
    await land(
      [
        record('1', 1 * dayUs, { company_name: 'ONE' }),
        record('2', 3 * dayUs, { symbol: 'NEW', company_name: 'TWO, NEW', is_active: false }),
        record('1', 1 * dayUs, { exchange: 'LSE', company_name: 'ANOTHER ONE' })
      ],
      20
    )
    expect((await newest()).names).toEqual(['ASX:ONE, NEW', 'ASX:TWO, NEW', 'LSE:ANOTHER ONE'])
    expect((await newest({ companyId: '1' })).names).toEqual(['ASX:ONE, NEW', 'LSE:ANOTHER ONE'])
    expect((await newest({ companyId: '1', exchange: 'LSE' })).names).toEqual(['LSE:ANOTHER ONE'])
    expect(planned.at(-1)).toEqual({ exchange: 'LSE' })
    expect((await newest({ ticker: 'NEW' })).names).toEqual(['ASX:TWO, NEW'])
    // An old ticker does not bring back an old version.
    expect((await newest({ ticker: 'OLD' })).names).toEqual([])
    expect(planned.at(-1)).toEqual({})
    expect(await newest({}, 2)).toMatchObject({ hasMore: true, rows: [{}, {}] })
    expect(await newest({}, 3)).toMatchObject({ hasMore: false })
  })

  test('every field as it was said', async () => {
    const said = {
      isin: 'AU000000BHP4',
      currency: null,
      listing_date: 1_210_118_400_000_000,
      delisting_date: 1_396_224_000_000_000,
      is_active: false,
      vendor_data: { b: 'x"y', a: '' }
    }
    const full = record('9', 1_700_000_000_123_456, said)
    const bare = record('8', 1_700_000_000_123_456, { currency: null })
    await land([full, bare], 30)
    const [row] = (await newest({ companyId: '9' })).rows
    expect(row).toEqual({
      ...full,
      listing_date: '2008-05-07T00:00:00.000000Z',
      delisting_date: '2014-03-31T00:00:00.000000Z',
      ingestion_timestamp: '2023-11-14T22:13:20.123456Z'
    })
    const [plain] = (await newest({ companyId: '8' })).rows
    expect(plain).toMatchObject({ isin: null, currency: null, vendor_data: null, is_active: true })
  })
})
