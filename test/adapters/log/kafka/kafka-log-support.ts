/** A Kafka log that tells what it observes, and batches of trades for it. */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { onTestFinished } from 'vitest'
import type { KafkaConnection } from '../../../../src/adapters/log/kafka/kafka-client.ts'
import {
  type KafkaLog,
  type KafkaLogEvent,
  type KafkaLogOptions,
  openKafkaLog
} from '../../../../src/adapters/log/kafka/kafka-log.ts'
import type { TopicSpec } from '../../../../src/adapters/log/kafka/topics-file.ts'
import { partitionOf } from '../../../../src/adapters/log/partitioner.ts'
import {
  type PackedRecords,
  PackedRecordsBuilder
} from '../../../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../../../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../../../../src/market/records/trade-v2.ts'
import { trade } from '../../../support/trades.ts'

export const tradeCodec = makeRecordCodec<TradeV2>(tradeV2Schema)
export const tradeSchema = JSON.stringify(tradeV2Schema)

const topicSpec: TopicSpec = {
  partitions: 4,
  replication: 1,
  minInSyncReplicas: 1,
  retentionMs: 86_400_000,
  compression: 'lz4',
  cleanup: 'delete'
}

let topicCount = 0
/** A name that no other test of the file uses. */
export const newTopic = (name: string): string =>
  `market.crypto.trades.${name}-${(topicCount += 1)}`

export interface OpenedKafkaLog {
  readonly log: KafkaLog
  readonly events: readonly KafkaLogEvent[]
  readonly close: () => Promise<void>
}

export interface LogUnderTest {
  readonly bootstrap: string
  readonly topic: string
  readonly spec?: Partial<TopicSpec>
  readonly encoder?: KafkaConnection['encoder']
  readonly options?: Partial<KafkaLogOptions>
}

/** Closed when the test ends, if not before. */
export const openLog = async (asked: LogUnderTest): Promise<OpenedKafkaLog> => {
  const { bootstrap, topic, spec = {}, encoder, options = {} } = asked
  const scope = Scope.makeUnsafe()
  const events: KafkaLogEvent[] = []
  let isOpen = true
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  onTestFinished(close)
  const sendMsMax = options.sendMsMax ?? 10_000
  const opening = openKafkaLog({
    connection: {
      brokers: bootstrap.split(','),
      clientId: 'k2-test',
      requestMsMax: sendMsMax,
      encoder
    },
    topics: new Map([[topic, { ...topicSpec, ...spec }]]),
    landedOffset: () => undefined,
    sendMsMax,
    answerMsMax: 10_000,
    sampleMs: 200,
    overdueMs: 1_000,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    observe: (event) => events.push(event),
    ...options
  })
  const log = await Effect.runPromise(Scope.provide(opening, scope))
  return { log, events, close }
}

/** The partition of a symbol in a topic of the spec. */
export const partitionFor = (symbol: string, count = topicSpec.partitions): number =>
  partitionOf(symbol, count)

/** Trades of one symbol with ids from `firstId` on. */
export const packTrades = (symbol: string, firstId: number, count: number): PackedRecords => {
  const builder = new PackedRecordsBuilder()
  for (let id = firstId; id < firstId + count; id++) {
    builder.add(symbol, tradeCodec.encode(trade(symbol, id, { price: BigInt(id) * 1_000_001n })))
  }
  return builder.take(tradeCodec.fingerprint)
}
