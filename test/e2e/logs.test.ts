/**
 * The log of a K2 that is given every secret there is, and services that repeat to it whatever it
 * sends: at debug level, no line has one of them; every event is of a component that can be named.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { logComponents } from '../../src/adapters/config/log-values.ts'
import { type K2Process, k2Fixture } from '../support/k2-process.ts'
import { until } from '../support/until.ts'

const k2s = k2Fixture()
const testMsMax = 120_000
const seenMsMax = 60_000

const secrets = {
  apiKey: 'k'.repeat(20) + '0123456789abcdef',
  commandKey: 'c'.repeat(20) + '0123456789abcdef',
  sasl: 'sasl-password-7d1',
  registry: 'registry-password-7d2',
  catalog: 'catalog-secret-7d3',
  s3Key: 's3-access-key-7d4',
  s3Secret: 's3-secret-key-7d5'
}

/** Answers everything with what it was sent, as a refusal. */
const echo = async (): Promise<string> => {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      response.writeHead(401, { 'content-type': 'application/json' })
      const message = JSON.stringify({ ...request.headers, body, url: request.url })
      response.end(JSON.stringify({ error: { message, type: 'Refused', code: 401 }, message }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const askWithKeys = async (url: string): Promise<void> => {
  const { apiKey } = secrets
  for (const [path, headers] of [
    ['/v1/stats', { 'x-api-key': apiKey }],
    ['/v1/stats', { authorization: `Bearer ${apiKey}` }],
    ['/v1/stats', { authorization: `Bearer wrong-${apiKey}` }],
    [`/v1/trades?api_key=${apiKey}`, {}],
    [`/nowhere/${apiKey}?key=${apiKey}`, { 'x-api-key': apiKey, 'x-correlation-id': apiKey }]
  ] as const) {
    await fetch(`${url}${path}`, { headers }).then((response) => response.text())
  }
}

const expectClean = (k2: K2Process): void => {
  const output = k2.stdout + k2.stderr
  for (const [name, text] of Object.entries(secrets)) {
    expect(output.includes(text) ? `${name} is in the log` : '').toBe('')
  }
  const components = k2.log.map(({ event }) => event.split('.')[0] ?? '')
  expect(components.length).toBeGreaterThan(10)
  expect([...new Set(components)].filter((it) => !logComponents.has(it))).toEqual([])
}

test(
  'no secret is in it, whatever services answer',
  async () => {
    const service = await echo()
    const k2 = k2s.start({
      K2_DATA_DIR: k2s.dataFolder(),
      K2_LOG_LEVEL: 'debug',
      K2_LOG_REPEATS: 'off',
      K2_API_KEYS: secrets.apiKey,
      K2_API_KEY: secrets.commandKey,
      K2_KAFKA_BOOTSTRAP_SERVERS: new URL(service).host,
      K2_KAFKA_SASL_MECHANISM: 'plain',
      K2_KAFKA_SASL_USERNAME: 'k2',
      K2_KAFKA_SASL_PASSWORD: secrets.sasl,
      K2_KAFKA_SCHEMA_REGISTRY_URL: service,
      K2_KAFKA_SCHEMA_REGISTRY_USERNAME: 'k2',
      K2_KAFKA_SCHEMA_REGISTRY_PASSWORD: secrets.registry,
      K2_ICEBERG_CATALOG_URI: service,
      K2_ICEBERG_CATALOG_CREDENTIAL: `client:${secrets.catalog}`,
      K2_ICEBERG_S3_ENDPOINT: service,
      K2_ICEBERG_S3_ACCESS_KEY_ID: secrets.s3Key,
      K2_ICEBERG_S3_SECRET_ACCESS_KEY: secrets.s3Secret
    })
    await askWithKeys(await k2.url())
    const waits = () => k2.log.filter(({ event }) => event === 'actor.waiting').length >= 3
    await until(() => waits() || undefined, { what: 'waits', msMax: seenMsMax })
    expectClean(k2)
  },
  testMsMax
)

test(
  'levels by component: one that says more than the others',
  async () => {
    const k2 = k2s.start({ K2_DATA_DIR: k2s.dataFolder(), K2_LOG_LEVEL: 'warn,commit=debug' })
    const landed = () => k2.log.some(({ event }) => event === 'commit.landed')
    await until(() => landed() || undefined, { what: 'a commit', msMax: seenMsMax })
    const others = k2.log.filter(({ event }) => !event.startsWith('commit.'))
    expect(others.filter(({ level }) => level === 'debug' || level === 'info')).toEqual([])
    expect(new Set(k2.log.map(({ event }) => event))).toContain('commit.landed')
  },
  testMsMax
)
