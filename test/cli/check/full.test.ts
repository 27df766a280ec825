/** `k2 check --full` against a K2 that runs, and what it says where something is not so. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Config, readConfig } from '../../../src/adapters/config/config.ts'
import { apiChecks } from '../../../src/cli/check/api-checks.ts'
import { apiRequests } from '../../../src/cli/check/api-requests.ts'
import { backupChecks } from '../../../src/cli/check/backup-checks.ts'
import { asker, type CheckContext } from '../../../src/cli/check/check-context.ts'
import type { CheckReport } from '../../../src/cli/check/check-report.ts'
import type { ApiDocument } from '../../../src/cli/check/conformance.ts'
import { doctorLine } from '../../../src/cli/check/doctor-checks.ts'
import { recordChecks, rowsLine } from '../../../src/cli/check/record-checks.ts'
import { checklist } from '../../../src/cli/checklist/checklist-items.ts'
import { validateDemo } from '../../../src/cli/demo-mode/validate-demo.ts'
import { k2 } from '../../support/k2-command.ts'
import { k2Fixture } from '../../support/k2-process.ts'
import { land } from '../../support/landed-folder.ts'
import { trade } from '../../support/trades.ts'

const k2s = k2Fixture()
const runMsMax = 240_000

const reportOf = async (...args: readonly string[]) => {
  const { code, printed } = await k2('check', '--json', '--window', '500ms', ...args)
  return { code, report: JSON.parse(printed) as CheckReport }
}

const contextOf = (config: Config, url: string): CheckContext => ({
  config,
  projectRoot: '.',
  url,
  isRunning: true,
  prometheusUrl: undefined,
  grafanaUrl: undefined,
  windowMs: 100,
  stack: undefined,
  ask: asker(url, config)
})

test(
  'of a K2 that runs nothing has failed, and each figure is there',
  async () => {
    const folder = k2s.dataFolder()
    const running = k2s.start({ K2_DATA_DIR: folder, K2_COMMIT_AGE: '200ms' })
    const url = await running.ready()
    for (const type of ['trades', 'quotes', 'reference_data'])
      await running.atLeast('k2_landed_records', 1, { topic: `market.crypto.${type}.simulated` })
    const { code, report } = await reportOf('--full', '--url', url, '--data-dir', folder)
    const failed = report.checks.filter(({ state }) => state === 'failed')
    expect(failed).toEqual([])
    expect([code, report.ok, report.isRunning]).toEqual([0, true, true])
    const named = (name: string, group?: string) =>
      report.checks.find((it) => it.name === name && (group ?? it.group) === it.group)
    expect(named('feed:simulated')?.values?.['tradesPerSecond']).toBeGreaterThan(0)
    expect(named('market.trades')?.values?.['rows']).toBeGreaterThan(0)
    expect(named('GET /v1/trades')).toMatchObject({ state: 'ok', values: { status: 200 } })
    expect(named('POST /v1/system/drain')).toMatchObject({ state: 'not_configured' })
    expect(named('conservation', 'records')?.values?.['equations']).toBeGreaterThan(10)
    expect(named('rows of the files')?.values?.['rows']).toBeGreaterThan(0)
    expect(named('doctor of market.trades')).toMatchObject({ state: 'ok' })
    for (const { state, remedy, name } of report.checks)
      expect([name, remedy !== undefined]).toEqual([
        name,
        state === 'warning' || state === 'failed'
      ])
    // Each item of the checklist that is executed finds what it is judged by.
    const ask = asker(url, readConfig({}, []))
    const lines = [...report.checks, ...(await validateDemo(ask))]
    const blind = checklist
      .flatMap(({ items }) => items)
      .filter((it) => it.kind === 'executed' && !lines.some(it.holds))
    expect(blind).toEqual([])
    // The folder of another K2 has other snapshots: that is told, and nothing is compared.
    const elsewhere = k2s.dataFolder()
    await land(elsewhere, [trade('BTCUSDT', 1)])
    const config = readConfig({}, ['--data-dir', elsewhere])
    const mixed = await recordChecks(contextOf(config, url))
    expect(mixed).toContainEqual(
      expect.objectContaining({
        name: 'rows against the folder',
        state: 'warning',
        remedy: expect.stringContaining('--data-dir')
      })
    )
  },
  runMsMax
)

describe('rows', () => {
  const answer = (text: string, status = 200) => ({ status, text, headers: new Headers(), ms: 1 })

  test.each([
    ['h\na,1.10\n', 'h\na,1.10\n', 'ok', '1 row the same, digit by digit'],
    ['h\na,1.10\n', 'h\na,1.1\n', 'failed', 'row 1 is a,1.10, in the folder a,1.1'],
    ['h\na\n', 'h\na\nb\n', 'failed', 'row 2 is absent, in the folder b'],
    ['h\na\nb\n', 'h\na\n', 'failed', 'row 2 is b, in the folder absent']
  ])('%j against %j', (served, kept, state, figure) => {
    expect(rowsLine('x', answer(served), answer(kept))).toMatchObject({ state, figure })
  })

  test('an answer that is none is a failure', () => {
    expect(rowsLine('x', answer('h', 503), answer('h'))).toMatchObject({ state: 'failed' })
  })
})

test('requests have what the table has, and leave out what changes something', () => {
  const parameter = (name: string, place: 'query' | 'path', required = false) => ({
    name,
    in: place,
    required,
    schema: { examples: ['example'] }
  })
  const operation = (...parameters: readonly ReturnType<typeof parameter>[]) => ({
    operationId: 'x',
    parameters,
    responses: {}
  })
  const schema = { properties: { symbols: {}, start_time: {}, sql: {} }, required: ['sql'] }
  const content = { 'application/json': { schema } }
  const document: ApiDocument = {
    components: { headers: {}, schemas: {} },
    paths: {
      '/v1/summary/{symbol}/{date}': {
        get: operation(parameter('symbol', 'path'), parameter('date', 'path'))
      },
      '/v1/trades': {
        get: operation(
          parameter('limit', 'query'),
          parameter('cursor', 'query'),
          parameter('snapshot_id', 'query'),
          parameter('interval', 'query', true)
        )
      },
      '/v1/sql': { post: { ...operation(), requestBody: { required: true, content } } },
      '/v1/system/drain': { post: operation() }
    }
  }
  const facts = {
    symbol: 'BTC-USD',
    exchange: 'BINANCE',
    newest: '2026-01-02T03:04:05.000000Z',
    snapshotId: '7'
  }
  const requests = apiRequests(document, facts)
  expect(requests.map(({ method, url }) => [method, url])).toEqual([
    ['GET', '/v1/summary/BTC-USD/2026-01-02'],
    ['GET', '/v1/trades?limit=5&interval=example'],
    ['POST', '/v1/sql'],
    ['POST', undefined]
  ])
  expect(requests[2]?.init?.body).toBe('{"symbols":["BTC-USD"]}')
})

test('a route that does not answer fails alone', async () => {
  const responses = { 200: { content: { 'application/json': { schema: {} } } } }
  const operation = { operationId: 'x', parameters: [], responses }
  const paths = { '/silent': { get: operation }, '/well': { get: operation } }
  const trade1 = { symbol: 'BTC-USD', exchange: 'X', timestamp: '2026-01-02T03:04:05.000000Z' }
  const answers: Readonly<Record<string, unknown>> = {
    '/openapi.json': { components: { headers: {}, schemas: {} }, paths },
    '/v1/snapshots?limit=1': { data: [{ snapshot_id: '7' }] },
    '/v1/trades?limit=1&snapshot_id=7': { data: [trade1] },
    '/well': {}
  }
  const url = 'http://127.0.0.1:1'
  const config = readConfig({}, [])
  const lines = await apiChecks({
    ...contextOf(config, url),
    ask: async (path) => {
      if (path === '/silent') return asker(url, config)(path)
      const headers = new Headers({ 'content-type': 'application/json' })
      return { status: 200, text: JSON.stringify(answers[path]), headers, ms: 1 }
    }
  })
  expect(lines.map(({ name, state }) => [name, state])).toEqual([
    ['GET /silent', 'failed'],
    ['GET /well', 'ok']
  ])
  expect(lines[0]).toMatchObject({ remedy: `curl -i '${url}/silent'` })
})

test.each([
  [{ ok: true, rows: 3, files: 1, checks: [{ ok: true, name: 'ids' }] }, 'ok'],
  [{ ok: false, checks: [{ ok: false, name: 'ids' }] }, 'failed'],
  [{ ok: false, couldNotRun: 'there is no data folder' }, 'not_configured']
])('what doctor says as %j is %s', (report, state) => {
  expect(doctorLine('market.trades', report)).toMatchObject({ state })
})

test('backups: what is missing, or empty, has the command that makes it', async () => {
  const projectRoot = mkdtempSync(join(tmpdir(), 'k2-backup-'))
  onTestFinished(() => rmSync(projectRoot, { recursive: true, force: true }))
  const wrong = async () =>
    (await backupChecks({ projectRoot })).flatMap(({ name, state }) =>
      state === 'ok' ? [] : [name]
    )
  expect(await wrong()).toHaveLength(7)
  for (const folder of ['docs', 'backup/screenshots'])
    mkdirSync(join(projectRoot, folder), { recursive: true })
  for (let index = 0; index < 10; index += 1)
    writeFileSync(join(projectRoot, `backup/screenshots/${index}.png`), index === 0 ? '' : 'x')
  for (const file of ['demo.mp4', 'walkthrough.html', 'terminal.cast'])
    writeFileSync(join(projectRoot, 'backup', file), 'x')
  for (const file of ['contingency', 'quick-reference', 'demo-day-checklist'])
    writeFileSync(join(projectRoot, 'docs', `${file}.md`), 'x')
  expect(await wrong()).toEqual(['screenshots'])
  writeFileSync(join(projectRoot, 'backup/screenshots/0.png'), 'x')
  expect(await wrong()).toEqual([])
})
