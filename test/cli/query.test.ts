/** `k2 query …` and its relatives, over a data folder and of a running K2. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'
import { land } from '../support/landed-folder.ts'
import { trade } from '../support/trades.ts'

describe('over a data folder that no K2 has open', () => {
  const root = mkdtempSync(join(tmpdir(), 'k2-cli-'))
  const filesOf = () => new Set(readdirSync(root, { recursive: true, encoding: 'utf8' }))
  const query = (...args: readonly string[]) => k2(...args, '--data-dir', root)
  beforeAll(async () => {
    await land(
      root,
      [1, 2, 3, 4].map((id) => trade('BTCUSDT', id))
    )
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  test('trades as a table, newest first; the folder stays as it is', async () => {
    const before = filesOf()
    const { code, printed, complaints } = await query('query', 'trades', '--limit', '3')
    expect(code, complaints).toBe(0)
    expect(printed.split('\n').map((line) => line.trim().split(/ {2,}/).at(-1))).toEqual([
      'trade_id',
      'BINANCE-4',
      'BINANCE-3',
      'BINANCE-2'
    ])
    expect(complaints).toContain('--limit')
    expect(filesOf()).toEqual(before)
  })

  test('columns that were asked for, as CSV and as JSON lines, digit by digit', async () => {
    const columns = ['--columns', 'trade_id,price', '--limit', '1', '--symbol', 'BTCUSDT']
    const csv = await query('query', 'trades', '--format', 'csv', ...columns)
    expect(csv.printed).toMatch(/^trade_id,price\nBINANCE-4,\d+\.\d{8}$/)
    const lines = await query('query', 'trades', '--format', 'ndjson', ...columns)
    expect(lines.printed).toMatch(/^\{"trade_id":"BINANCE-4","price":\d+\.\d{8}\}$/)
    const unknown = await query('query', 'trades', '--columns', 'prize')
    expect(unknown).toMatchObject({ code: 2, printed: '' })
    expect(unknown.complaints).toContain('there is no prize; columns are')
  })

  test('page after page, and as it was before more has landed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'k2-cli-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const some = [1, 2, 3, 4].map((id) => trade('BTCUSDT', id))
    const asked = ['query', 'trades', '--data-dir', folder]
    const ask = (...args: readonly string[]) =>
      k2(...asked, '--format', 'csv', '--columns', 'trade_id', ...args)
    const ids = (...newest: readonly number[]) =>
      ['trade_id', ...newest.map((id) => `BINANCE-${id}`)].join('\n')
    await land(folder, some)
    const json = await k2(...asked, '--format', 'json')
    const { read_token: token, snapshot_id: snapshot } = (
      JSON.parse(json.printed) as { readonly meta: Record<'read_token' | 'snapshot_id', string> }
    ).meta
    const before = new Date().toISOString()
    await land(folder, [...some, trade('BTCUSDT', 5)])

    const first = await ask('--limit', '3')
    expect(first.printed).toBe(ids(5, 4, 3))
    const cursor = /there are more: raise --limit, or add --cursor (\S+)$/m.exec(first.complaints)
    expect((await ask('--cursor', cursor![1]!)).printed).toBe(ids(2, 1))
    for (const then of [
      ['--read-token', token],
      ['--snapshot-id', snapshot],
      ['--as-of', before]
    ])
      expect(await ask(...then), then.join(' ')).toMatchObject({ printed: ids(4, 3, 2, 1) })
    const unknown = await ask('--tag', 'nightly')
    expect(unknown).toMatchObject({ code: 2, printed: '' })
    expect(unknown.complaints).toMatch(/such snapshot .*; GET \/v1\/snapshots lists those/)
  })

  test('candles and the summary of a day, and what is told that they lack', async () => {
    const candles = ['query', 'candles', '--symbol', 'BTCUSDT', '--interval', '1d']
    const shown = await query(...candles)
    expect(shown.code, shown.complaints).toBe(0)
    expect(shown.printed.split('\n')).toHaveLength(2)
    expect(shown.printed).toMatch(/^interval_start +exchange .* trade_count +state\n.* 4 +\w+$/)
    expect(shown.complaints).toContain('missing: what has not landed')
    const columns = ['--columns', 'interval_start,trade_count']
    const csv = await query(...candles, '--format', 'csv', ...columns)
    const [, day] = /\n([\d-]{10})T00:00:00.000000Z,4$/.exec(csv.printed)!
    const summary = ['query', 'summary', '--symbol', 'BTCUSDT', '--date', day!]
    const json = await query(...summary, '--format', 'json')
    expect(JSON.parse(json.printed)).toMatchObject({
      data: { symbol: 'BTCUSDT', date: day, trade_count: 4 },
      meta: { partial: true, missing: [expect.stringContaining('what has not landed')] }
    })
    expect(json.complaints).toContain('missing: what has not landed')
    expect((await query(...summary)).printed).toContain('BINANCE   BTCUSDT')
  })

  test.each([
    [['candles'], '--symbol is needed'],
    [['summary', '--symbol', 'BTCUSDT'], '--date is needed, such as --date 2024-08-08'],
    [['summary', '--symbol', 'A', '--date', 'today'], 'date is no date'],
    [['summary', '--symbol', 'A', '--date', '2024-08-08'], ': there are no trades'],
    [['candles', '--symbol', 'A', '--interval', '2m'], 'interval "2m"']
  ])('query %j is refused, and says why', async (words, why) => {
    const refused = await query('query', ...words)
    expect(refused).toMatchObject({ code: 2, printed: '' })
    expect(refused.complaints).toContain(why)
  })

  test('symbols, snapshots, gaps, SQL; of a table that is missing, nothing', async () => {
    expect((await query('query', 'symbols')).printed).toContain('BTCUSDT  BINANCE')
    expect((await query('query', 'snapshots')).printed).toMatch(/append +4 +4$/)
    expect((await query('gaps')).printed).toBe('no open gap')
    const counted = await query('sql', 'SELECT count(*) AS n FROM trades', '--format', 'csv')
    expect(counted).toMatchObject({ code: 0, printed: 'n\n4' })
    expect(await query('query', 'quotes', '--format', 'csv')).toMatchObject({
      code: 0,
      printed: ''
    })
    const nothing = await query('query', 'reference-data')
    expect(nothing.printed).toMatch(/^exchange .*$/)
    expect(nothing.complaints).toContain('there is nothing')
  })

  test('JSON and CSV by a word of their own', async () => {
    const csv = await query('query', 'trades', '--csv', '--limit', '1')
    expect(csv.printed.split('\n')[0]).toContain('message_id,trade_id,')
    const json = await query('query', 'trades', '--json', '--limit', '1')
    expect(JSON.parse(json.printed)).toMatchObject({ success: true })
    expect(await query('query', 'trades', '--csv', '--json')).toMatchObject({
      code: 2,
      complaints: expect.stringContaining('csv and json exclude each other') as string
    })
  })

  test('a refusal is told in the words of the API, by flags', async () => {
    const refused = await query('query', 'trades', '--start', 'yesterday')
    expect(refused).toMatchObject({ code: 2, printed: '' })
    expect(refused.complaints).toContain(`${root}: --start "yesterday" is not valid`)
    const unlimited = await query('query', 'trades', '--limit', '0')
    expect(unlimited.complaints).toContain('--limit "0" is not valid: a whole number')
    const none = await k2('query', 'trades', '--data-dir', join(root, 'absent'))
    expect(none).toMatchObject({ code: 2, printed: '' })
    expect(none.complaints).toContain('there is no data folder')
    expect((await query('query', 'trades', '--format', 'xml')).complaints).toContain('ndjson')
  })
})

describe('of a running K2', () => {
  const row = { exchange: 'BINANCE', company_id: 'BTCUSDT', symbol: 'BTC,USDT', is_active: true }
  const api = fakeApi(JSON.stringify({ data: [row], pagination: { has_more: false } }))
  const query = (...args: readonly string[]) =>
    k2('query', 'reference-data', '--url', api.url, ...args)

  test('it is asked what was given, with the key of the settings', async () => {
    const key = '0123456789abcdef0123456789abcdef'
    const { code, printed } = await query(
      '--ticker=BTCUSDT',
      '--limit=7',
      '--api-keys',
      key,
      '--format=csv'
    )
    expect(code).toBe(0)
    expect(printed).toBe('exchange,company_id,symbol,is_active\nBINANCE,BTCUSDT,"BTC,USDT",true')
    expect(api.seen.map((it) => it.url)).toEqual(['/v1/reference-data?ticker=BTCUSDT&limit=7'])
    expect(api.seen[0]?.headers['x-api-key']).toBe(key)
  })

  test('the answer as it is', async () => {
    expect(await query('--format', 'json')).toMatchObject({ code: 0, printed: api.answer.text })
  })

  test('flags are parameters of the route by their names there', async () => {
    await k2('query', 'trades', '--url', api.url, '--start', '5', '--end', '2024-08-08T00:00:00Z')
    expect(api.seen.map((it) => it.url)).toEqual([
      '/v1/trades?start_time=5&end_time=2024-08-08T00%3A00%3A00Z'
    ])
  })

  test.each([
    ['a refusal', 400, '{"detail":"limit"}', 'HTTP 400: limit'],
    [
      'a missing key',
      401,
      '{"code":"api_key_missing","detail":"no key","hint":"send a header"}',
      'HTTP 401: no key; give the key by K2_API_KEY'
    ],
    ['a refusal of something else', 502, '<html>', 'HTTP 502: <html>'],
    ['no JSON', 200, '<html>', 'JSON']
  ])('%s ends it with 2, and is told', async (_what, status, text, told) => {
    api.answer = { status, text }
    const { code, complaints, printed } = await query()
    expect([code, printed]).toEqual([2, ''])
    expect(complaints).toContain(told)
  })
})
