/** `k2 actors` and `k2 metrics`, against an API. */
import { describe, expect, test } from 'vitest'
import { fakeApi } from '../support/fake-api.ts'
import { k2 } from '../support/k2-command.ts'

const actor = (path: string, tag: string, ...children: readonly object[]) => ({
  path,
  state: 'up.running',
  tags: tag === '' ? [] : [tag],
  restarts: 2,
  since: 0,
  lastError: tag === 'waiting' ? { message: `${failure}\nat once` } : null,
  counters: { waits: 3 },
  children
})
const failure = 'the catalog does not answer'
const api = fakeApi('')
const answer = (text: string) => {
  api.answer = { status: 200, text }
}
const tree = (tag: string) =>
  JSON.stringify({
    data: {
      root: actor('root', 'healthy', actor('root/a', tag, actor('root/a/program', ''))),
      atMs: 1
    }
  })

describe('actors', () => {
  test('all of them, with what failed last', async () => {
    answer(tree('waiting'))
    const { code, printed } = await k2('actors', '--url', api.url)
    expect(code).toBe(1)
    expect(printed.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['actor', 'state', 'health', 'restarts', 'waits', 'since', 'last failure'],
      ['root', 'up.running', 'healthy', '2', '3', '1970-01-01T00:00:00.000Z'],
      ['root/a', 'up.running', 'waiting', '2', '3', '1970-01-01T00:00:00.000Z', failure],
      ['root/a/program', 'up.running', '2', '3', '1970-01-01T00:00:00.000Z']
    ])
  })

  test('only those that are not healthy', async () => {
    answer(tree('waiting'))
    const { code, printed } = await k2('actors', '--unwell', '--url', api.url)
    expect([code, printed.split('\n').length]).toEqual([1, 2])
    expect(printed).toContain('root/a ')
    answer(tree('healthy'))
    const well = await k2('actors', '--unwell', '--url', api.url)
    expect(well).toMatchObject({ code: 0, printed: 'every actor is healthy' })
    expect(api.seen.map(({ url }) => url)).toEqual(['/v1/system/actors', '/v1/system/actors'])
  })

  test('only those that have failed, also where they are well', async () => {
    answer(tree('waiting'))
    const { printed } = await k2('actors', '--failed', '--url', api.url)
    expect(printed.split('\n').slice(1).map((line) => line.split(' ')[0])).toEqual(['root/a'])
    answer(tree('healthy'))
    const well = await k2('actors', '--failed', '--url', api.url)
    expect(well).toMatchObject({ code: 0, printed: 'no such actor has failed' })
  })

  test('as it came', async () => {
    answer(tree('healthy'))
    expect((await k2('actors', '--json', '--url', api.url)).printed).toBe(tree('healthy'))
  })
})

describe('metrics', () => {
  const text = [
    '# HELP k2_spool_bytes Bytes.',
    'k2_spool_bytes 0',
    'k2_spool_records 7',
    'k2_a_seconds_bucket{le="1"} 0',
    'k2_a_seconds_count 0',
    ''
  ].join('\n')

  test.each([
    [['spool'], 'k2_spool_bytes 0\nk2_spool_records 7', 0],
    [['k2_spool_r'], 'k2_spool_records 7', 0],
    [['--nonzero', 'spool'], 'k2_spool_records 7', 0],
    [['--nonzero', 'a_'], 'all of them are 0', 0],
    [['a_'], 'k2_a_seconds_count 0', 0],
    [['a_seconds_bucket'], 'k2_a_seconds_bucket{le="1"} 0', 0],
    [[], 'k2_spool_bytes 0\nk2_spool_records 7\nk2_a_seconds_count 0', 0],
    [['level'], '', 1]
  ] as const)('%j', async (args, expected, exit) => {
    answer(text)
    const { code, printed, complaints } = await k2('metrics', ...args, '--url', api.url)
    expect([code, printed]).toEqual([exit, expected])
    expect(complaints).toBe(exit === 0 ? '' : 'there is no series level')
  })
})
