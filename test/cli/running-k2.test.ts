/** `k2 level`, `k2 drain` and `k2 status`, against an API and over a data folder. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'
import { land } from '../support/landed-folder.ts'
import { trade } from '../support/trades.ts'

const view = {
  level: 'graceful',
  since: '2026-01-01T00:00:00.000Z',
  injected: { value: 0.8, expires: '2026-01-01T00:01:00.000Z' },
  signals: [
    { signal: 'lag', data_type: 'trades', value: 7, limit: null, unit: 'records', state: 'fresh' },
    { signal: 'memory', value: null, limit: 2048, unit: 'bytes', state: 'stale' }
  ].map((signal) => ({ ...signal, level: 'normal' })),
  history: [
    {
      at: '2026-01-01T00:00:00.000Z',
      from: 'normal',
      to: 'graceful',
      reason: 'injected is 80 %, at or above 80 %',
      action: 'sheds tier 3'
    }
  ]
}
const api = fakeApi(JSON.stringify({ data: view }))

describe('level', () => {
  test.each(['level', 'level show'])('%s: why it is so, and the signals', async (words) => {
    const { code, printed } = await k2(...words.split(' '), '--url', api.url)
    expect(code).toBe(0)
    expect(printed.split('\n')).toEqual([
      'the level is graceful since 2026-01-01T00:00:00.000Z',
      'pressure 0.8 is injected until 2026-01-01T00:01:00.000Z',
      'signal         value  limit    unit     state  level',
      'lag of trades  7               records  fresh  normal',
      'memory         ?      of 2048  bytes    stale  normal',
      'changes, newest first:',
      '  2026-01-01T00:00:00.000Z  normal to graceful: injected is 80 %, at or above 80 %; ' +
        'sheds tier 3'
    ])
    expect(api.seen.map(({ url }) => url)).toEqual(['/v1/system/degradation'])
  })

  test.each([['level'], ['pressure']])('%s inject and clear say why', async (word) => {
    const { printed } = await k2(
      word,
      'inject',
      '--url',
      api.url,
      '--level',
      'graceful',
      '--reason',
      'a drill'
    )
    expect(printed).toContain('pressure 0.8 is injected until')
    await k2(word, 'clear', '--url', api.url)
    expect(api.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/system/pressure',
      'DELETE /v1/system/pressure'
    ])
    expect(api.seen[0]?.headers['x-reason']).toBe('a drill')
  })
})

test('drain says how long it may take, and why it was asked for', async () => {
  api.answer = { status: 200, text: '{"data":{"draining":true,"ends_within_seconds":30}}' }
  const drained = await k2('drain', '--url', api.url, '--reason', 'new disk')
  expect(drained).toMatchObject({ code: 0, printed: 'K2 is draining; it ends within 30 s' })
  expect(api.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /v1/system/drain'])
  expect(api.seen[0]?.headers['x-reason']).toBe('new disk')
  api.answer = { status: 403, text: '{"detail":"admin is needed"}' }
  expect((await k2('drain', '--url', api.url)).complaints).toContain('admin is needed')
})

describe('status', () => {
  test.each([
    ['healthy', 0],
    ['degraded', 1]
  ])('of a K2 that is %s: %i', async (status, code) => {
    const components = [{ name: 'feed', status: 'unavailable', detail: 'it connects' }]
    const text = JSON.stringify({ version: '0.1.0', status, level: null, components })
    api.answer = { status: 200, text }
    const told = await k2('status', '--url', api.url)
    expect([told.code, told.printed]).toEqual([
      code,
      `K2 0.1.0 is ${status}, at level not known yet\nfeed  unavailable  it connects`
    ])
    expect((await k2('status', '--url', api.url, '--json')).printed).toBe(text)
  })

  test('of a data folder: rows, files, and what waits in the log', async () => {
    const root = mkdtempSync(join(tmpdir(), 'k2-cli-'))
    onTestFinished(() => rmSync(root, { recursive: true, force: true }))
    const trades = [1, 2, 3, 4].map((id) => trade('BTCUSDT', id))
    await land(root, trades.slice(0, 3))
    await land(root, trades.slice(3), { isLanding: false })
    const { code, printed, complaints } = await k2('status', '--data-dir', root)
    expect([code, complaints]).toEqual([0, ''])
    expect(printed).toContain('no K2 has it open')
    expect(printed).toMatch(/market\.trades +3 +1 /)
    expect(printed).toMatch(/market\.crypto\.trades\.binance +2 +1$/)
    const json = JSON.parse((await k2('status', '--data-dir', root, '--json')).printed) as object
    expect(json).toMatchObject({ pid: null, tables: [{ table: 'market.trades', rows: 3 }] })
    const none = await k2('status', '--data-dir', join(root, 'absent'))
    expect(none).toMatchObject({ code: 2, printed: '' })
  })
})
