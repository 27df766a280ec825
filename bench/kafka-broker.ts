/**
 * A broker of Kafka of the benchmark's own: one node, its data in the workspace, and what K2 and
 * the figures do with it in this process. It ends with `close`, whatever happened before.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { openStack } from '../deploy/local/stack.ts'
import { type KafkaConnection, makeKafka } from '../src/adapters/log/kafka/kafka-client.ts'
import { type KafkaLog, openKafkaLog } from '../src/adapters/log/kafka/kafka-log.ts'
import { readTopicsFile } from '../src/adapters/log/kafka/topics-file.ts'
import { until } from '../test/support/until.ts'
import { processUse } from './environment.ts'
import { projectRoot } from './workspace.ts'

const topicsFile = join(projectRoot, 'deploy', 'kafka', 'topics.json')
const sendMsMax = 30_000
const answerMsMax = 10_000
const coordinatorMsMax = 60_000

export interface Broker {
  readonly bootstrap: string
  readonly connection: (encoder: 'fast' | 'stock') => KafkaConnection
  /** User and system time of its process so far, seconds. */
  readonly cpuSeconds: () => Promise<number>
  /** Ends it at once, and starts it again on the same data; `start` ends when it answers. */
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
  readonly close: () => Promise<void>
}

/** @param folder empty; it is removed with the broker */
export const openBroker = async (folder: string): Promise<Broker> => {
  const stack = await openStack({ folder, services: ['kafka'] })
  const bootstrap = stack.addresses.kafkaBootstrap
  await awaitCoordinator(bootstrap)
  const pid = await stack.service('kafka').pid()
  if (pid === undefined) throw new Error('the broker has ended')
  return {
    bootstrap,
    connection: (encoder) => ({
      brokers: [bootstrap],
      clientId: 'k2-bench',
      requestMsMax: sendMsMax,
      encoder
    }),
    cpuSeconds: async () => (await processUse(pid)).cpuSeconds,
    kill: () => stack.service('kafka').kill(),
    start: () => stack.service('kafka').start(),
    close: () => stack.destroy()
  }
}

/** A new broker makes the topic of the groups when the first one asks for its coordinator. */
const awaitCoordinator = async (bootstrap: string): Promise<void> => {
  const connection = { brokers: [bootstrap], clientId: 'k2-bench', requestMsMax: answerMsMax }
  const admin = makeKafka(connection, () => undefined).admin()
  await admin.connect()
  try {
    const ask = () => admin.describeGroups(['first'])
    const isThere = () => ask().then(() => true, () => undefined)
    await until(isThere, { what: 'a coordinator of groups', msMax: coordinatorMsMax })
  } finally {
    await admin.disconnect()
  }
}

/** K2's log with a topic, which is made as the deployment declares it. */
export const openTopic = (
  broker: Broker,
  topic: string,
  encoder: 'fast' | 'stock'
): Effect.Effect<KafkaLog, { readonly message: string }, Scope.Scope> =>
  Effect.flatMap(readTopicsFile(topicsFile), ({ specOf }) =>
    openKafkaLog({
      connection: broker.connection(encoder),
      topics: new Map([[topic, specOf(topic)]]),
      landedOffset: () => undefined,
      sendMsMax,
      answerMsMax,
      sampleMs: 1_000,
      overdueMs: 10_000,
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      observe: () => undefined
    })
  )
