/**
 * K2's producers and its consumer alone, on a real broker on the same cores: record batches that
 * pass by kafkajs against kafkajs' messages, side by side in every run (stock, fast, fast, stock).
 *
 * Producers send what a publisher has packed, about a thousand trades at a time and partition, one
 * send outstanding for each, and are acknowledged. The consumer reads all of it from the start, as
 * batches of the log, and drops them. The broker's compression is the declared one.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { KafkaAdmin } from '../src/adapters/log/kafka/kafka-admin.ts'
import { type KafkaReader, openKafkaReader } from '../src/adapters/log/kafka/kafka-reader.ts'
import { openSession } from '../src/adapters/log/kafka/kafka-session.ts'
import type { PackedRecords } from '../src/adapters/log/record-batch.ts'
import type { BenchContext } from './context.ts'
import { type Broker, openBroker, openTopic } from './kafka-broker.ts'
import { topicOf } from './landing.ts'
import { openMarket, packRecords, partitionCount } from './market.ts'
import { Measures, type Outcome } from './report.ts'

type Encoder = 'fast' | 'stock'

const order: readonly Encoder[] = ['stock', 'fast', 'fast', 'stock']
/** Of all partitions together, in one round of appends. */
const roundTrades = 4_000
const rounds = 60
const secondsShare = 0.2
const warmingSeconds = 2
const readBytesMax = 4 * 1_024 * 1_024
const answerMsMax = 10_000

export const measureKafkaClients = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, seconds, settle, progress } = context
  const measures = new Measures()
  const market = openMarket()
  const packed = Array.from({ length: rounds }, () => packRecords(market.trades(roundTrades)))
  const broker = await openBroker(await workspace.folder('broker'))
  try {
    for (let run = 1; run <= runs; run += 1) {
      await settle()
      for (const [index, encoder] of order.entries()) {
        const topic = topicOf(`run${run}x${index}`)
        const sent = await produce(broker, { topic, encoder, packed }, seconds * secondsShare)
        reportUse(measures, `${encoder} producers`, sent.use)
        const read = await consume(broker, { topic, encoder, records: sent.total })
        reportUse(measures, `${encoder} consumer`, read)
      }
      const rate = (name: string) =>
        `${Math.round(measures.last(name)).toLocaleString('en-US')}/s`
      progress(
        `kafka-clients run ${run}: sent ${rate('fast producers')} (stock ` +
          `${rate('stock producers')}), read ${rate('fast consumer')} (stock ` +
          `${rate('stock consumer')})`
      )
    }
  } finally {
    await broker.close()
  }
  return measures.outcome
}

interface Use {
  readonly records: number
  readonly seconds: number
  /** Of this process, and of the broker. */
  readonly cpuSeconds: number
  readonly brokerSeconds: number
}

const reportUse = (measures: Measures, name: string, use: Use): void => {
  measures.add(name, 'records/s', use.records / use.seconds)
  measures.add(`${name}: CPU per record`, 'µs', (use.cpuSeconds * 1e6) / use.records)
  const broker = (use.brokerSeconds * 1e6) / use.records
  measures.add(`${name}: CPU per record in the broker`, 'µs', broker)
}

/** What work takes, from its start to its end. */
const using = async (broker: Broker, work: () => Promise<number>): Promise<Use> => {
  const own = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6
  const brokerBefore = await broker.cpuSeconds()
  const [ownBefore, startedMs] = [own(), performance.now()]
  const records = await work()
  const seconds = (performance.now() - startedMs) / 1_000
  const cpuSeconds = own() - ownBefore
  const brokerSeconds = (await broker.cpuSeconds()) - brokerBefore
  return { records, seconds, cpuSeconds, brokerSeconds }
}

interface Sending {
  readonly topic: string
  readonly encoder: Encoder
  /** By round and partition. */
  readonly packed: readonly PackedRecords[][][]
}

/** What was sent in `seconds`, and how much the topic holds with what was sent to warm up. */
const produce = (broker: Broker, { topic, encoder, packed }: Sending, seconds: number) =>
  Effect.gen(function* () {
    const log = yield* openTopic(broker, topic, encoder)
    const lane = Effect.fnUntraced(function* (partition: number, endMs: number) {
      let records = 0
      for (let round = 0; performance.now() < endMs; round += 1) {
        for (const batch of packed[round % packed.length]![partition]!) {
          yield* log.append(topic, partition, batch)
          records += batch.recordCount
        }
      }
      return records
    })
    const lanes = async (forSeconds: number) => {
      const endMs = performance.now() + forSeconds * 1_000
      const each = [...Array(partitionCount).keys()].map((partition) => lane(partition, endMs))
      const counts = await Effect.runPromise(Effect.all(each, { concurrency: 'unbounded' }))
      return counts.reduce((sum, count) => sum + count, 0)
    }
    const warming = yield* Effect.promise(() => lanes(warmingSeconds))
    const use = yield* Effect.promise(() => using(broker, () => lanes(seconds)))
    return { use, total: warming + use.records }
  }).pipe(Effect.scoped, Effect.runPromise)

interface Reading {
  readonly topic: string
  readonly encoder: Encoder
  /** That the topic has. */
  readonly records: number
}

const consume = async (broker: Broker, { topic, encoder, records }: Reading): Promise<Use> => {
  const session = () => openSession(broker.connection(encoder), () => undefined)
  const admin = new KafkaAdmin(session, answerMsMax)
  const opening = openKafkaReader({
    topic,
    groupId: randomUUID(),
    isCompacted: false,
    openSession: session,
    admin,
    schemas: { ofId: () => Promise.resolve(undefined), ofFingerprint: () => undefined },
    monotonicMs: () => performance.now(),
    observe: () => undefined
  })
  try {
    return await opening.pipe(
      Effect.tap((reader) => reader.assignment(topic)),
      Effect.flatMap((reader) =>
        Effect.promise(() => using(broker, () => readAll(reader, topic, records)))
      ),
      Effect.scoped,
      Effect.runPromise
    )
  } finally {
    admin.close()
  }
}

/** All partitions in turn, as a lander reads them, until so many records were read. */
const readAll = (reader: KafkaReader, topic: string, records: number): Promise<number> =>
  Effect.gen(function* () {
    const next = Array.from({ length: partitionCount }, () => 0)
    let read = 0
    let wake = () => undefined as void
    const stop = reader.changed(() => wake())
    while (read < records) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve
      })
      let found = 0
      for (const partition of next.keys()) {
        const range = { fromOffset: next[partition]!, bytesMax: readBytesMax }
        for (const batch of yield* reader.read(topic, partition, range)) {
          found += batch.recordCount
          next[partition] = batch.endOffset
        }
      }
      read += found
      if (found === 0) yield* Effect.promise(() => changed)
    }
    stop()
    return read
  }).pipe(Effect.runPromise)
