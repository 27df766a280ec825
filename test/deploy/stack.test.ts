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
import { openStack, type Stack } from '../../deploy/local/stack.ts'

const areServicesRequired = process.env['K2_REQUIRE_SERVICES'] === '1'
const installMsMax = 900_000

const portOfBootstrap = (bootstrap: string) => Number(bootstrap.split(':')[1])

describe.skipIf(!areServicesRequired)('a stack', () => {
  let stack: Stack

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'k2-stack-'))
    stack = await openStack({ folder })
  }, installMsMax)

  afterAll(async () => stack.destroy())

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
    expect(await readBrokerIds(port)).toEqual([1])
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
