import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompressionTypes } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  registryHeader,
  singleObjectHeader
} from '../../../../src/adapters/log/kafka/wire-format.ts'
import { partitionOf } from '../../../../src/adapters/log/partitioner.ts'
import { makeRecordCodec } from '../../../../src/adapters/schema/record-codec.ts'
import { tradeV2Schema } from '../../../../src/market/records/trade-v2.ts'
import { trade } from '../../../support/trades.ts'
import {
  areServicesRequired,
  idsOf,
  installMsMax,
  KafkaFixture,
  landedIds,
  landedRows,
  messageOf,
  symbols,
  tradesOf
} from './kafka-fixture.ts'
import { LandingMember } from './landing-member.ts'
import type { TopicLanding } from './topic-landing.ts'

const newer = {
  ...tradeV2Schema,
  fields: [...tradeV2Schema.fields, { name: 'venue_flags', type: ['null', 'string'] }]
}
const newerText = JSON.stringify(newer)
const newerCodec = makeRecordCodec<unknown>(newer)
const newerValue = (id: number) => newerCodec.encode({ ...trade('BTCUSDT', id), venue_flags: 'x' })
const own = (count: number) => partitionOf('BTCUSDT', count)

describe.skipIf(!areServicesRequired)('landing from Kafka', () => {
  let kafka: KafkaFixture

  beforeAll(async () => {
    kafka = await KafkaFixture.start()
  }, installMsMax)

  afterAll(async () => kafka.end())

  const landing = async (topic: string, more: Partial<TopicLanding> = {}) => {
    const folder = await mkdtemp(join(tmpdir(), 'k2-landing-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const setup = { bootstrap: kafka.bootstrap, topic, groupId: `${topic}-trades`, folder }
    const member = () => new LandingMember({ ...setup, member: 'one', ...more })
    return { folder, member, groupId: setup.groupId }
  }

  test('the broker is Kafka 4', async () => {
    const version = await kafka.version()
    process.stdout.write(`Kafka ${version}\n`)
    expect(version).toMatch(/^4\./)
  })

  test.each([
    ['none', CompressionTypes.None],
    ['gzip', CompressionTypes.GZIP],
    ['lz4', CompressionTypes.LZ4],
    ['zstd', CompressionTypes.ZSTD]
  ])('every record lands once, and the group shows how far: %s', async (_name, compression) => {
    const topic = await kafka.makeTopic(3)
    const messages = tradesOf(1, 500).map((record) => messageOf(record, 3))
    await kafka.send(topic, messages, compression)
    const { folder, member, groupId } = await landing(topic)
    const one = member()
    await one.run(async () => {
      await expect.poll(() => one.landedCount).toBe(messages.length)
      await kafka.sendTrades(topic, 3, tradesOf(501, 600))
      await expect.poll(() => one.landedCount).toBe(600 * 6)
      const ends = await kafka.ends(topic)
      await expect.poll(() => kafka.hints(groupId, topic)).toEqual(ends)
    })
    expect(await landedIds(folder)).toEqual(idsOf(tradesOf(1, 600)))
    expect(one.all('group.joined')).toHaveLength(1)
  })

  test('odd messages are set aside one by one, all others land (R29, R41, R52)', async () => {
    const topic = await kafka.makeTopic(2)
    const [good, odd] = [own(2), 1 - own(2)]
    const key = 'BTCUSDT'
    const plain = (id: number) => messageOf(trade(key, id), 2)
    await kafka.send(topic, [
      plain(1),
      { key, value: 'noise', partition: good },
      { key, value: null, partition: good },
      { key: null, value: plain(2).value, partition: good },
      { ...plain(2), partition: odd },
      { key, value: Buffer.concat([registryHeader(9), newerValue(2)]), partition: good },
      plain(2),
      { key, value: Buffer.concat([registryHeader(7), newerValue(3)]), partition: good },
      {
        key,
        value: Buffer.concat([singleObjectHeader(newerCodec.fingerprint), newerValue(4)]),
        partition: good
      },
      plain(5)
    ])
    const schemas = {
      ofId: async (id: number) =>
        id === 7 ? { fingerprint: newerCodec.fingerprint, schema: newerText } : undefined,
      ofFingerprint: (fingerprint: string) =>
        fingerprint === newerCodec.fingerprint ? newerText : undefined
    }
    const { folder, member } = await landing(topic, { schemas })
    const one = member()
    await one.run(async () => expect.poll(() => one.landedCount).toBe(5))
    expect(await landedIds(folder)).toEqual(idsOf([1, 2, 3, 4, 5].map((id) => trade(key, id))))
    const letters = one.all('record.dead_lettered').map(({ reason, count }) => [reason, count])
    expect(Object.fromEntries(letters)).toEqual({ undecodable: 4, wrong_partition: 1 })
  })

  test('records that were deleted before they landed stop their partition only (R8)', async () => {
    const topic = await kafka.makeTopic(2)
    await kafka.sendTrades(topic, 2, tradesOf(1, 50))
    const { folder, member } = await landing(topic)
    const one = member()
    await one.run(async () => expect.poll(() => one.landedCount).toBe(300))
    await kafka.sendTrades(topic, 2, tradesOf(51, 100))
    const ends = await kafka.ends(topic)
    const partitions = [{ partition: own(2), offset: String(ends[own(2)]) }]
    await kafka.admin.deleteTopicRecords({ topic, partitions })
    const again = member()
    await again.run(async () => {
      // Each session says so: a group that is slow to form has more than one.
      await expect
        .poll(() => new Set(again.all('partition.stopped').map(({ partition }) => partition)))
        .toEqual(new Set([own(2)]))
      for (const { detail } of again.all('partition.stopped')) {
        expect(detail).toContain(`the log begins at ${ends[own(2)]}`)
      }
      const others = symbols.filter((symbol) => partitionOf(symbol, 2) !== own(2)).length
      await expect.poll(() => again.landedCount).toBe(others * 50)
    })
    const rows = await landedRows(folder)
    expect(new Set(rows.map(({ messageId }) => messageId)).size).toBe(rows.length)
  })

  test('a topic that was made anew is another log, by name (R8)', async () => {
    const topic = await kafka.makeTopic(1, {}, `t-${randomUUID()}`)
    await kafka.sendTrades(topic, 1, tradesOf(1, 20))
    const { folder, member } = await landing(topic)
    const one = member()
    await one.run(async () => {
      await expect.poll(() => one.landedCount).toBe(120)
      await kafka.admin.deleteTopics({ topics: [topic] })
      await expect.poll(() => kafka.has(topic)).toBe(false)
      await kafka.makeTopic(1, {}, topic)
      await kafka.sendTrades(topic, 1, tradesOf(21, 60))
      await expect
        .poll(() => one.all('partition.stopped').at(-1)?.detail)
        .toContain('the table holds this topic from log')
    })
    expect(await landedIds(folder)).toEqual(idsOf(tradesOf(1, 20)))
  })

  test('a broker that is killed is waited for (R14)', async () => {
    const topic = await kafka.makeTopic(2)
    await kafka.sendTrades(topic, 2, tradesOf(1, 100))
    const { folder, member } = await landing(topic)
    const one = member()
    await one.run(async () => {
      await expect.poll(() => one.landedCount).toBe(600)
      await kafka.stack.service('kafka').kill()
      await expect.poll(() => one.all('anew').length).toBeGreaterThan(1)
      await kafka.stack.service('kafka').start()
      await kafka.sendTrades(topic, 2, tradesOf(101, 200))
      await expect.poll(() => one.landedCount).toBe(1_200)
    })
    expect(await landedIds(folder)).toEqual(idsOf(tradesOf(1, 200)))
  })

  test('a schema that takes longer than a session costs no membership (F-10)', async () => {
    const topic = await kafka.makeTopic(1)
    const value = Buffer.concat([registryHeader(7), newerValue(1)])
    await kafka.send(topic, [{ key: 'BTCUSDT', value, partition: 0 }])
    const slowMs = 8_000
    const schemas = {
      ofId: () =>
        new Promise<{ fingerprint: string; schema: string }>((resolve) => {
          const answer = { fingerprint: newerCodec.fingerprint, schema: newerText }
          setTimeout(resolve, slowMs, answer)
        }),
      ofFingerprint: () => undefined
    }
    const { member } = await landing(topic, { schemas })
    const one = member()
    await one.run(async () => expect.poll(() => one.landedCount).toBe(1))
    expect(one.all('group.joined')).toHaveLength(1)
    expect(one.all('anew')).toEqual([])
  })
})
