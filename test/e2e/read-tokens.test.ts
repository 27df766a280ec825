/**
 * A read token and a cursor, sent back while K2 goes on: the same rows in the same bytes, whatever
 * snapshots expire, until rows of them are taken out of the table; then 410 and not fewer (R15).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'
import { k2Fixture, type K2Process } from '../support/k2-process.ts'

const k2s = k2Fixture()
const topic = 'market.crypto.trades.simulated'
const fill = '03/10/2014,13:55:41.879,1.11,3000,0,,\r\n'
const fillCount = 50

interface Page {
  readonly data: readonly { readonly trade_id: string }[]
  readonly pagination: { readonly next_cursor: string | null }
  readonly meta: { readonly read_token: string; readonly snapshot_id: string }
}

const pageOf = (text: string): Page => JSON.parse(text) as Page

/** The bytes of `data` alone: what is beside it tells of the answer. */
const dataOf = (text: string): string =>
  text.slice(text.indexOf('"data":'), text.lastIndexOf('"pagination":'))

const asked = async (running: K2Process, query: string): Promise<string> => {
  const { status, text } = await running.get(`/v1/trades?${query}`)
  expect(status, text).toBe(200)
  return text
}

test('a token and a cursor answer the same until their rows are removed, then 410', async () => {
  const folder = k2s.dataFolder()
  const running = k2s.start({
    K2_DATA_DIR: folder,
    K2_COMMIT_AGE: '500ms',
    // Otherwise days of 2014 go as soon as there are newer ones.
    K2_RETENTION_DAYS: '36500'
  })
  const url = await running.ready()
  const path = join(folder, 'fills.csv')
  writeFileSync(path, fill.repeat(fillCount))
  const at = ['--data-dir', folder]
  const loaded = await k2('load', 'trades', path, '--exchange', 'ASX', '--symbol', 'DVN', ...at)
  expect(loaded.code, loaded.complaints).toBe(0)
  const trades = ['--table', 'market.trades', '--no-wait', ...at]
  const expire = (days: string, keep: string) =>
    k2('expire', '--retention-days', days, '--keep', keep, ...trades)
  const landed = async () => (await running.metric('k2_landed_records', { topic })) ?? 0

  const all = await asked(running, 'limit=1000')
  const fills = await asked(running, 'symbol=DVN&limit=1000')
  const head = await asked(running, 'symbol=DVN&limit=20')
  const { read_token: token, snapshot_id: snapshot } = pageOf(all).meta
  const cursor = pageOf(head).pagination.next_cursor!
  expect(pageOf(fills).data).toHaveLength(fillCount)

  const staysTheSame = async () => {
    expect(dataOf(await asked(running, `limit=1000&read_token=${token}`))).toBe(dataOf(all))
    const rest = await asked(running, `symbol=DVN&limit=1000&cursor=${cursor}`)
    expect([...pageOf(head).data, ...pageOf(rest).data]).toEqual(pageOf(fills).data)
  }
  await running.atLeast('k2_landed_records', (await landed()) + 100, { topic })
  await staysTheSame()
  expect(dataOf(await asked(running, 'limit=1000'))).not.toBe(dataOf(all))

  // The snapshot that was read is no more; its rows are.
  expect((await expire('36500', '1')).code).toBe(0)
  expect((await running.get(`/v1/trades?snapshot_id=${snapshot}`)).status).toBe(404)
  await staysTheSame()
  const print = (...more: readonly string[]) =>
    k2('query', 'trades', '--url', url, '--limit', '1000', '--format', 'json', ...more)
  const printed = await print('--read-token', token)
  expect(dataOf(printed.printed), printed.complaints).toBe(dataOf(all))

  const removed = await expire('1', '100')
  expect(removed.printed, removed.complaints).toContain('days before')
  expect(pageOf(await asked(running, 'symbol=DVN')).data).toEqual([])
  // Snapshots of before are kept yet.
  await staysTheSame()

  expect((await expire('1', '1')).code).toBe(0)
  for (const query of [`read_token=${token}`, `symbol=DVN&limit=20&cursor=${cursor}`]) {
    const { status, text } = await running.get(`/v1/trades?${query}`)
    expect(status, text).toBe(410)
    expect(JSON.parse(text)).toMatchObject({ code: 'gone' })
  }
  const refused = await print('--read-token', token)
  expect(refused).toMatchObject({ code: 2, printed: '' })
  expect(refused.complaints).toMatch(/HTTP 410: .*removed.*; ask without read_token/)
  await asked(running, 'limit=1000')
}, 240_000)
