/** The reader alone on a real broker: what is paused, and what is deleted while it reads. */
import * as Effect from 'effect/Effect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KafkaAdmin } from '../../../../src/adapters/log/kafka/kafka-admin.ts'
import {
  type KafkaReader,
  type KafkaReaderEvent,
  openKafkaReader
} from '../../../../src/adapters/log/kafka/kafka-reader.ts'
import { openSession } from '../../../../src/adapters/log/kafka/kafka-session.ts'
import { trade } from '../../../support/trades.ts'
import { areServicesRequired, installMsMax, KafkaFixture } from './kafka-fixture.ts'

const rowsOf = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => trade('BTCUSDT', from + index))

describe.skipIf(!areServicesRequired)('a reader with little memory', () => {
  let kafka: KafkaFixture

  beforeAll(async () => {
    kafka = await KafkaFixture.start()
  }, installMsMax)

  afterAll(async () => kafka.end())

  const withReader = (
    topic: string,
    work: (reader: KafkaReader, events: readonly KafkaReaderEvent[]) => Promise<void>
  ): Promise<void> => {
    const events: KafkaReaderEvent[] = []
    const connection = { brokers: [kafka.bootstrap], clientId: 'k2', requestMsMax: 5_000 }
    const open = () => openSession(connection, () => undefined)
    const program = Effect.gen(function* () {
      const admin = yield* Effect.acquireRelease(
        Effect.sync(() => new KafkaAdmin(open, 5_000)),
        (opened) => Effect.sync(() => opened.close())
      )
      const reader = yield* openKafkaReader({
        topic,
        groupId: topic,
        isCompacted: false,
        openSession: open,
        admin,
        schemas: { ofId: () => Promise.resolve(undefined), ofFingerprint: () => undefined },
        limits: {
          sessionMs: 6_000,
          heartbeatMs: 500,
          rebalanceMs: 6_000,
          stalledMsMax: 1_000,
          bufferBytesMax: 1,
          partitionFetchBytesMax: 1
        },
        monotonicMs: () => performance.now(),
        observe: (event) => events.push(event)
      })
      yield* Effect.promise(() => work(reader, events))
    })
    return Effect.runPromise(Effect.scoped(program))
  }

  const read = (reader: KafkaReader, topic: string, fromOffset: number) =>
    Effect.runPromise(reader.read(topic, 0, { fromOffset, bytesMax: 1e6 }))

  /** What is read next, once it was fetched. */
  const next = async (reader: KafkaReader, topic: string, fromOffset: number): Promise<number> => {
    await expect
      .poll(async () => (await read(reader, topic, fromOffset)).length)
      .toBeGreaterThan(0)
    return (await read(reader, topic, fromOffset)).at(-1)!.endOffset
  }

  const topicOf = async (batches: number) => {
    const topic = await kafka.makeTopic(1)
    // A batch of Kafka each: a fetch brings one.
    for (let batch = 0; batch < batches; batch++) {
      await kafka.sendTrades(topic, 1, rowsOf(batch * 10 + 1, batch * 10 + 10))
    }
    return topic
  }

  test('one fetch at a time is held, and all is read in the end', async () => {
    const topic = await topicOf(4)
    await withReader(topic, async (reader) => {
      await Effect.runPromise(reader.assignment(topic))
      let offset = 0
      while (offset < 40) {
        const end = await next(reader, topic, offset)
        expect(end - offset).toBeLessThanOrEqual(10)
        offset = end
      }
      expect(offset).toBe(40)
    })
  })

  test('offsets that are deleted under the reader are named, others not read (R8)', async () => {
    const topic = await topicOf(6)
    await withReader(topic, async (reader) => {
      await Effect.runPromise(reader.assignment(topic))
      expect(await next(reader, topic, 0)).toBe(10)
      // The partition is paused now, with ten records in memory.
      const partitions = [{ partition: 0, offset: '40' }]
      await kafka.admin.deleteTopicRecords({ topic, partitions })
      const reads = async () => {
        try {
          return (await read(reader, topic, 10)).map(({ baseOffset }) => baseOffset)
        } catch (error) {
          return error
        }
      }
      await expect.poll(reads).toMatchObject({
        _tag: 'OffsetOutOfRange',
        fromOffset: 10,
        startOffset: 40,
        durableEnd: 60
      })
    })
  })

  test('a pause survives that others come and go (F-7)', async () => {
    const topic = await topicOf(3)
    await withReader(topic, async (reader, events) => {
      await Effect.runPromise(reader.assignment(topic))
      const joins = () => events.filter(({ type }) => type === 'group.joined').length
      await withReader(topic, async (other) => {
        await Effect.runPromise(other.assignment(topic))
        await expect.poll(joins).toBeGreaterThan(1)
      })
      await expect
        .poll(() => Effect.runPromise(Effect.map(reader.assignment(topic), (it) => it.partitions)))
        .toEqual([0])
      // Nothing was asked for since: no record may have been fetched.
      let told = 0
      reader.changed(() => told++)
      await kafka.sendTrades(topic, 1, [trade('BTCUSDT', 31)])
      expect(told).toBe(0)
      expect(await next(reader, topic, 0)).toBe(10)
    })
  })
})
