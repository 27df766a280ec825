/** Against a real broker: topics, identity, what is appended, as an independent client sees it. */
import * as Effect from 'effect/Effect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stack } from '../../../../deploy/local/stack.ts'
import { LogUnavailable } from '../../../../src/adapters/log/event-log.ts'
import { makeKafka, topicResource } from '../../../../src/adapters/log/kafka/kafka-client.ts'
import { openValue } from '../../../../src/adapters/log/kafka/wire-format.ts'
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

describe.skipIf(!areServicesRequired)('the event log in Kafka', () => {
  let stack: Stack
  let bootstrap: string

  beforeAll(async () => {
    stack = await startKafka()
    bootstrap = stack.addresses.kafkaBootstrap
  }, serviceStartMsMax)

  afterAll(async () => stack.destroy())

  const kafkajs = () =>
    makeKafka(
      { brokers: [bootstrap], clientId: 'test', requestMsMax: 10_000 },
      () => undefined
    )
  const independent = (topic: string) => ({
    topic,
    schema: tradeSchema,
    client: { 'bootstrap.servers': bootstrap }
  })
  const admin = async <A>(work: (of: ReturnType<ReturnType<typeof kafkajs>['admin']>) => A) => {
    const client = kafkajs().admin()
    await client.connect()
    try {
      return await work(client)
    } finally {
      await client.disconnect()
    }
  }

  test('a missing topic is made as declared', async () => {
    const topic = newTopic('made')
    const { log, events } = await openLog({ bootstrap, topic })
    expect(log.topics).toEqual(new Map([[topic, 4]]))
    expect(log.faults).toEqual([])
    // Brokers that do not know yet what they lead are reported too.
    const ofTopics = () => events.filter(({ type }) => type.startsWith('topic.'))
    expect(ofTopics()).toEqual([{ type: 'topic.created', topic, partitions: 4 }])
    const again = await openLog({ bootstrap, topic })
    expect(again.events).toEqual([])
    expect(again.log.identityOf(topic)).toBe(log.identityOf(topic))
  })

  test('what differs from the declaration is reported by name and not altered', async () => {
    const topic = newTopic('differs')
    await openLog({ bootstrap, topic })
    const spec = {
      replication: 3,
      minInSyncReplicas: 2,
      retentionMs: 60_000,
      compression: 'zstd',
      cleanup: 'compact'
    } as const
    const declared = { bootstrap, topic, spec }
    const { log, events } = await openLog(declared)
    const differing = events.flatMap((event) =>
      event.type === 'topic.differs' ? [`${event.setting}: ${event.declared}, ${event.actual}`] : []
    )
    expect(differing.sort()).toEqual([
      'cleanup.policy: compact, delete',
      'compression.type: zstd, lz4',
      'min.insync.replicas: 2, 1',
      'replication: 3, 1',
      'retention.ms: 60000, 86400000'
    ])
    expect(log.faults).toEqual([])
    const again = await openLog(declared)
    expect(again.events).toEqual(events)
  })

  test('another partition count is a fault of the topic, by name (R41)', async () => {
    const topic = newTopic('partitions')
    await openLog({ bootstrap, topic })
    const { log } = await openLog({ bootstrap, topic, spec: { partitions: 8 } })
    expect(log.topics.get(topic)).toBe(4)
    expect(log.faults.map(({ topicPartition }) => topicPartition)).toEqual(
      [0, 1, 2, 3].map((partition) => `${topic}-${partition}`)
    )
    expect(log.faults[0]!.message).toContain('has 4 partitions, 8 are declared')
    expect(log.faults[0]!.message).toContain('declare the count that it has')
  })

  test("a topic's identity is Kafka's id: one that is made anew has another (R8)", async () => {
    const topic = newTopic('identity')
    const { log, events } = await openLog({ bootstrap, topic })
    const identity = log.identityOf(topic)
    expect(identity).toMatch(/^[A-Za-z0-9_-]{22}$/)
    await admin((client) => client.deleteTopics({ topics: [topic] }))
    const second = await openLog({ bootstrap, topic })
    expect(second.log.identityOf(topic)).not.toBe(identity)
    // Who still has the first one open writes no more under the wrong name.
    await expect.poll(() => events.map(({ type }) => type)).toContain('topic.replaced')
    const append = log.append(topic, 0, packTrades('BTCUSDT', 1, 1))
    const failure = await Effect.runPromise(Effect.flip(append))
    expect(failure).toBeInstanceOf(LogUnavailable)
    expect(failure.message).toContain('the topic was made anew')
  })

  test.each([
    ['none', 'fast'],
    ['lz4', 'fast'],
    ['zstd', 'fast'],
    ['none', 'stock'],
    ['lz4', 'stock'],
    ['zstd', 'stock']
  ] as const)(
    'an independent client reads what was appended, compressed with %s by the %s encoder',
    async (compression, encoder) => {
      const topic = newTopic(`${compression}-${encoder}`)
      const spec = { compression }
      const { log } = await openLog({ bootstrap, topic, spec, encoder })
      const symbols = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT', 'ΩUSDT']
      const before = Date.now()
      for (const symbol of symbols) {
        // Larger than a chunk: several sends make one append.
        const packed = packTrades(symbol, 1, 2_500)
        await Effect.runPromise(log.append(topic, partitionFor(symbol), packed))
      }
      const messages = readIndependently<Record<string, unknown>>(independent(topic))
      expect(messages).toHaveLength(symbols.length * 2_500)
      for (const symbol of symbols) {
        const own = messages.filter(({ key }) => key === symbol)
        expect(new Set(own.map(({ partition }) => partition))).toEqual(
          new Set([partitionFor(symbol)])
        )
        expect(own.map(({ value }) => value['source_sequence'])).toEqual(
          Array.from({ length: 2_500 }, (_, index) => index + 1)
        )
      }
      const last = messages.find(
        ({ key, value }) => key === 'ΩUSDT' && value['source_sequence'] === 2_500
      )!
      expect(last.value).toEqual({
        ...trade('ΩUSDT', 2_500),
        price: '25.00002500',
        quantity: '0.00000001'
      })
      expect(last.timestamp).toBeGreaterThanOrEqual(before)
      expect(last.timestamp).toBeLessThanOrEqual(Date.now())
    }
  )

  test('offsets, bounds and watermarks are those of the partition', async () => {
    const topic = newTopic('offsets')
    const { log } = await openLog({ bootstrap, topic })
    const moved: unknown[] = []
    log.changed((watermark) => moved.push(watermark))
    const append = (firstId: number, count: number) =>
      Effect.runPromise(log.append(topic, 2, packTrades('BTCUSDT', firstId, count)))
    expect(await append(1, 10)).toEqual({ baseOffset: 0 })
    expect(await append(11, 1_500)).toEqual({ baseOffset: 10 })
    // A sample may see one send of an append before the other.
    expect(moved[0]).toEqual({ topic, partition: 2, durableEnd: 10 })
    expect(moved.at(-1)).toEqual({ topic, partition: 2, durableEnd: 1_510 })
    expect(await Effect.runPromise(log.bounds(topic, 2))).toEqual({
      startOffset: 0,
      durableEnd: 1_510
    })
    expect(log.watermarks().map(({ durableEnd }) => durableEnd)).toEqual([0, 0, 1_510, 0])
    expect(log.usage()).toEqual({ diskBytes: 0, pendingBytes: 0 })
  })

  test.each(['fast', 'stock'] as const)(
    'a batch beyond max.message.bytes is refused by name, and its producer stays: %s',
    async (encoder) => {
      const topic = newTopic('small')
      const { log, events } = await openLog({
        bootstrap,
        topic,
        encoder,
        spec: { compression: 'none' }
      })
      const resources = [
        {
          type: topicResource,
          name: topic,
          configEntries: [{ name: 'max.message.bytes', value: '2000' }]
        }
      ]
      await admin((client) => client.alterConfigs({ validateOnly: false, resources }))
      const partition = partitionFor('BTCUSDT')
      const append = (firstId: number, count: number) =>
        Effect.runPromise(
          Effect.result(log.append(topic, partition, packTrades('BTCUSDT', firstId, count)))
        )
      await expect
        .poll(() => append(1, 100), { timeout: 10_000 })
        .toMatchObject({ _tag: 'Failure', failure: { _tag: 'BatchTooLarge' } })
      expect(await append(101, 1)).toMatchObject({ _tag: 'Success' })
      expect(events.filter(({ type }) => type === 'producer.discarded')).toEqual([])
      expect(events.filter(({ type }) => type === 'producer.opened')).toHaveLength(1)
    }
  )

  test('what others append is sampled, and lag is counted from what has landed', async () => {
    const topic = newTopic('lag')
    const { log } = await openLog({ bootstrap, topic })
    const other = await openLog({ bootstrap, topic })
    await Effect.runPromise(other.log.append(topic, 1, packTrades('BTCUSDT', 1, 100)))
    await expect.poll(() => log.watermarks()[1]!.durableEnd).toBe(100)
    // Overdue once a sample that had it is two commit ages old.
    await expect
      .poll(() => log.lag(topic, 1))
      .toMatchObject({ type: 'known', rawRecords: 100, overdueRecords: 100 })
    log.setConsumed(topic, 1, 60)
    expect(log.lag(topic, 1)).toMatchObject({ rawRecords: 40, overdueRecords: 40 })
    expect(log.lag(topic, 0)).toMatchObject({ rawRecords: 0, overdueRecords: 0 })
  })

  test('how much of the retention is over for what has not landed', async () => {
    const topic = newTopic('retention')
    const spec = { retentionMs: 60_000 }
    const writing = await openLog({ bootstrap, topic, spec })
    await Effect.runPromise(writing.log.append(topic, 1, packTrades('BTCUSDT', 1, 100)))
    // Half a minute later, to one who has landed nothing, and to one who has landed all.
    const nowMs = () => Date.now() + 31_000
    const behind = await openLog({ bootstrap, topic, spec, options: { nowMs } })
    const landedOffset = () => 100
    const even = await openLog({ bootstrap, topic, spec, options: { nowMs, landedOffset } })
    await expect
      .poll(() => behind.log.retention(topic))
      .toMatchObject({ share: 0.5, retentionMs: 60_000 })
    await expect.poll(() => even.log.retention(topic)).toMatchObject({ share: 0 })
  })

  test('a table that is beyond the end of the log is a fault', async () => {
    const topic = newTopic('truncated')
    const options = { landedOffset: (_id: string, _topic: string, at: number) => at * 5 }
    const { log } = await openLog({ bootstrap, topic, options })
    expect(log.faults.map(({ message }) => message)).toEqual(
      [1, 2, 3].map((partition) =>
        expect.stringContaining(`${topic}-${partition}: the log ends at 0, its consumer committed`)
      )
    )
  })

  test('records of an independent client are opened and decoded', async () => {
    const topic = newTopic('foreign')
    await openLog({ bootstrap, topic })
    const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']
    const written = symbols.map((symbol, index) => trade(symbol, index + 1))
    const prices = { price: '1.00000000', quantity: '0.00000001' }
    writeIndependently(
      independent(topic),
      written.map((value) => ({ key: value.symbol, value: { ...value, ...prices } }))
    )
    const consumer = kafkajs().consumer({ groupId: 'foreign' })
    const schemas = {
      fingerprintOfId: () => undefined,
      canDecode: (fingerprint: string) => fingerprint === tradeCodec.fingerprint
    }
    const found: unknown[] = []
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        const value = message.value!
        const opened = openValue(schemas, value)
        if ('reason' in opened) throw new Error(opened.detail)
        const record = tradeCodec.decode(value, opened.recordStart, value.length)
        // R41: librdkafka with murmur2 has the symbol where K2 has it.
        expect(partition).toBe(partitionFor(message.key!.toString()))
        found.push(record)
      }
    })
    await expect.poll(() => found.length).toBe(symbols.length)
    await consumer.disconnect()
    expect(found).toEqual(expect.arrayContaining(written))
  })

  test('with the broker gone nothing is known, and nothing is acknowledged', async () => {
    const topic = newTopic('gone')
    const options = { sendMsMax: 1_000, answerMsMax: 500, sampleMs: 100 }
    const { log, events } = await openLog({ bootstrap, topic, options })
    expect(log.lag(topic, 0)).toMatchObject({ type: 'known', rawRecords: 0 })
    const kafka = stack.service('kafka')
    await kafka.kill()
    const append = () => log.append(topic, 0, packTrades('BTCUSDT', 1, 1))
    const failure = await Effect.runPromise(Effect.flip(append()))
    expect(failure).toBeInstanceOf(LogUnavailable)
    await expect.poll(() => log.lag(topic, 0)).toEqual({ type: 'unknown', reason: 'stale' })
    expect(events.map(({ type }) => type)).toContain('sample.failed')
    await kafka.start()
    await expect
      .poll(async () => (await Effect.runPromise(Effect.exit(append())))._tag)
      .toBe('Success')
    await expect.poll(() => log.lag(topic, 0)).toMatchObject({ type: 'known' })
  })
})
