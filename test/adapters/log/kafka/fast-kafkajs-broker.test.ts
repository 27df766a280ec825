/** Record batches that pass by kafkajs, from a real broker, as librdkafka has written them. */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stack } from '../../../../deploy/local/stack.ts'
import { KafkaAdmin } from '../../../../src/adapters/log/kafka/kafka-admin.ts'
import {
  type KafkaReader,
  openKafkaReader
} from '../../../../src/adapters/log/kafka/kafka-reader.ts'
import { openSession } from '../../../../src/adapters/log/kafka/kafka-session.ts'
import { forEachRecord, type LogBatch } from '../../../../src/adapters/log/record-batch.ts'
import { writeIndependently } from '../../../support/kafka/independent-client.ts'
import {
  areServicesRequired,
  serviceStartMsMax,
  startKafka
} from '../../../support/kafka/kafka-stack.ts'
import { trade } from '../../../support/trades.ts'
import { until } from '../../../support/until.ts'
import { newTopic, tradeCodec, tradeSchema } from './kafka-log-support.ts'

const recordCount = 3_000
const schemas = {
  ofId: async () => undefined,
  ofFingerprint: (fingerprint: string) =>
    fingerprint === tradeCodec.fingerprint ? tradeSchema : undefined
}

describe.skipIf(!areServicesRequired)('record batches of a real broker', () => {
  let stack: Stack
  let bootstrap: string

  beforeAll(async () => {
    stack = await startKafka()
    bootstrap = stack.addresses.kafkaBootstrap
    const { kafka, cut } = session('stock')
    // A broker makes the topic of the groups when the first one asks for its coordinator.
    const admin = kafka.admin()
    await admin.connect()
    const ask = () => admin.describeGroups(['first'])
    await until(() => ask().then(() => true, () => undefined), {
      what: 'a coordinator',
      msMax: 60_000
    })
    cut()
  }, serviceStartMsMax)

  afterAll(async () => stack.destroy())

  const session = (encoder: 'fast' | 'stock') =>
    openSession(
      { brokers: [bootstrap], clientId: 'test', requestMsMax: 10_000, encoder },
      () => undefined
    )

  const withAdmin = <A>(work: (admin: KafkaAdmin) => Promise<A>): Promise<A> => {
    const admin = new KafkaAdmin(() => session('stock'), 10_000)
    return work(admin).finally(() => admin.close())
  }

  /** Of a topic with one partition, all of it. */
  const readAll = (topic: string, encoder: 'fast' | 'stock'): Promise<readonly LogBatch[]> =>
    withAdmin((admin) =>
      Effect.runPromise(
        openKafkaReader({
          topic,
          groupId: randomUUID(),
          isCompacted: false,
          openSession: () => session(encoder),
          admin,
          schemas,
          monotonicMs: () => performance.now(),
          observe: () => undefined
        }).pipe(
          Effect.flatMap((reader) => drain(reader, topic)),
          Effect.scoped
        )
      )
    )

  test.each(['none', 'gzip', 'lz4', 'zstd'])(
    'compressed with %s they give what messages give',
    async (compression) => {
      const topic = newTopic(compression)
      // As producers compress them.
      await withAdmin((admin) =>
        Effect.runPromise(
          admin.createTopic({ topic, partitions: 1, replication: 1, settings: {} })
        )
      )
      const client = {
        'bootstrap.servers': bootstrap,
        'compression.type': compression,
        'linger.ms': '20'
      }
      const written = Array.from({ length: recordCount }, (_, id) => ({
        ...trade(id % 3 === 0 ? 'BTCUSDT' : 'ETHUSDT', id),
        price: '1.00000000',
        quantity: '0.00000001'
      }))
      const messages = written.map((value) => ({ key: value.symbol, value }))
      writeIndependently({ topic, schema: tradeSchema, client }, messages)
      const fast = recordsIn(await readAll(topic, 'fast'))
      expect(fast.map(({ offset }) => offset)).toEqual(written.map((_, offset) => offset))
      expect(fast.map(({ id, key }) => `${key} ${id}`)).toEqual(
        written.map((it) => `${it.symbol} ${it.source_sequence}`)
      )
      expect(recordsIn(await readAll(topic, 'stock'))).toEqual(fast)
    }
  )
})

const drain = (
  reader: KafkaReader,
  topic: string
): Effect.Effect<readonly LogBatch[], unknown, Scope.Scope> =>
  Effect.gen(function* () {
    yield* reader.assignment(topic)
    const all: LogBatch[] = []
    let fromOffset = 0
    while (fromOffset < recordCount) {
      const batches = yield* reader.read(topic, 0, { fromOffset, bytesMax: 1_000_000 })
      all.push(...batches)
      fromOffset = all.at(-1)?.endOffset ?? 0
      if (batches.length === 0) {
        yield* Effect.callback<void>((resume) => {
          const stop = reader.changed(() => resume(Effect.void))
          return Effect.sync(stop)
        })
      }
    }
    return all
  })

const recordsIn = (batches: readonly LogBatch[]) =>
  batches.flatMap((batch) => {
    const bytes = Buffer.from(batch.bytes)
    const records: { offset: number; key: string; id: number; text: string }[] = []
    forEachRecord(batch, ({ offset, keyStart, keyEnd, valueStart, valueEnd }) => {
      records.push({
        offset,
        key: bytes.toString('utf8', keyStart, keyEnd),
        id: Number(tradeCodec.decode(bytes, valueStart, valueEnd).source_sequence),
        text: bytes.toString('latin1', valueStart, valueEnd)
      })
    })
    return records
  })
