/** A broker, topics, messages in them, and what the table holds of them. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Admin, CompressionTypes, Kafka, logLevel, type Message, Partitioners } from 'kafkajs'
import { openStack, type Stack } from '../../../../deploy/local/stack.ts'
import { singleObjectHeader } from '../../../../src/adapters/log/kafka/wire-format.ts'
import { partitionOf } from '../../../../src/adapters/log/partitioner.ts'
import { makeRecordCodec } from '../../../../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../../../../src/market/records/trade-v2.ts'
import { trade } from '../../../support/trades.ts'
import { until } from '../../../support/until.ts'
import { dataFiles, openTable, runSql } from '../../../support/warehouse.ts'

export const areServicesRequired = process.env['K2_REQUIRE_SERVICES'] === '1'
/** Installing a broker takes minutes the first time. */
export const installMsMax = 900_000

const codec = makeRecordCodec<TradeV2>(tradeV2Schema)
const header = singleObjectHeader(codec.fingerprint)

/** A trade as K2 writes it where there is no registry. */
export const valueOf = (record: TradeV2): Buffer => Buffer.concat([header, codec.encode(record)])

export class KafkaFixture {
  readonly stack: Stack
  readonly bootstrap: string
  readonly admin: Admin
  readonly #kafka: Kafka

  private constructor(stack: Stack) {
    this.stack = stack
    this.bootstrap = stack.addresses.kafkaBootstrap
    this.#kafka = new Kafka({ brokers: [this.bootstrap], logLevel: logLevel.NOTHING })
    this.admin = this.#kafka.admin()
  }

  static async start(): Promise<KafkaFixture> {
    const folder = await mkdtemp(join(tmpdir(), 'k2-kafka-reader-'))
    const fixture = new KafkaFixture(await openStack({ folder, services: ['kafka'] }))
    await fixture.admin.connect()
    // A broker makes the topic of the groups when the first one asks for its coordinator.
    await answered('a coordinator', () => fixture.admin.describeGroups(['k2-first']))
    return fixture
  }

  async end(): Promise<void> {
    await this.admin.disconnect()
    await this.stack.destroy()
  }

  async makeTopic(
    numPartitions: number,
    settings: Readonly<Record<string, string>> = {},
    topic = `t-${randomUUID()}`
  ): Promise<string> {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    await this.admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }]
    })
    await answered(`topic ${topic}`, () => this.ends(topic))
    return topic
  }

  /** Acknowledged; `messages` name their partitions. */
  async send(
    topic: string,
    messages: readonly Message[],
    compression = CompressionTypes.None
  ): Promise<void> {
    const producer = this.#kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    try {
      await producer.send({ topic, messages: [...messages], acks: -1, compression })
    } finally {
      await producer.disconnect()
    }
  }

  async sendTrades(topic: string, partitionCount: number, trades: readonly TradeV2[]) {
    await this.send(topic, trades.map((record) => messageOf(record, partitionCount)))
  }

  /** Of the jar that the broker's process runs. */
  async version(): Promise<string> {
    const pid = await this.stack.service('kafka').pid()
    const command = (await readFile(`/proc/${String(pid)}/cmdline`, 'utf8')).split('\0')
    const jars = dirname(command[command.indexOf('-cp') + 1]!)
    const names = await readdir(jars)
    return names.map((name) => /^kafka_2\.13-(.+)\.jar$/.exec(name)?.[1]).find(Boolean) ?? 'none'
  }

  async has(topic: string): Promise<boolean> {
    return (await this.admin.listTopics()).includes(topic)
  }

  /** Offsets that a group shows of a topic; 0 where it shows none. */
  async hints(groupId: string, topic: string): Promise<readonly number[]> {
    const [found] = await this.admin.fetchOffsets({ groupId, topics: [topic] })
    return (found?.partitions ?? [])
      .toSorted((one, other) => one.partition - other.partition)
      .map(({ offset }) => Math.max(0, Number(offset)))
  }

  async ends(topic: string): Promise<readonly number[]> {
    const offsets = await this.admin.fetchTopicOffsets(topic)
    return offsets
      .toSorted((one, other) => one.partition - other.partition)
      .map(({ high }) => Number(high))
  }
}

/** What a broker that has just begun cannot answer yet. */
const answered = (what: string, ask: () => Promise<unknown>) =>
  until(() => ask().then(() => true, () => undefined), { what, msMax: 60_000 })

export const messageOf = (record: TradeV2, partitionCount: number): Message => ({
  key: record.symbol,
  value: valueOf(record),
  partition: partitionOf(record.symbol, partitionCount)
})

export const symbols = ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'DOGEUSDT', 'ADAUSDT', 'XRPUSDT'] as const

/** Ids `from` to `to`, of every symbol. */
export const tradesOf = (from: number, to: number): readonly TradeV2[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index).flatMap((id) =>
    symbols.map((symbol) => trade(symbol, id))
  )

export interface LandedRow {
  readonly messageId: string
  readonly partition: string
  readonly offset: number
}

/** All rows of the table of trades, by message id. */
export const landedRows = async (folder: string): Promise<readonly LandedRow[]> => {
  const table = openTable(folder)
  if (table === undefined) return []
  const paths = (await dataFiles(table)).map(({ path }) => `'${path}'`)
  if (paths.length === 0) return []
  const rows = await runSql(
    `SELECT message_id, k2_partition, k2_offset FROM read_parquet([${paths.join()}]) ` +
      'ORDER BY message_id, k2_offset'
  )
  return rows.map(([messageId, partition, offset]) => ({
    messageId: messageId!,
    partition: partition!,
    offset: Number(offset)
  }))
}

export const landedIds = async (folder: string): Promise<readonly string[]> =>
  (await landedRows(folder)).map(({ messageId }) => messageId)

export const idsOf = (trades: readonly TradeV2[]): readonly string[] =>
  trades.map(({ message_id: id }) => id).toSorted()
