/** What `k2 check` says of dashboards, alerts and the compose file. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { asker, type CheckContext } from '../../../src/cli/check/check-context.ts'
import { composeLine, containerLines } from '../../../src/cli/check/compose-checks.ts'
import { parseEnv } from '../../../src/cli/check/compose-file.ts'
import {
  alertChecks,
  alertLines,
  dashboardChecks
} from '../../../src/cli/check/monitoring-checks.ts'
import { namesIn, unknownNames } from '../../../src/cli/check/monitoring-files.ts'
import { stackChecks, topicLine } from '../../../src/cli/check/stack-checks.ts'
import { readText } from '../../deploy/deploy-files.ts'

const config = readConfig({}, [])
const context: CheckContext = {
  config,
  projectRoot: fileURLToPath(new URL('../../..', import.meta.url)),
  url: 'http://127.0.0.1:1',
  isRunning: false,
  prometheusUrl: undefined,
  grafanaUrl: undefined,
  windowMs: 100,
  stack: undefined,
  ask: asker('http://127.0.0.1:1', config)
}

const served = async (answers: Readonly<Record<string, unknown>>): Promise<string> => {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? '']
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('dashboards and alerts', () => {
  test('names of an expression: metrics, parts of histograms, rules that record', () => {
    const expr =
      'topic:k2_landing_lag_records:max > 0 unless on (x) k2_a{topic="k2_no"} + rate(k2_b_sum[5m])'
    expect(namesIn(expr).filter((name) => name !== 'k2_no')).toEqual([
      'topic:k2_landing_lag_records:max',
      'k2_a',
      'k2_b_sum'
    ])
    expect(unknownNames(['k2_a + k2_b', 'k2_b'], new Set(['k2_a']))).toEqual(['k2_b'])
  })

  test('those of the repository ask for what is declared; who asks for more fails', async () => {
    const boards = await dashboardChecks(context)
    expect(boards.filter(({ state }) => state === 'ok').length).toBeGreaterThan(5)
    const alerts = await alertChecks(context)
    expect(alerts.filter(({ state }) => state === 'ok').length).toBeGreaterThan(40)
    for (const { state, name } of [...boards, ...alerts])
      if (state !== 'ok') expect(['Grafana', 'Prometheus']).toContain(name)
    const rule = { file: 'a.yml', alert: 'A', expr: 'k2_no_such_metric > 0' }
    expect(alertLines([rule], undefined)).toMatchObject([{ name: 'A', state: 'failed' }])
  })

  test.each([
    [[], 'failed', 'not loaded'],
    [[{ health: 'err', lastError: 'x' }], 'failed', 'cannot be evaluated: x'],
    [[{ health: 'ok', state: 'firing' }], 'warning', 'firing'],
    [[{ health: 'unknown', state: 'inactive' }], 'ok', 'not evaluated yet'],
    [[{ health: 'ok', state: 'inactive' }], 'ok', 'inactive']
  ])('a rule that Prometheus has as %j is %s', (found, state, figure) => {
    const rule = { file: 'a.yml', alert: 'A', expr: 'up > 0' }
    const loaded = found.map((it) => ({ name: 'A', type: 'alerting', ...it }))
    expect(alertLines([rule], loaded)).toMatchObject([{ state, figure }])
  })

  test('a Prometheus that is asked, and one that scrapes no K2', async () => {
    const prometheusUrl = await served({
      '/api/v1/rules': {
        data: { groups: [{ rules: [{ name: 'K2Degraded', type: 'alerting', health: 'ok' }] }] }
      },
      '/api/v1/targets?state=active': {
        data: { activeTargets: [{ labels: { job: 'k2' }, health: 'down', lastError: 'refused' }] }
      }
    })
    const lines = await alertChecks({ ...context, prometheusUrl })
    const named = (name: string) => lines.find((it) => it.name === name)
    expect(named('Prometheus')).toMatchObject({ state: 'ok', values: { rules: 1 } })
    expect(named('scraped K2')).toMatchObject({ state: 'warning', figure: '0 of 1 up: refused' })
    expect(named('K2Degraded')).toMatchObject({ state: 'ok' })
    expect(named('K2DeadLetters')).toMatchObject({ state: 'failed', figure: 'not loaded' })
  })

  test.each([
    [{ '/api/health': { database: 'ok', version: '12.2.0' } }, 'ok'],
    [{ '/api/health': { database: 'failing' } }, 'failed'],
    [{}, 'failed']
  ])('a Grafana that answers %j is %s', async (answers, state) => {
    const lines = await dashboardChecks({ ...context, grafanaUrl: await served(answers) })
    expect(lines.find(({ name }) => name === 'Grafana')).toMatchObject({ state })
  })
})

describe('the compose file', () => {
  const text = readText('deploy/docker-compose.yml')
  const example = Object.fromEntries(parseEnv(readText('deploy/.env.example'), '.env'))

  test('that of the repository is well, also before somebody filled in .env', () => {
    const found = composeLine(text, { values: example, isOwn: false })
    expect(found).toMatchObject({ state: 'ok', values: { services: 11 } })
  })

  test.each([
    ['K2_FEEDS:', 'K2_FEDS:', /K2_FEDS is not a setting of K2; did you mean K2_FEEDS\?/],
    ['minio-data:/data', 'gone:/data', /minio has the volume gone, which is not declared/],
    ['postgres: { condition', 'posgres: { condition', /iceberg-rest waits for posgres/],
    ['image: grafana/', 'imag: grafana/', /grafana has no image/],
    ['name: k2', 'name: [k2', /./]
  ])('%s in place of %s is told', (from, to, fault) => {
    expect(text).toContain(from)
    const found = composeLine(text.replace(from, to), { values: example, isOwn: false })
    expect(found.state).toBe('failed')
    expect(found.figure).toMatch(fault)
  })

  test('what .env lacks is named', () => {
    expect(composeLine(text, { values: example, isOwn: true })).toMatchObject({
      state: 'failed',
      figure: 'deploy/.env has no value for K2_API_KEYS'
    })
  })

  test.each([
    ['{"Service":"k2","State":"running","Health":"healthy"}', 'ok', 'running healthy'],
    ['[{"Service":"k2","State":"running","Health":""}]', 'ok', 'running'],
    ['{"Service":"k2","State":"running","Health":"starting"}', 'warning', 'running starting'],
    ['{"Service":"k2","State":"running","Health":"unhealthy"}', 'failed', 'running unhealthy'],
    ['{"Service":"minio-init","State":"exited","ExitCode":0}', 'ok', 'exited with code 0'],
    ['{"Service":"k2","State":"exited","ExitCode":1}', 'failed', 'exited with code 1']
  ])('a container %s is %s', (stdout, state, figure) => {
    expect(containerLines(`${stdout}\n`)).toMatchObject([{ state, figure }])
  })
})

describe('the stack', () => {
  const topic = 'market.crypto.trades.simulated'

  test.each([
    [4, ['partitions is 4, declared is 8'], true, 'warning'],
    [4, [], true, 'ok'],
    [0, [], true, 'failed'],
    [0, [], false, 'not_configured']
  ])('a topic of %s partitions with %j, of the settings %s: %s', (...of) => {
    const [partitions, differences, isOwn, state] = of
    const survey = { topic, partitions, records: 7, differences }
    expect(topicLine(survey, isOwn)).toMatchObject({ name: topic, state })
  })

  test('without settings and stack, what is embedded is told', async () => {
    const lines = await stackChecks(context)
    expect(lines.map(({ name }) => name)).toContain('Kafka')
    expect(new Set(lines.map(({ state }) => state))).toEqual(new Set(['not_configured']))
  })

  test('services that the settings name and that do not answer have failed', async () => {
    const gone = 'http://127.0.0.1:1'
    const flags = [`--iceberg-catalog-uri=${gone}`, '--kafka-bootstrap-servers=127.0.0.1:1']
    const lines = await stackChecks({ ...context, config: readConfig({}, flags) })
    const stateOf = (name: string) => lines.find((it) => it.name === name)?.state
    expect(['Kafka', 'Iceberg catalog', 'S3'].map(stateOf)).toEqual([
      'failed',
      'failed',
      'not_configured'
    ])
  })

  test('processes of a stack, and services of it that answer', async () => {
    const url = await served({ '/v1/config': {}, '/subjects': ['a-value', 'b-value'], '/': {} })
    const addresses = {
      kafkaBootstrap: '127.0.0.1:1',
      registryUrl: url,
      catalogUri: url,
      prometheusUrl: url,
      s3: { endpoint: url },
      postgres: { host: '127.0.0.1', port: 1 }
    }
    const services = ['registry', 'catalog', 's3'].map((name) => ({
      name,
      condition: 'running',
      pid: 7
    }))
    const stopped = { name: 'kafka-1', condition: 'not started' }
    const stack = { addresses, services: [...services, stopped] }
    const lines = await stackChecks({ ...context, stack })
    const named = (name: string) => lines.find((it) => it.name === name)
    expect(named('process kafka-1')).toMatchObject({ state: 'not_configured' })
    expect(named('process s3')).toMatchObject({ state: 'ok' })
    expect(named('schema registry')?.figure).toMatch(/answers 200 in \d+ ms, 2 subjects/)
    expect(['Iceberg catalog', 'S3'].map((name) => named(name)?.state)).toEqual(['ok', 'ok'])
    const absent = { ...stack, addresses: { ...addresses, catalogUri: 'http://127.0.0.1:1' } }
    const broken = await stackChecks({ ...context, stack: absent })
    expect(broken.find(({ name }) => name === 'Iceberg catalog')).toMatchObject({
      state: 'failed',
      remedy: 'npm run stack -- restart catalog'
    })
  })
})
