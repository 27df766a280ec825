/**
 * Real services, for machines that are required to have them (`K2_REQUIRE_SERVICES=1`): installing
 * them takes minutes the first time.
 */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readBrokerIds } from '../../deploy/local/services/kafka-metadata.ts'
import { requestS3 } from '../../deploy/local/services/s3-request.ts'
import { findStack, openStack, type Stack } from '../../deploy/local/stack.ts'

const areServicesRequired = process.env['K2_REQUIRE_SERVICES'] === '1'
const installMsMax = 900_000

const portOfBootstrap = (bootstrap: string) => Number(bootstrap.split(':')[1])

describe.skipIf(!areServicesRequired)('a stack', () => {
  let folder = ''
  let stack: Stack

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k2-stack-'))
    stack = await openStack({ folder })
  }, installMsMax)

  afterAll(async () => {
    // Also when the start has failed: then there is no stack, but what it left.
    await (await findStack(folder))?.destroy()
  })

  test('Kafka is killed and comes back as the same broker', async () => {
    const kafka = stack.service('kafka')
    const port = portOfBootstrap(stack.addresses.kafkaBootstrap)
    const pidBefore = await kafka.pid()
    expect(await readBrokerIds(port)).toEqual([1])
    await kafka.kill()
    expect(await kafka.condition()).toBe('ended')
    await expect(readBrokerIds(port)).rejects.toThrow('ECONNREFUSED')
    await kafka.start()
    expect(await readBrokerIds(port)).toEqual([1])
    expect(await kafka.pid()).not.toBe(pidBefore)
  })

  test('a paused broker answers nobody until it is resumed', async () => {
    const kafka = stack.service('kafka')
    const port = portOfBootstrap(stack.addresses.kafkaBootstrap)
    await kafka.pause()
    expect(await kafka.condition()).toBe('paused')
    await expect(kafka.start()).rejects.toThrow('kafka is paused: resume it')
    await expect(readBrokerIds(port)).rejects.toThrow('silent')
    await kafka.resume()
    // A broker that was away for long is in nobody's list until its next heartbeat was heard.
    await expect.poll(() => readBrokerIds(port)).toEqual([1])
  })

  test('S3 keeps what is there from a conditional put, and lists it', async () => {
    const { s3 } = stack.addresses
    const path = `/${s3.bucket}/folder/object`
    const put = async (body: string) =>
      requestS3(s3, { method: 'PUT', path, body, headers: { 'if-none-match': '*' } })
    expect((await put('first')).status).toBe(200)
    expect((await put('second')).status).toBe(412)
    expect(await requestS3(s3, { method: 'GET', path })).toEqual({ status: 200, text: 'first' })
    const query = { 'list-type': '2', prefix: 'folder/' }
    const listed = await requestS3(s3, { method: 'GET', path: `/${s3.bucket}`, query })
    expect(listed.text).toContain('<Key>folder/object</Key>')
    await stack.service('s3').kill()
    await stack.service('s3').start()
    expect((await put('third')).status).toBe(412)
  })

  test('the REST catalog keeps a table in S3 and its place in PostgreSQL', async () => {
    const { catalogUri, s3 } = stack.addresses
    await postJson(`${catalogUri}/v1/namespaces`, { namespace: ['market'] })
    const made = await postJson(`${catalogUri}/v1/namespaces/market/tables`, {
      name: 'ticks',
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [{ id: 1, name: 'price', type: 'string', required: true }]
      }
    })
    const location = String(made['metadata-location'])
    expect(location).toMatch(new RegExp(`^s3://${s3.bucket}/tables/market/ticks/metadata/`))
    const path = location.slice('s3:/'.length)
    expect((await requestS3(s3, { method: 'GET', path })).text).toContain('"format-version":2')
    for (const name of ['catalog', 'postgres']) await stack.service(name).kill()
    for (const name of ['postgres', 'catalog']) await stack.service(name).start()
    const read = await getJson(`${catalogUri}/v1/namespaces/market/tables/ticks`)
    expect(read['metadata-location']).toBe(location)
  })

  test('the schema registry refuses what readers could not read, as asked', async () => {
    const { registryUrl } = stack.addresses
    const versions = `${registryUrl}/subjects/ticks-value/versions`
    const { id } = await postJson(versions, { schema: recordOf(price) })
    expect(await getJson(`${registryUrl}/schemas/ids/${String(id)}`)).toMatchObject({
      schema: recordOf(price)
    })
    const level = { compatibility: 'BACKWARD' }
    await sendJson('PUT', `${registryUrl}/config/ticks-value`, level)
    const incompatible = { schema: recordOf(price, { name: 'size', type: 'long' }) }
    const check = `${registryUrl}/compatibility/subjects/ticks-value/versions/latest`
    expect(await postJson(check, incompatible)).toEqual({ is_compatible: false })
    expect((await sendJson('POST', versions, incompatible)).status).toBe(409)
    await stack.service('registry').kill()
    await stack.service('registry').start()
    expect(await getJson(versions)).toEqual([1])
  })

  test('Prometheus asks K2 for its metrics', async () => {
    const { prometheusUrl } = stack.addresses
    const targets = await getJson(`${prometheusUrl}/api/v1/targets`)
    expect(JSON.stringify(targets)).toContain('http://127.0.0.1:8000/metrics')
  })

  test('opened again it is the same stack, with nothing started anew', async () => {
    const pid = await stack.service('kafka').pid()
    const again = await openStack({ folder: stack.folder })
    expect(again.addresses).toEqual(stack.addresses)
    expect(await again.service('kafka').pid()).toBe(pid)
    await expect(openStack({ folder: stack.folder, kafka: { sasl: true } })).rejects.toThrow(
      /kafka.* run in .* with other settings: bring the stack down first/
    )
  })
})

const price = { name: 'price', type: 'string' }

const recordOf = (...fields: readonly unknown[]): string =>
  JSON.stringify({ type: 'record', name: 'Tick', fields })

const sendJson = async (method: 'POST' | 'PUT', url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

type Json = Readonly<Record<string, unknown>>

const postJson = async (url: string, body: unknown): Promise<Json> => {
  const response = await sendJson('POST', url, body)
  expect(response.status).toBe(200)
  return (await response.json()) as Json
}

const getJson = async (url: string): Promise<Json> => {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  return (await response.json()) as Json
}
