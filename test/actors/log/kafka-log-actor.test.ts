/** Against a real broker and registry: what the actor of the log serves, and what it refuses. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Stack } from '../../../deploy/local/stack.ts'
import { logProgram } from '../../../src/actors/log/log-actor.ts'
import { CurrentActor } from '../../../src/actors/resource-registry.ts'
import { makeShared, type Shared } from '../../../src/actors/shared.ts'
import { openTable } from '../../../src/actors/storage/data-folder.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { PackedRecordsBuilder } from '../../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { readIndependently } from '../../support/kafka/independent-client.ts'
import {
  areServicesRequired,
  serviceStartMsMax,
  startKafka
} from '../../support/kafka/kafka-stack.ts'
import { trade } from '../../support/trades.ts'

const tradeCodec = makeRecordCodec<TradeV2>(tradeV2Schema)

describe.skipIf(!areServicesRequired)('the actor of the log, with Kafka', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startKafka({ services: ['kafka', 'registry'] })
  }, serviceStartMsMax)

  afterAll(async () => stack.destroy())

  const newShared = (settings: Readonly<Record<string, string>> = {}) => {
    const root = mkdtempSync(join(tmpdir(), 'k2-kafka-actor-'))
    onTestFinished(() => rmSync(root, { recursive: true, force: true }))
    const config = readConfig(
      {
        K2_DATA_DIR: root,
        K2_KAFKA_BOOTSTRAP_SERVERS: stack.addresses.kafkaBootstrap,
        K2_KAFKA_SCHEMA_REGISTRY_URL: stack.addresses.registryUrl,
        ...settings
      },
      []
    )
    const lines: string[] = []
    const write = (line: string) => lines.push(line)
    const telemetry = makeTelemetry({ level: 'info', nowMs: Date.now, write })
    return { lines, shared: makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID }) }
  }

  /** Runs the actor's program beside the work, by default with tables that are there. */
  const beside = <A>(
    shared: Shared,
    work: Effect.Effect<A, { readonly message: string }>,
    tables = shared.pipelines
  ) =>
    Effect.runPromise(
      Effect.gen(function* () {
        for (const { spec, table } of tables) {
          const context = { ...shared, storage: {}, snapshotsMax: 10, observe: () => undefined }
          yield* table.serve(yield* openTable(spec, context))
        }
        const commands = yield* Queue.unbounded<{ readonly type: string }>()
        const program = logProgram(shared)({
          input: undefined,
          path: 'log',
          commands,
          notifyParent: () => undefined,
          ready: () => undefined,
          reportStatus: () => undefined
        })
        return yield* Effect.raceFirst(
          Effect.andThen(program, Effect.die('the program has ended')),
          work
        )
      }).pipe(
        Effect.scoped,
        Effect.provideService(CurrentActor, {
          path: 'log',
          register: () => ({ release: () => undefined, leak: () => undefined })
        })
      )
    )

  const packed = () => {
    const builder = new PackedRecordsBuilder()
    builder.add('BTCUSDT', tradeCodec.encode(trade('BTCUSDT', 1)))
    return builder.take(tradeCodec.fingerprint)
  }

  const independent = (topic: string) => ({
    topic,
    schema: JSON.stringify(tradeV2Schema),
    client: { 'bootstrap.servers': stack.addresses.kafkaBootstrap },
    registry: { url: stack.addresses.registryUrl }
  })

  test('it serves a log whose records everybody can read', async () => {
    const { shared, lines } = newShared()
    const { topic } = shared.trades
    await beside(
      shared,
      Effect.flatMap(shared.log.get, (log) => {
        expect([...log.topics.keys()]).toEqual(shared.captured.map((each) => each.topic))
        expect(log.faults).toEqual([])
        const partition = partitionOf('BTCUSDT', log.topics.get(topic)!)
        return log.append(topic, partition, packed())
      })
    )
    const messages = readIndependently<{ readonly message_id: string }>(independent(topic))
    expect(messages.map(({ value }) => value.message_id)).toEqual(['BINANCE:BTCUSDT:1'])
    expect(lines.filter((line) => line.includes('schema.registered'))).toHaveLength(4)
  })

  test('it starts while the tables are away, and takes records (R14)', async () => {
    const { shared, lines } = newShared()
    const { topic } = shared.trades
    const appended = await beside(
      shared,
      Effect.flatMap(shared.log.get, (log) => {
        const partition = partitionOf('BTCUSDT', log.topics.get(topic)!)
        return log.append(topic, partition, packed())
      }),
      []
    )
    expect(appended.baseOffset).toBeGreaterThanOrEqual(0)
    expect(lines.filter((line) => line.includes('log.table_unread'))).toHaveLength(4)
  })

  test('a schema that the registry refuses ends it by name (R52)', async () => {
    const { shared } = newShared({ K2_FEEDS: 'binance' })
    const subject = `${shared.trades.topic}-value`
    const fields = tradeV2Schema.fields.filter(({ name }) => name !== 'symbol')
    const send = (method: string, path: string, body: object) =>
      fetch(`${stack.addresses.registryUrl}${path}`, {
        method,
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify(body)
      })
    const schema = JSON.stringify({ ...tradeV2Schema, fields })
    await send('POST', `/subjects/${subject}/versions`, { schema })
    await send('PUT', `/config/${subject}`, { compatibility: 'BACKWARD' })
    await expect(beside(shared, Effect.never)).rejects.toThrow(
      `subject ${subject} of the schema registry refuses this version's schema`
    )
  })

  test('a file of topics that is not there ends it by name', async () => {
    const { shared } = newShared({ K2_KAFKA_TOPICS_FILE: '/no/such/topics.json' })
    await expect(beside(shared, Effect.never)).rejects.toThrow('/no/such/topics.json: ENOENT')
  })

  test('it starts while the registry is down, and what needs an id waits (R42)', async () => {
    const { shared, lines } = newShared({
      K2_KAFKA_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1'
    })
    const { topic } = shared.trades
    const append = Effect.flatMap(shared.log.get, (log) => log.append(topic, 0, packed()))
    await expect(beside(shared, append)).rejects.toThrow(
      `${topic}-0: the log is unavailable: the schema registry is unavailable: http://127.0.0.1:1`
    )
    expect(lines.join('')).toContain('registry.unavailable')
  })
})
