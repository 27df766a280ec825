/** What `k2 check` makes of what it was told, without a K2. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { openMetrics } from '../../../src/adapters/telemetry/metrics.ts'
import {
  type CheckLine,
  checkStates,
  exitCodeOf,
  line,
  notConfigured,
  reportOf,
  reportText
} from '../../../src/cli/check/check-report.ts'
import { readExposition, seriesOf, sumsBy } from '../../../src/cli/check/exposition.ts'
import { feedLines, symbolLine, topicLines } from '../../../src/cli/check/flow-checks.ts'
import { isOlder } from '../../../src/cli/check/machine-checks.ts'
import { metricLines } from '../../../src/cli/check/metric-checks.ts'
import { tableLine } from '../../../src/cli/check/table-checks.ts'
import { k2 } from '../../support/k2-command.ts'

const facts = { url: 'http://127.0.0.1:8000', isRunning: true, at: '', seconds: 1 }
const nowMs = Date.parse('2026-01-01T00:02:00.000Z')

describe('the report', () => {
  test('counts, verdict and exit code follow from the lines', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...checkStates)), fc.boolean(), (states, isRunning) => {
        const lines = states.map(
          (state): CheckLine => ({ group: 'feeds', name: 'x', state, figure: '' })
        )
        const report = reportOf({ ...facts, isRunning }, lines)
        const sum = Object.values(report.counts).reduce((total, count) => total + count, 0)
        expect(sum).toBe(states.length)
        expect(report.ok).toBe(!states.includes('failed'))
        expect(exitCodeOf(report)).toBe(!isRunning ? 2 : states.includes('failed') ? 1 : 0)
      })
    )
  })

  test('a part whose lines are well is one line; what is not well is shown with its remedy', () => {
    const lines = [
      line('metrics', 'k2_a', { part: 'Feeds', figure: 'with values: 2 series' }),
      line('metrics', 'k2_b', { part: 'Feeds', figure: 'with values: 7 series' }),
      line('metrics', 'k2_c', { part: 'Feeds', figure: 'absent', remedy: 'do', isFailure: true }),
      line('tables', 't', { figure: '1 row', remedy: 'npm run k2 -- doctor' }),
      notConfigured('stack', 'stack', 'none')
    ]
    expect(reportText(reportOf(facts, lines), false).split('\n')).toEqual([
      'stack',
      '  -       stack  none',
      'tables',
      '  warning t  1 row',
      '          -> npm run k2 -- doctor',
      'metrics',
      '  ok      Feeds  2 with values',
      '  FAILED  k2_c   absent',
      '          -> do',
      '2 ok, 1 warnings, 1 failed, 1 not configured, in 1.0 s'
    ])
    expect(reportText(reportOf(facts, lines), true)).toContain('k2_a  with values: 2 series')
  })
})

describe('metrics', () => {
  const exposed = async () => readExposition(await openMetrics().registry.metrics())

  test('all that are declared are exposed, and one that is not is a failure', async () => {
    const exposition = await exposed()
    const lines = metricLines(exposition)
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.filter(({ state }) => state !== 'ok')).toEqual([])
    const types = new Map([...exposition.types].filter(([name]) => name !== 'k2_feed_connected'))
    const missing = metricLines({ ...exposition, types }).filter(({ state }) => state !== 'ok')
    expect(missing).toMatchObject([{ name: 'k2_feed_connected', state: 'failed' }])
  })

  test('series, labels and sums', () => {
    const exposition = readExposition(
      [
        '# TYPE a counter',
        'a{x="1",y="q"} 2',
        'a{x="1",y="r"} 3',
        'a{x="2",y="q"} 1e+2',
        '# TYPE h histogram',
        'h_bucket{le="1"} 4',
        'h_sum 9',
        'h_count 4',
        '# TYPE none gauge'
      ].join('\n')
    )
    expect([...sumsBy(exposition, 'a', 'x')]).toEqual([['1', 5], ['2', 100]])
    expect([...sumsBy(exposition, 'a', 'x', { y: 'q' })]).toEqual([['1', 2], ['2', 100]])
    expect(seriesOf(exposition, 'h').map(({ value }) => value)).toEqual([4])
    expect(exposition.types.get('none')).toBe('gauge')
  })
})

describe('feeds and topics', () => {
  const reading = (atMs: number, text: string) => ({ atMs, exposition: readExposition(text) })
  const metrics = (connected: number, frames: number, overdue: number) =>
    [
      `k2_feed_connected{feed="feed:binance"} ${connected}`,
      `k2_feed_frames_total{feed="feed:binance",kind="trade"} ${frames}`,
      `k2_log_lag_records{topic="t",partition="0",kind="raw"} 5`,
      `k2_log_lag_records{topic="t",partition="1",kind="raw"} 6`,
      `k2_log_lag_records{topic="t",partition="1",kind="overdue"} ${overdue}`
    ].join('\n')

  test.each([
    [1, 30, 'ok', 'connected, 10.0 trades/s, 0.0 quotes/s over 2.0 s'],
    [1, 10, 'warning', 'connected, 0.0 trades/s, 0.0 quotes/s over 2.0 s'],
    [0, 10, 'failed', 'not connected, 0.0 trades/s, 0.0 quotes/s over 2.0 s']
  ])('connected %s, %s frames: %s', (connected, frames, state, figure) => {
    const lines = feedLines(
      reading(1_000, metrics(1, 10, 0)),
      reading(3_000, metrics(connected, frames, 0))
    )
    expect(lines).toMatchObject([{ name: 'feed:binance', state, figure }])
  })

  test('a topic of which records are overdue is a warning', () => {
    const both = [0, 3].map((overdue) => reading(1_000, metrics(1, 0, overdue)))
    expect(topicLines(both[0]!, both[0]!)).toMatchObject([
      { state: 'ok', values: { partitions: 2, waiting: 11, overdue: 0 } }
    ])
    expect(topicLines(both[0]!, both[1]!)).toMatchObject([{ state: 'warning' }])
  })

  test('who captures or lands nothing has nothing to be asked for', () => {
    const none = reading(0, '')
    expect([...feedLines(none, none), ...topicLines(none, none)]).toMatchObject([
      { group: 'feeds', state: 'not_configured' },
      { group: 'topics', state: 'not_configured' }
    ])
  })

  test.each([
    ['2026-01-01T00:01:30.000000Z', 'ok', 'fresh: 30.0 s old'],
    ['2026-01-01T00:02:01.000000Z', 'ok', 'fresh: 0.0 s old'],
    ['2026-01-01T00:00:30.000000Z', 'warning', 'old: 90.0 s old'],
    [undefined, 'warning', 'there is no trade of it']
  ])('a newest trade of %s is %s', (newest, state, figure) => {
    expect(symbolLine('BINANCE:BTCUSDT', newest, nowMs)).toMatchObject({ state, figure })
  })
})

test.each([
  ['market.trades', '2026-01-01T00:01:55.000Z', 'ok'],
  ['market.trades', '2026-01-01T00:00:00.000Z', 'warning'],
  ['market.trades', null, 'warning'],
  ['market.gaps', null, 'ok'],
  ['market.reference_data', '2025-01-01T00:00:00.000Z', 'ok']
])('a newest commit to %s of %s is %s', (table, committed, state) => {
  const stats = {
    table_name: table,
    records: 1,
    data_files: 1,
    bytes: 1,
    snapshot_id: '1',
    committed_at: committed
  }
  expect(tableLine(stats, '1', { config: readConfig({}, []) }, nowMs)).toMatchObject({ state })
})

test.each([
  ['20.19.0', '20.19.0', false],
  ['20.18.9', '20.19.0', true],
  ['22.0.0', '20.19.0', false],
  ['3.9.9', '20.19.0', true]
])('%s is older than %s: %s', (version, than, older) => {
  expect(isOlder(version, than)).toBe(older)
})

describe('the command', () => {
  test('without a K2 it says how to start one, checks the machine, and ends with 2', async () => {
    const { code, printed } = await k2('check', '--url', 'http://127.0.0.1:1', '--json')
    const { isRunning, checks } = JSON.parse(printed) as {
      readonly isRunning: boolean
      readonly checks: readonly CheckLine[]
    }
    expect([code, isRunning]).toEqual([2, false])
    const named = (name: string) => checks.find((it) => it.name === name)
    expect(named('K2')).toMatchObject({ state: 'failed', remedy: expect.stringContaining('npm') })
    expect(named('Node')).toMatchObject({ state: 'ok' })
    expect(named('disk')?.values?.['freeBytes']).toBeGreaterThan(0)
  })

  test('every wrong flag is named with what it may be', async () => {
    const { code, complaints } = await k2('check', '--url', 'ftp://x', '--window', 'soon')
    expect(code).toBe(2)
    expect(complaints).toMatch(/--url is "ftp:\/\/x", but must be/)
    expect(complaints).toMatch(/--window is "soon", but must be/)
    expect((await k2('check', '--urll', 'x')).complaints).toContain('did you mean --url?')
  })
})
