import { Effect } from 'effect'
import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type {
  ApiDeps,
  HttpEvent,
  RecordsAnswer,
  RecordsAsked
} from '../../../src/adapters/http/api-deps.ts'
import { answerRecords } from '../../../src/adapters/http/records-answer.ts'
import { addCost } from '../../../src/adapters/telemetry/query-cost.ts'
import { fakeDeps } from './support.ts'

const answerOf = (rows: readonly string[], others: Partial<RecordsAnswer> = {}): RecordsAnswer => ({
  snapshotId: '7',
  rows,
  hasMore: false,
  missing: [],
  readToken: 't.content.signature',
  nextCursor: null,
  isKnown: false,
  ...others
})

const get = (path: string, headers: Record<string, string>, records: ApiDeps['records']) =>
  makeApp(fakeDeps({ records })).request(`http://127.0.0.1:8000${path}`, { headers })

/** A table of so many rows, each its number; a cursor is the number of the next. */
const numbered = (count: number, cursorOf = (next: number): string | null => `${next}`) => {
  const asked: RecordsAsked[] = []
  const records: ApiDeps['records'] = (_, request) =>
    Effect.sync(() => {
      asked.push(request)
      const start = Number(request.from?.cursor ?? 0)
      const end = Math.min(count, start + request.rowsMax)
      const rows = Array.from({ length: end - start }, (__, index) => `${start + index}`)
      const hasMore = end < count
      return answerOf(rows, { hasMore, nextCursor: hasMore ? cursorOf(end) : null })
    })
  return { records, asked }
}

const lines = async (records: ApiDeps['records'], rowsMax: number) => {
  const events: HttpEvent[] = []
  const deps = fakeDeps({ records, observe: (event) => events.push(event) })
  const call = { headers: new Headers(), correlationId: 'id-1' }
  const response = await Effect.runPromise(
    answerRecords(deps, call, {
      dataType: 'trades',
      filter: {},
      rowsMax,
      decimals: 'number',
      format: 'ndjson',
      route: '/v1/trades'
    })
  )
  return { text: response.text(), events }
}

const numbers = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${index}\n`).join('')

test('CSV has a line of names, and what meta says in its headers', async () => {
  const records: ApiDeps['records'] = (_, { format }) =>
    Effect.succeed(answerOf([`a,${format}`, 'b,2'], { missing: ['the tail: żółw'] }))
  const response = await get('/v1/trades', { accept: 'text/csv' }, records)
  const text = await response.text()
  expect(text.split('\r\n').slice(1)).toEqual(['a,csv', 'b,2', ''])
  expect(text.split('\r\n')[0]).toMatch(/^message_id,trade_id,symbol,/)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="trades_20240808_000000.csv"',
    'k2-snapshot-id': '7',
    'k2-read-token': 't.content.signature',
    'k2-missing': 'the tail: ???w',
    vary: 'Accept, Accept-Encoding'
  })
})

test('lines say where they can be continued, where they are one part', async () => {
  const { records } = numbered(40_000)
  const cursorOf = async (path: string) =>
    (await get(path, {}, records)).headers.get('k2-next-cursor')
  expect(await cursorOf('/v1/trades?format=csv&limit=10')).toBe('10')
  expect(await cursorOf('/v1/trades?format=ndjson&limit=10000&cursor=30000')).toBeNull()
  const deps = fakeDeps({ records })
  const asked = { dataType: 'trades', filter: {}, decimals: 'number', route: '/v1/trades' } as const
  const call = { headers: new Headers(), correlationId: 'id-1' }
  const long = { ...asked, format: 'csv', rowsMax: 25_000 } as const
  const response = await Effect.runPromise(answerRecords(deps, call, long))
  expect(response.headers.get('k2-next-cursor')).toBeNull()
  await response.body?.cancel()
})

test('each form has an ETag of its own', async () => {
  const records: ApiDeps['records'] = (_, { isKnown }) =>
    Effect.succeed(answerOf(['{}'], { isKnown: isKnown?.('t.content.signature') === true }))
  const first = await get('/v1/trades?format=ndjson', {}, records)
  expect(await first.text()).toBe('{}\n')
  const tag = first.headers.get('etag')!
  const statusOf = async (format: string) =>
    (await get(`/v1/trades?format=${format}`, { 'if-none-match': tag }, records)).status
  expect([await statusOf('ndjson'), await statusOf('csv'), await statusOf('json')]).toEqual([
    304, 200, 200
  ])
})

test('what cannot be had in any form of those that are asked for is 406', async () => {
  const { records, asked } = numbered(1)
  const response = await get('/v1/trades', { accept: 'text/html' }, records)
  expect([response.status, asked]).toEqual([406, []])
  expect(await response.json()).toMatchObject({ code: 'not_acceptable' })
})

test('many rows come part by part, each behind the one before, no more than asked', async () => {
  const { records, asked } = numbered(40_000)
  const { text } = await lines(records, 25_000)
  expect(await text).toBe(numbers(25_000))
  expect(asked.map(({ rowsMax, from }) => [rowsMax, from?.cursor])).toEqual([
    [10_000, undefined],
    [10_000, '10000'],
    [5_000, '20000']
  ])
})

const post = (body: object, records: ApiDeps['records'], query = '') =>
  makeApp(fakeDeps({ records })).request(`http://127.0.0.1:8000/v1/trades/query${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

test('JSON of many rows comes part by part as well, and is one document', async () => {
  const { records, asked } = numbered(40_000)
  const response = await post({ limit: 25_000 }, records)
  expect(response.headers.get('content-length')).toBeNull()
  expect(await response.json()).toMatchObject({
    success: true,
    data: Array.from({ length: 25_000 }, (_, index) => index),
    pagination: { limit: 25_000, offset: 0, has_more: true, next_cursor: '25000' },
    meta: { snapshot_id: '7', partial: false, read_token: 't.content.signature' }
  })
  expect(asked.map(({ rowsMax }) => rowsMax)).toEqual([10_000, 10_000, 5_000])
  const all = await post({ limit: 100_000 }, numbered(10_000).records)
  expect(await all.json()).toMatchObject({ pagination: { has_more: false, next_cursor: null } })
  const none = await post({ limit: 100_000 }, numbered(0).records)
  expect(await none.json()).toMatchObject({ data: [], pagination: { has_more: false } })
})

test('what all parts cost is explained', async () => {
  const { records } = numbered(40_000)
  const costing: ApiDeps['records'] = (dataType, request) =>
    Effect.andThen(addCost({ rows: request.rowsMax }), records(dataType, request))
  const response = await post({ limit: 25_000 }, costing, '?explain=1')
  expect(await response.json()).toMatchObject({ meta: { explain: { rows: 25_000 } } })
})

test('fewer rows than asked end the lines', async () => {
  const { records, asked } = numbered(10_000)
  expect(await (await lines(records, 25_000)).text).toBe(numbers(10_000))
  expect(asked).toHaveLength(1)
})

test('without a point to come back to, all rows are read at once', async () => {
  const { records, asked } = numbered(30_000, () => null)
  expect(await (await lines(records, 25_000)).text).toBe(numbers(25_000))
  expect(asked.map(({ rowsMax }) => rowsMax)).toEqual([10_000, 25_000])
})

test('a part that fails breaks the body off, and the log says why', async () => {
  const { records } = numbered(40_000)
  const failing: ApiDeps['records'] = (dataType, request) =>
    request.from?.cursor === '20000'
      ? Effect.fail({ _tag: 'QueryTimedOut', message: 'too long' })
      : records(dataType, request)
  const { text, events } = await lines(failing, 40_000)
  await expect(text).rejects.toThrow('could not be made')
  expect(events).toMatchObject([{ type: 'http.request_failed', correlationId: 'id-1' }])
})

test('Parquet is one file, whose length and rows are told', async () => {
  const { records } = numbered(0)
  const response = await get('/v1/quotes?format=parquet', {}, records)
  expect(await response.text()).toBe('PAR1')
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/vnd.apache.parquet',
    'content-disposition': 'attachment; filename="quotes_20240808_000000.parquet"',
    'content-length': '4',
    'k2-record-count': '2'
  })
})
