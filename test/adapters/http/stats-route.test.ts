import { Effect } from 'effect'
import { expect, test } from 'vitest'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { makeApp } from '../../../src/adapters/http/app.ts'
import { fakeDeps } from './support.ts'

const ask = async (snapshots: ApiDeps['snapshots']) => {
  const app = makeApp(fakeDeps({ snapshots }))
  const response = await app.request('http://127.0.0.1:8000/v1/stats')
  return { status: response.status, text: await response.text() }
}

const snapshot = (summary: Readonly<Record<string, string>>) => ({
  snapshotId: '9223372036854775807',
  parentId: null,
  timestampMs: 1_723_075_200_000,
  operation: 'append',
  summary
})

test('records, files and bytes of each table, digit by digit', async () => {
  const totals = {
    'total-records': '9223372036854775806',
    'total-data-files': '3',
    'total-files-size': '4096'
  }
  const asked: unknown[] = []
  const { status, text } = await ask((table, rowsMax) =>
    Effect.sync(() => {
      asked.push([table, rowsMax])
      return table === 'trades' ? [snapshot(totals)] : []
    })
  )
  expect(status).toBe(200)
  const tables = ['trades', 'quotes', 'reference_data', 'gaps', 'candles_1m']
  expect(asked).toEqual(tables.map((it) => [it, 1]))
  expect(text).toContain(
    '"data":{"trades_count":9223372036854775806,"quotes_count":0,"tables":[' +
      '{"table_name":"market.trades","records":9223372036854775806,"data_files":3,"bytes":4096,' +
      '"snapshot_id":"9223372036854775807","committed_at":"2024-08-08T00:00:00.000Z"},' +
      '{"table_name":"market.quotes","records":0,'
  )
})

test('what a snapshot does not say, or says in words, is null', async () => {
  const { text } = await ask(() => Effect.succeed([snapshot({ 'total-records': 'many' })]))
  expect(JSON.parse(text).data).toMatchObject({
    trades_count: null,
    tables: [{ records: null, data_files: null, bytes: null }, {}, {}, {}, {}]
  })
})

test('a table that cannot be read is the problem that it is everywhere', async () => {
  const { status, text } = await ask(() =>
    Effect.fail({ _tag: 'TableUnavailable', message: 'for the log' })
  )
  expect([status, JSON.parse(text).code]).toEqual([503, 'table_unavailable'])
})
