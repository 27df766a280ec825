/** Against a real broker and a real schema registry: Confluent's wire format, both ways. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Stack } from '../../../../deploy/local/stack.ts'
import { makeKafka } from '../../../../src/adapters/log/kafka/kafka-client.ts'
import { openFrame } from '../../../../src/adapters/log/kafka/wire-format.ts'
import { makeRecordCodec } from '../../../../src/adapters/schema/record-codec.ts'
import {
  openSchemaRegistry,
  type SchemaRegistryEvent
} from '../../../../src/adapters/schema/schema-registry.ts'
import { tradeV2Schema } from '../../../../src/market/records/trade-v2.ts'
import {
  readIndependently,
  writeIndependently
} from '../../../support/kafka/independent-client.ts'
import {
  areServicesRequired,
  serviceStartMsMax,
  startKafka
} from '../../../support/kafka/kafka-stack.ts'
import { trade } from '../../../support/trades.ts'
import {
  newTopic,
  openLog,
  packTrades,
  partitionFor,
  tradeCodec,
  tradeSchema
} from './kafka-log-support.ts'

const written = { text: tradeSchema, fingerprint: tradeCodec.fingerprint }

describe.skipIf(!areServicesRequired)('the event log in Kafka with a schema registry', () => {
  let stack: Stack
  let bootstrap: string

  beforeAll(async () => {
    stack = await startKafka({ services: ['kafka', 'registry'] })
    bootstrap = stack.addresses.kafkaBootstrap
  }, serviceStartMsMax)

  afterAll(async () => stack.destroy())

  const newCacheFile = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'k2-schemas-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    return join(folder, 'schema-ids.json')
  }

  const openRegistry = async (cacheFile: string) => {
    const events: SchemaRegistryEvent[] = []
    const opening = openSchemaRegistry({
      connection: { urls: [stack.addresses.registryUrl], requestMsMax: 10_000 },
      cacheFile,
      observe: (event) => events.push(event)
    })
    return { events, registry: await Effect.runPromise(opening) }
  }

  /** A log that asks the registry for ids, as the actor of the log has it. */
  const openRegistered = async (topic: string, cacheFile: string) => {
    const { registry, events } = await openRegistry(cacheFile)
    const schemaIdOf = (of: string) => registry.idOf(of, written)
    const { log, close } = await openLog({ bootstrap, topic, options: { schemaIdOf } })
    return { log, close, registry, events }
  }

  const independent = (topic: string) => ({
    topic,
    schema: tradeSchema,
    client: { 'bootstrap.servers': bootstrap },
    registry: { url: stack.addresses.registryUrl }
  })

  const config = async (topic: string): Promise<unknown> => {
    const url = `${stack.addresses.registryUrl}/config/${topic}-value`
    return (await fetch(url)).json()
  }

  test("what was appended is read by Confluent's own deserialiser", async () => {
    const topic = newTopic('registered')
    const { log, events } = await openRegistered(topic, await newCacheFile())
    await Effect.runPromise(log.append(topic, 3, packTrades('BTCUSDT', 1, 50)))
    const messages = readIndependently<Record<string, unknown>>(independent(topic))
    expect(messages.map(({ value }) => value['source_sequence'])).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1)
    )
    expect(messages[6]!.value).toEqual({
      ...trade('BTCUSDT', 7),
      price: '0.07000007',
      quantity: '0.00000001'
    })
    expect(events.map(({ type }) => type)).toEqual(['schema.registered'])
    expect(await config(topic)).toEqual({ compatibilityLevel: 'BACKWARD' })
  })

  test("what Confluent's own serialiser has written is opened and decoded", async () => {
    const topic = newTopic('foreign')
    await openLog({ bootstrap, topic })
    const values = ['BTCUSDT', 'ETHUSDT'].map((symbol, index) => trade(symbol, index + 1))
    const decimals = { price: '1.00000000', quantity: '0.00000001' }
    writeIndependently(
      independent(topic),
      values.map((value) => ({ key: value.symbol, value: { ...value, ...decimals } }))
    )
    const { registry } = await openRegistry(await newCacheFile())
    const connection = { brokers: [bootstrap], clientId: 'test', requestMsMax: 10_000 }
    const consumer = makeKafka(connection, () => undefined).consumer({ groupId: topic })
    const found: unknown[] = []
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        const value = message.value!
        const frame = openFrame(value)
        if (frame.type !== 'registry') throw new Error(`a ${frame.type} frame`)
        const schema = await Effect.runPromise(registry.schemaOf(frame.schemaId))
        const codec = makeRecordCodec(JSON.parse(schema) as object)
        expect(codec.fingerprint).toBe(tradeCodec.fingerprint)
        expect(partition).toBe(partitionFor(message.key!.toString()))
        found.push(codec.decode(value, frame.recordStart, value.length))
      }
    })
    await expect.poll(() => found.length).toBe(2)
    await consumer.disconnect()
    expect(found).toEqual(expect.arrayContaining(values))
  })

  test('a compatible schema gets an id, an incompatible one is refused (R52)', async () => {
    const topic = newTopic('evolved')
    const { registry } = await openRegistry(await newCacheFile())
    const register = (...fields: readonly object[]) => {
      const schema = { ...tradeV2Schema, fields: [...tradeV2Schema.fields, ...fields] }
      const { fingerprint } = makeRecordCodec(schema)
      return registry.register(topic, { text: JSON.stringify(schema), fingerprint })
    }
    const id = await Effect.runPromise(register())
    expect(await Effect.runPromise(register())).toBe(id)
    const optional = { name: 'venue', type: ['null', 'string'], default: null }
    expect(await Effect.runPromise(register(optional))).not.toBe(id)
    const failure = await Effect.runPromise(Effect.flip(register({ name: 'fee', type: 'long' })))
    expect(failure._tag).toBe('SchemaIncompatible')
    expect(failure.message).toContain(`subject ${topic}-value of the schema registry refuses`)
  })

  test('a compatibility that somebody has chosen is kept and reported', async () => {
    const topic = newTopic('chosen')
    await fetch(`${stack.addresses.registryUrl}/config/${topic}-value`, {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ compatibility: 'FULL' })
    })
    const { registry, events } = await openRegistry(await newCacheFile())
    await Effect.runPromise(registry.register(topic, written))
    expect(events.map(({ type }) => type)).toEqual(['compatibility.differs', 'schema.registered'])
    expect(await config(topic)).toEqual({ compatibilityLevel: 'FULL' })
  })

  test('with the registry down, known ids go on and new ones wait (R42)', async () => {
    const known = newTopic('known')
    const unknown = newTopic('unknown')
    const cacheFile = await newCacheFile()
    const before = await openRegistered(known, cacheFile)
    await Effect.runPromise(before.log.append(known, 0, packTrades('BTCUSDT', 1, 1)))
    await before.close()
    const service = stack.service('registry')
    await service.kill()
    const { log } = await openRegistered(known, cacheFile)
    await Effect.runPromise(log.append(known, 0, packTrades('BTCUSDT', 2, 1)))
    const other = await openRegistered(unknown, cacheFile)
    const append = other.log.append(unknown, 0, packTrades('BTCUSDT', 1, 1))
    const failure = await Effect.runPromise(Effect.flip(append))
    expect(failure._tag).toBe('LogUnavailable')
    expect(failure.message).toContain('the schema registry is unavailable')
    await service.start()
    await Effect.runPromise(append)
    const count = (topic: string) => readIndependently(independent(topic)).length
    expect([count(known), count(unknown)]).toEqual([2, 1])
  })
})
