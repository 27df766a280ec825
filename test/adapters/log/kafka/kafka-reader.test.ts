import * as Effect from 'effect/Effect'
import { describe, expect, test } from 'vitest'
import {
  type KafkaReader,
  type KafkaReaderEvent,
  type KafkaReaderLimits,
  openKafkaReader
} from '../../../../src/adapters/log/kafka/kafka-reader.ts'
import { registryHeader } from '../../../../src/adapters/log/kafka/wire-format.ts'
import { FakeConsumer } from './fake-consumer.ts'

const topic = 'market.crypto.trades.binance'
const bytesMax = 1e6

interface Opened {
  readonly consumer: FakeConsumer
  readonly reader: KafkaReader
  readonly broker: { topicId: string; startOffset: number; endOffset: number }
  readonly events: KafkaReaderEvent[]
  readonly schema: { ofId: () => Promise<undefined> }
  readonly clock: { nowMs: number }
}

interface Setup {
  readonly isCompacted?: boolean
  readonly limits?: Partial<KafkaReaderLimits>
}

const withReader = (
  work: (opened: Opened) => Promise<void>,
  { isCompacted = false, limits = {} }: Setup = {}
): Promise<void> => {
  const consumer = new FakeConsumer(topic)
  const broker = { topicId: 'id-1', startOffset: 0, endOffset: 100 }
  const events: KafkaReaderEvent[] = []
  const schema = { ofId: async () => undefined }
  const clock = { nowMs: 0 }
  const opening = openKafkaReader({
    topic,
    groupId: 'g',
    isCompacted,
    openSession: () => ({ kafka: consumer.asKafka(), cut: () => undefined }),
    admin: {
      bounds: () =>
        Effect.sync(() => [0, 1, 2].map((partition) => ({ partition, ...broker }))),
      metadata: () =>
        Effect.sync(() => [{ errorCode: 0, topicId: broker.topicId, partitions: [0, 1, 2] }])
    },
    schemas: { ofId: () => schema.ofId(), ofFingerprint: () => undefined },
    limits,
    monotonicMs: () => clock.nowMs,
    observe: (event) => events.push(event)
  })
  return Effect.runPromise(
    Effect.flatMap(opening, (reader) =>
      Effect.promise(() => work({ consumer, reader, broker, events, schema, clock }))
    ).pipe(Effect.scoped)
  ).then(() => expect(consumer.isLeft).toBe(true))
}

const read = (reader: KafkaReader, partition: number, fromOffset: number) =>
  Effect.runPromise(reader.read(topic, partition, { fromOffset, bytesMax }))

const ranges = (batches: readonly { baseOffset: number; endOffset: number }[]) =>
  batches.map(({ baseOffset, endOffset }) => [baseOffset, endOffset])

/** Asks to read partition 1 from offset 10: the client is sent there. */
const reading = async ({ consumer, reader }: Opened) => {
  consumer.join([0, 1])
  expect(await read(reader, 1, 10)).toEqual([])
}

describe('a reader of Kafka', () => {
  test('an assignment is waited for, and is another one after each join', () =>
    withReader(async ({ consumer, reader }) => {
      const first = Effect.runPromise(reader.assignment(topic))
      consumer.join([2, 0])
      expect(await first).toEqual({ generation: 1, partitions: [0, 2] })
      let changes = 0
      const stop = reader.assignmentChanged(() => changes++)
      consumer.join([2, 0])
      consumer.join([])
      stop()
      consumer.join([1])
      expect(changes).toBe(2)
      expect(await Effect.runPromise(reader.assignment(topic))).toEqual({
        generation: 4,
        partitions: [1]
      })
      expect([reader.topics.get(topic), reader.identityOf(topic)]).toEqual([3, 'id-1'])
    }))

  test('nothing is fetched before a read says from where', () =>
    withReader(async (opened) => {
      const { consumer, reader } = opened
      consumer.join([0, 1, 2])
      expect(consumer.paused).toEqual(new Set([0, 1, 2]))
      await consumer.push(0, [0, 1])
      expect(await read(reader, 1, 10)).toEqual([])
      expect(consumer.seeks).toEqual([[1, 10]])
      expect(consumer.paused).toEqual(new Set([0, 2]))
    }))

  test('what was fetched is read, and read again from the same offset', () =>
    withReader(async (opened) => {
      const { consumer, reader } = opened
      await reading(opened)
      const news: unknown[] = []
      reader.changed((watermark) => news.push(watermark))
      await consumer.push(1, [10, 11, 12], { end: 40 })
      expect(news).toEqual([{ topic, partition: 1, durableEnd: 40 }])
      const first = await read(reader, 1, 10)
      expect(ranges(first).at(-1)).toEqual([12, 13])
      expect(await read(reader, 1, 10)).toEqual(first)
      expect(await read(reader, 1, 13)).toEqual([])
      expect(consumer.resolved.get(1)).toBe(12)
      expect(consumer.seeks).toHaveLength(1)
    }))

  test('a read from elsewhere drops what is held and sends the client there', () =>
    withReader(async (opened) => {
      const { consumer, reader } = opened
      await reading(opened)
      await consumer.push(1, [10, 11])
      expect(await read(reader, 1, 4)).toEqual([])
      expect(consumer.seeks).toEqual([
        [1, 10],
        [1, 4]
      ])
    }))

  test('a partition with enough in memory is paused until it has been read', () =>
    withReader(
      async (opened) => {
        const { consumer, reader } = opened
        await reading(opened)
        await consumer.push(1, [10, 11])
        expect(consumer.paused).toEqual(new Set([0, 1]))
        await read(reader, 1, 12)
        expect(consumer.paused).toEqual(new Set([0]))
      },
      { limits: { bufferBytesMax: 2 } }
    ))

  test('what is paused is said again in full after a join (F-7, F-8)', () =>
    withReader(async (opened) => {
      const { consumer, reader } = opened
      await reading(opened)
      consumer.join([0, 1, 2])
      expect(consumer.paused).toEqual(new Set([0, 1, 2]))
      await read(reader, 2, 5)
      expect(consumer.paused).toEqual(new Set([0, 1]))
      expect(await read(reader, 1, 10)).toEqual([])
      expect(consumer.seeks.at(-1)).toEqual([1, 10])
    }))

  test('a partition of somebody else gives nothing', () =>
    withReader(async ({ consumer, reader }) => {
      consumer.join([0])
      expect(await read(reader, 1, 0)).toEqual([])
      expect(consumer.seeks).toEqual([])
    }))

  test('what was fetched elsewhere is dropped, and the client sent back (R8)', () =>
    withReader(async (opened) => {
      const { consumer, reader } = opened
      await reading(opened)
      await consumer.push(1, [50, 51])
      expect(consumer.paused).toEqual(new Set([0, 1]))
      expect(await read(reader, 1, 10)).toEqual([])
      expect(consumer.seeks).toEqual([
        [1, 10],
        [1, 10]
      ])
      expect(consumer.resolved.size).toBe(0)
      await consumer.push(1, [10])
      expect(ranges(await read(reader, 1, 10))).toEqual([[10, 11]])
    }))

  test.each([
    ['below the start', { startOffset: 50, endOffset: 100 }],
    ['beyond the end', { startOffset: 0, endOffset: 5 }]
  ])('an offset %s is named, and its partition stays paused (R8)', (_name, bounds) =>
    withReader(async (opened) => {
      const { consumer, reader, broker } = opened
      await reading(opened)
      Object.assign(broker, bounds)
      await consumer.push(1, [bounds.startOffset])
      const { startOffset, endOffset: durableEnd } = bounds
      const fault = { _tag: 'OffsetOutOfRange', fromOffset: 10, startOffset, durableEnd }
      await expect(read(reader, 1, 10)).rejects.toMatchObject(fault)
      expect(consumer.paused).toEqual(new Set([0, 1]))
    })
  )

  test('missing offsets are lost ones, after what comes before them was read', () =>
    withReader(async (opened) => {
      const { consumer, reader } = opened
      await reading(opened)
      await consumer.push(1, [10, 13])
      expect(ranges(await read(reader, 1, 10))).toEqual([[10, 11]])
      const fault = { _tag: 'LogOffsetsLost', fromOffset: 11, nextOffset: 13 }
      await expect(read(reader, 1, 11)).rejects.toMatchObject(fault)
    }))

  test('of a compacted topic they are passed over', () =>
    withReader(
      async (opened) => {
        const { consumer, reader } = opened
        await reading(opened)
        await consumer.push(1, [12, 14], { fetchedOffset: 10 })
        expect(ranges(await read(reader, 1, 10))).toEqual([
          [10, 12],
          [12, 13],
          [13, 14],
          [14, 15]
        ])
      },
      { isCompacted: true }
    ))

  test('heartbeats go on while a schema is waited for (F-10)', () =>
    withReader(
      async (opened) => {
        const { consumer, reader, schema } = opened
        await reading(opened)
        const beaten = new Promise<undefined>((resolve) => {
          consumer.onHeartbeat = () => {
            if (consumer.heartbeats === 3) resolve(undefined)
          }
        })
        schema.ofId = () => beaten
        await consumer.push(1, [10], { value: registryHeader(1) })
        expect(consumer.heartbeats).toBe(3)
        const refused = { refusal: 'the registry has no schema 1' }
        expect(await read(reader, 1, 10)).toMatchObject([refused])
      },
      { limits: { heartbeatMs: 2 } }
    ))

  test('a registry that is away ends the read as a dependency', () =>
    withReader(async (opened) => {
      const { consumer, reader, schema } = opened
      await reading(opened)
      schema.ofId = () => Promise.reject(new Error('it is away'))
      await consumer.push(1, [10], { value: registryHeader(1) })
      const failure = { _tag: 'LogUnavailable', detail: expect.stringContaining('it is away') }
      await expect(read(reader, 1, 10)).rejects.toMatchObject(failure)
    }))

  test('a join while a schema is waited for makes what comes of it void', () =>
    withReader(async (opened) => {
      const { consumer, reader, schema } = opened
      await reading(opened)
      schema.ofId = async () => {
        consumer.join([1])
        return undefined
      }
      await consumer.push(1, [10], { value: registryHeader(1) })
      expect(await read(reader, 1, 10)).toEqual([])
      expect(consumer.resolved.size).toBe(0)
    }))

  test('after a crash everything fails by name, and who waits is told (R14)', () =>
    withReader(async (opened) => {
      const { consumer, reader, events } = opened
      const waiting = Effect.runPromise(reader.assignment(topic))
      consumer.crash(new Error('the coordinator is gone'))
      const failure = { _tag: 'LogUnavailable', detail: 'the coordinator is gone' }
      await expect(waiting).rejects.toMatchObject(failure)
      await expect(Effect.runPromise(reader.assignment(topic))).rejects.toMatchObject(failure)
      await expect(read(reader, 1, 0)).rejects.toMatchObject(failure)
      expect(events).toEqual([{ type: 'group.failed', topic, detail: 'the coordinator is gone' }])
    }))

  test('a topic that was made anew ends the reader: its offsets are others (R8)', () =>
    withReader(async (opened) => {
      const { consumer, reader, broker } = opened
      await reading(opened)
      broker.topicId = 'id-2'
      await consumer.push(1, [0])
      const failure = { _tag: 'LogUnavailable', detail: expect.stringContaining('made anew') }
      await expect(read(reader, 1, 10)).rejects.toMatchObject(failure)
      await expect(Effect.runPromise(reader.assignment(topic))).rejects.toMatchObject(failure)
    }))

  test('what was read is confirmed by the id that the topic has afterwards (R8)', () =>
    withReader(async (opened) => {
      const { consumer, reader, broker } = opened
      await reading(opened)
      await consumer.push(1, [10])
      await Effect.runPromise(reader.confirm(topic))
      broker.topicId = 'id-2'
      const failure = { _tag: 'LogUnavailable', detail: expect.stringContaining('made anew') }
      await expect(Effect.runPromise(reader.confirm(topic))).rejects.toMatchObject(failure)
    }))

  test('hints to the group may fail', () =>
    withReader(async ({ consumer, reader, events }) => {
      consumer.join([0, 1])
      reader.noteLanded(topic, new Map([[1, 12]]))
      expect(consumer.committed).toEqual([[1, 12]])
      consumer.commitFailure = new Error('rebalancing')
      reader.noteLanded(topic, new Map([[1, 13]]))
      await expect
        .poll(() => events.at(-1))
        .toEqual({ type: 'hint.failed', topic, detail: 'rebalancing' })
    }))

  test.each([
    ['a client that is silent fails', 1e6, 'nothing was heard'],
    ['one that is heard does not', 30_000, undefined]
  ])('%s', (_name, silentMs, detail) =>
    withReader(async (opened) => {
      const { consumer, reader, clock, events, broker } = opened
      await reading(opened)
      clock.nowMs = silentMs
      broker.topicId = detail === undefined ? 'id-2' : 'id-1'
      await expect.poll(() => events.at(-1)?.type).toBe('group.failed')
      const failure = detail ?? 'made anew'
      await expect(read(reader, 1, 10)).rejects.toThrow(failure)
      expect(consumer.isLeft).toBe(false)
    })
  )

  test('a partition that is behind and brings nothing is held against the brokers', () =>
    withReader(async (opened) => {
      const { reader, clock, broker } = opened
      await reading(opened)
      await Effect.runPromise(reader.bounds(topic, 1))
      broker.startOffset = 60
      const told = new Promise((resolve) => reader.changed(resolve))
      clock.nowMs = 15_000
      await told
      const fault = { _tag: 'OffsetOutOfRange', fromOffset: 10, startOffset: 60 }
      await expect(read(reader, 1, 10)).rejects.toMatchObject(fault)
    }))
})
