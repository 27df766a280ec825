/** The table of candles of minutes as operators have it: beside a K2 that makes it. */
import { expect, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'
import { k2Fixture } from '../support/k2-process.ts'

const k2s = k2Fixture()
const onCandles = ['--table', 'market.candles_1m']

test('its snapshots expire, by K2 and by command; doctor and compact know it', async () => {
  const folder = k2s.dataFolder()
  const running = k2s.start({
    K2_DATA_DIR: folder,
    K2_COMMIT_AGE: '200ms',
    K2_ROLLUP_INTERVAL: '300ms',
    K2_SNAPSHOTS_MAX: '4'
  })
  await running.ready()
  const committed = (count: number) =>
    running.atLeast('k2_candle_commits_total', count, { outcome: 'committed' })
  await committed(7)
  const url = await running.url()
  const listed = await k2('query', 'snapshots', '--table', 'candles_1m', '--url', url)
  expect(listed.code, listed.complaints).toBe(0)
  expect(listed.printed.split('\n')).toHaveLength(5)

  const own = ['--data-dir', folder, ...onCandles]
  const expired = await k2('expire', ...own, '--keep', '2', '--no-wait')
  expect(expired.code, expired.complaints).toBe(0)
  expect(expired.printed).toMatch(/^market.candles_1m: no day and [1-9]\d* snapshots let go/)
  const made = (await running.metric('k2_candle_commits_total', { outcome: 'committed' })) ?? 0
  await committed(made + 2)
  const compacted = await k2('compact', ...own)
  expect(compacted).toMatchObject({ code: 0 })
  expect(compacted.printed).toContain('market.candles_1m: lays itself out')

  running.kill('SIGTERM')
  expect(await running.exit(), running.describe()).toEqual({ code: 0, signal: null })
  const examined = await k2('doctor', ...own)
  expect(examined.printed).toMatch(/no fault$/)
  expect(examined.printed).toMatch(/duplicate-keys +[1-9]/)
  const sql = `SELECT count(*) AS n FROM snapshots WHERE table_name = 'market.candles_1m'`
  const counted = await k2('sql', sql, '--data-dir', folder, '--format', 'csv')
  expect(counted.complaints).not.toContain('no such')
  expect(counted.printed).toMatch(/^n\n[2-4]$/)
  for (const command of ['rebuild-state', 'adopt-log']) {
    const refused = await k2(command, ...own)
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.complaints).toContain('is made of the trades')
  }
}, 120_000)
