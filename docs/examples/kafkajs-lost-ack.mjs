/**
 * Why K2's producers are not idempotent: kafkajs 2.2.4 acknowledges a batch that the broker dropped.
 *
 *     node docs/examples/kafkajs-lost-ack.mjs
 *
 * The sending code is kafkajs' own; the broker is a stand-in that keeps what it is sent, and
 * recognises repeats of an idempotent producer by first and last sequence number, as Kafka does.
 * Four batches are sent at once, and the answer to the first is lost after it was stored. kafkajs
 * takes the sequence numbers of the batch back before it tries again, and lets the others go on
 * meanwhile: the next batch gets the same numbers, and passes for a repeat.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const internals = require.resolve('kafkajs').replace(/index\.js$/, 'src/')
const createEosManager = require(`${internals}producer/eosManager`)
const createSendMessages = require(`${internals}producer/sendMessages`)
const createRetry = require(`${internals}retry`)
const { KafkaJSRequestTimeoutError } = require(`${internals}errors`)

const silent = () => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent, namespace: () => logger }

/** Keeps what it is sent in `log`; its first answer is lost. */
const standInBroker = () => {
  const log = []
  const recent = []
  let requests = 0
  const store = ({ firstSequence, messages }, producerId) => {
    const lastSequence = firstSequence + messages.length - 1
    const repeated = recent.find(
      (it) => it.firstSequence === firstSequence && it.lastSequence === lastSequence
    )
    if (repeated !== undefined) return repeated.offset
    const offset = log.length
    log.push(...messages.map(({ value }) => String(value)))
    if (producerId !== -1) recent.push({ firstSequence, lastSequence, offset })
    return offset
  }
  const produce = async ({ topicData: [{ topic, partitions }], producerId }) => {
    requests += 1
    const isFirst = requests === 1
    const offset = store(partitions[0], producerId)
    if (isFirst) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new KafkaJSRequestTimeoutError('the answer was lost', { broker: 'stand-in' })
    }
    const answer = { partition: 0, errorCode: 0, baseOffset: String(offset) }
    return { topics: [{ topicName: topic, partitions: [answer] }] }
  }
  const initProducerId = async () => ({ producerId: 7, producerEpoch: 0 })
  return { log, broker: { nodeId: '0', isConnected: () => true, initProducerId, produce } }
}

const clusterOf = (broker) => ({
  targetTopics: new Set(['trades']),
  retry: { initialRetryTime: 50, retries: 5 },
  isConnected: () => true,
  connect: async () => undefined,
  refreshMetadata: async () => undefined,
  refreshMetadataIfNecessary: async () => undefined,
  addMultipleTargetTopics: async () => undefined,
  removeBroker: silent,
  findBroker: async () => broker,
  findControllerBroker: async () => broker,
  findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 0, isr: [0], replicas: [0] }],
  findLeaderForPartitions: () => ({ 0: [0] })
})

/** What was acknowledged, and what the broker has. */
const sendAtOnce = async (isIdempotent) => {
  const { log, broker } = standInBroker()
  const cluster = clusterOf(broker)
  const options = { logger, cluster, transactionTimeout: 1_000, transactional: false }
  const eosManager = createEosManager(options)
  if (isIdempotent) await eosManager.initProducerId()
  const pace = { initialRetryTime: 50, retries: 8, factor: 0, multiplier: 2, maxRetryTime: 500 }
  const retrier = createRetry(pace)
  const send = createSendMessages({ logger, cluster, partitioner: () => 0, eosManager, retrier })
  const batches = ['A', 'B', 'C', 'D']
  const sent = await Promise.allSettled(
    batches.map((value) => {
      const messages = [{ value: Buffer.from(value) }]
      return send({ acks: -1, timeout: 1_000, topicMessages: [{ topic: 'trades', messages }] })
    })
  )
  const acknowledged = batches.filter((_, index) => sent[index].status === 'fulfilled')
  const lost = acknowledged.filter((batch) => !log.includes(batch))
  const doubled = batches.filter((batch) => log.indexOf(batch) !== log.lastIndexOf(batch))
  return { acknowledged, log, lost, doubled }
}

const report = {
  kafkajs: require('kafkajs/package.json').version,
  idempotent: await sendAtOnce(true),
  notIdempotent: await sendAtOnce(false)
}
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
