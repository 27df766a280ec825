import { Effect } from 'effect'
import { expect, test } from 'vitest'
import { makeApp } from '../../../src/adapters/http/app.ts'
import type { ApiDeps } from '../../../src/adapters/http/api-deps.ts'
import { fakeDeps } from './support.ts'

type Asked = Parameters<ApiDeps['snapshotDiff']>

const ask = async (path: string, failure?: string) => {
  const asked: Asked[] = []
  const deps = fakeDeps({
    snapshotDiff: (...request) =>
      Effect.suspend(() => {
        asked.push(request)
        if (failure !== undefined) return Effect.fail({ _tag: failure, message: 'secret' })
        const rows = ['{"price":0.10000000}']
        return Effect.succeed({ baseId: null, rows, hasMore: true, added: 5, removed: 2 })
      })
  })
  const response = await makeApp(deps).request(`http://127.0.0.1:8000/v1/snapshots/${path}`)
  return { asked, status: response.status, text: await response.text() }
}

test('rows as they are, how many there are, and what they are held against', async () => {
  const { asked, text } = await ask('17/diff?symbol=BTCUSDT&exchange=binance&limit=1')
  expect(asked).toEqual([
    [
      'trades',
      {
        snapshotId: '17',
        baseId: undefined,
        filter: { symbols: ['BTCUSDT'], exchanges: ['BINANCE'] },
        rowsMax: 1,
        decimals: 'number'
      }
    ]
  ])
  expect(text).toContain('"data":[{"price":0.10000000}]')
  expect(JSON.parse(text)).toMatchObject({
    pagination: { limit: 1, total: 5, has_more: true },
    meta: { snapshot_id: '17', base_snapshot_id: null, added_rows: 5, removed_rows: 2 }
  })
})

test('another table, another base', async () => {
  const { asked } = await ask('17/diff?table=quotes&base_snapshot_id=9223372036854775807&limit=0')
  expect(asked).toMatchObject([['quotes', { baseId: '9223372036854775807', rowsMax: 0 }]])
})

test.each([
  ['x/diff', 'snapshot_id'],
  ['17/diff?base_snapshot_id=-1', 'base_snapshot_id'],
  ['17/diff?table=gaps', 'table']
])('%s: %s is named, and nothing is asked', async (path, field) => {
  const { asked, status, text } = await ask(path)
  expect([status, asked]).toEqual([400, []])
  expect(JSON.parse(text).errors).toMatchObject([{ field }])
})

test.each([
  ['SnapshotNotFound', 404, 'snapshot_not_found'],
  ['ReadExpired', 410, 'gone']
])('%s is %i', async (failure, status, code) => {
  const answer = await ask('17/diff', failure)
  expect([answer.status, JSON.parse(answer.text).code]).toEqual([status, code])
  expect(answer.text).not.toContain('secret')
})
