/** Against a real broker: what was acknowledged is in the log, whatever happened on the way. */
import { readFileSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import { Partitioners } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { checkHistory } from '../../../../chaos/history/check-history.ts'
import { HistoryRecorder } from '../../../../chaos/history/history.ts'
import type { Stack } from '../../../../deploy/local/stack.ts'
import { makeKafka } from '../../../../src/adapters/log/kafka/kafka-client.ts'
import { readIndependently } from '../../../support/kafka/independent-client.ts'
import { loseResponses, produceApiKey } from '../../../support/kafka/kafka-frames.ts'
import {
  areServicesRequired,
  serviceStartMsMax,
  startKafka
} from '../../../support/kafka/kafka-stack.ts'
import { seededRandom } from '../../../../chaos/simulation/simulated-files.ts'
import { openTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'
import { newTopic, openLog, packTrades, tradeSchema } from './kafka-log-support.ts'

const brokerKills = 3
const lossRunsMax = 50
/** So many runs are looked at together: reading takes longer than a run. */
const lossRunsStep = 10
const sendMsMax = 1_000
const kafkaVersion = /<artifactId>kafka_[^]*?<version>([0-9.]+)<\/version>/.exec(
  readFileSync('deploy/local/maven/kafka.pom.xml', 'utf8')
)![1]!

describe.skipIf(!areServicesRequired)('appends to Kafka', () => {
  let stack: Stack
  let proxy: TcpProxy
  /** Where every connection goes through the proxy. */
  let proxied: string

  beforeAll(async () => {
    let target = { host: '127.0.0.1', port: 1 }
    proxy = await openTcpProxy(() => target)
    const { host, port } = proxy
    stack = await startKafka({ kafka: { proxied: [{ host, port }], tls: true, sasl: true } })
    target = { host, port: Number(stack.addresses.kafkaProxiedBootstrap!.split(':')[1]) }
    proxied = `${host}:${port}`
  }, serviceStartMsMax)

  afterEach(() => proxy.heal())

  afterAll(async () => {
    await proxy.close()
    await stack.destroy()
  })

  const messagesIn = (topic: string) =>
    readIndependently<{ readonly source_sequence: number }>({
      topic,
      schema: tradeSchema,
      client: { 'bootstrap.servers': stack.addresses.kafkaBootstrap }
    })

  const idsIn = (topic: string): ReadonlySet<number> =>
    new Set(messagesIn(topic).map(({ value }) => value.source_sequence))

  test('the broker is killed again and again: every acknowledged batch is in the log', async () => {
    const topic = newTopic('kills')
    const bootstrap = stack.addresses.kafkaBootstrap
    const options = { sendMsMax: 2_000, answerMsMax: 2_000 }
    const { log, events } = await openLog({ bootstrap, topic, options })
    const history = new HistoryRecorder()
    const run = { isOver: false, acknowledged: 0 }
    const lane = async (partition: number) => {
      for (let batch = 0; !run.isOver; batch++) {
        const firstId = 1 + 10 * (batch * 4 + partition)
        const ids = Array.from({ length: 10 }, (_, index) => firstId + index)
        const append = Effect.suspend(() => {
          const send = history.send(partition, String(partition), ids)
          return log.append(topic, partition, packTrades('BTCUSDT', firstId, 10)).pipe(
            Effect.tap(({ baseOffset }) => Effect.sync(() => send.ok(baseOffset))),
            Effect.tapError(() => Effect.sync(send.info))
          )
        })
        // As the publisher does: the same batch again until it is acknowledged.
        await Effect.runPromise(Effect.eventually(append))
        run.acknowledged += ids.length
      }
    }
    const lanes = [0, 1, 2, 3].map(lane)
    const kafka = stack.service('kafka')
    for (let kill = 0; kill < brokerKills; kill++) {
      const before = run.acknowledged
      await expect.poll(() => run.acknowledged).toBeGreaterThan(before + 100)
      await kafka.kill()
      await kafka.start()
    }
    run.isOver = true
    await Promise.all(lanes)
    const discarded = events.filter(({ type }) => type === 'producer.discarded')
    expect(discarded.length).toBeGreaterThanOrEqual(brokerKills)
    for (const { partition, offset, value } of messagesIn(topic)) {
      history.poll(9, String(partition), [{ offset, value: value.source_sequence }])
    }
    const { duplicate: _allowed, ...others } = checkHistory(history.events)
    expect(others).toEqual({
      'lost-write': [], unseen: [], 'inconsistent-offsets': [], nonmonotonic: []
    })
  })

  test('a send without an answer fails at its deadline, its producer is discarded', async () => {
    const topic = newTopic('silent')
    const { log, events } = await openLog({ bootstrap: proxied, topic, options: { sendMsMax } })
    const append = (firstId: number) => log.append(topic, 0, packTrades('BTCUSDT', firstId, 10))
    await Effect.runPromise(append(1))
    proxy.withhold('toClient')
    const failure = await Effect.runPromise(Effect.flip(append(11)))
    expect(failure.message).toContain(`${topic}-0: the log is unavailable: no answer to a send`)
    expect(events).toContainEqual({
      type: 'producer.discarded',
      topic,
      partition: 0,
      detail: `no answer to a send within ${sendMsMax} ms`
    })
    proxy.release('toClient')
    await Effect.runPromise(append(21))
    const opened = events.filter(({ type }) => type === 'producer.opened')
    expect(opened).toHaveLength(2)
    const inLog = idsIn(topic)
    for (const id of [1, 10, 21, 30]) expect(inLog).toContain(id)
  })

  test('an append that is interrupted leaves no producer with a send under way', async () => {
    const topic = newTopic('interrupted')
    const { log, events } = await openLog({ bootstrap: proxied, topic })
    const append = (firstId: number) => log.append(topic, 0, packTrades('BTCUSDT', firstId, 1))
    await Effect.runPromise(append(1))
    proxy.withhold('toServer')
    const interrupted = append(2).pipe(Effect.timeoutOption(200))
    expect((await Effect.runPromise(interrupted))._tag).toBe('None')
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'producer.discarded', detail: 'the send was interrupted' })
    )
    proxy.release('toServer')
    await Effect.runPromise(append(3))
    expect(log.usage().pendingBytes).toBe(0)
    expect(idsIn(topic)).toContain(3)
  })

  test('when the log is closed none of its connections is left', async () => {
    const topic = newTopic('closed')
    // Of clients before it: the proxy lets go of what it was told to withhold when it is healed.
    const others = new Set(proxy.connections)
    const own = () => [...proxy.connections].filter((it) => !others.has(it)).length
    const { log, close } = await openLog({ bootstrap: proxied, topic })
    await Effect.runPromise(log.append(topic, 0, packTrades('BTCUSDT', 1, 1)))
    expect(own()).toBeGreaterThan(0)
    await close()
    await expect.poll(own).toBe(0)
  })

  /** Of one run: ids of the messages of each send; all sends begin at once. */
  const sendsOf = (seed: number): readonly (readonly number[])[] => {
    const random = seededRandom(seed)
    let nextId = seed * 1_000
    return Array.from({ length: 3 + Math.floor(random() * 4) }, () =>
      Array.from({ length: 1 + Math.floor(random() * 2) }, () => nextId++)
    )
  }

  test('kafkajs#1005: what a stock idempotent producer loses, ours does not', async (context) => {
    const stock = await stockLosses()
    const losses = stock.lost.length === 0 ? 'nothing' : `ids ${stock.lost.join()}`
    await context.annotate(
      `kafkajs 2.2.4, idempotent, sends at once, on Kafka ${kafkaVersion}: of what it ` +
        `acknowledged in ${stock.runs} runs (id / 1000 is the seed) the log lacks ${losses}`
    )
    const topic = newTopic('ours')
    const { log } = await openLog({ bootstrap: proxied, topic, options: { sendMsMax } })
    const acknowledged: number[] = []
    for (let seed = 1; seed <= stock.runs; seed++) {
      const { filter, lost } = loseResponses(produceApiKey, 1)
      proxy.filter(filter)
      const appends = sendsOf(seed).map((ids) => {
        const append = log.append(topic, 0, packTrades('BTCUSDT', ids[0]!, ids.length))
        return Effect.map(Effect.eventually(append), () => acknowledged.push(...ids))
      })
      await Effect.runPromise(Effect.all(appends, { concurrency: 'unbounded' }))
      expect(lost()).toBe(1)
    }
    expect(acknowledged).toHaveLength(stock.sent)
    const inLog = idsIn(topic)
    expect(acknowledged.filter((id) => !inLog.has(id))).toEqual([])
  })

  /** Runs kafkajs as it comes until it has lost something. */
  const stockLosses = async () => {
    const topic = newTopic('stock')
    await (await openLog({ bootstrap: proxied, topic })).close()
    const acknowledged: number[] = []
    let sent = 0
    for (let runs = 1; ; runs++) {
      acknowledged.push(...(await stockRun(topic, runs)))
      sent += sendsOf(runs).flat().length
      if (runs % lossRunsStep !== 0) continue
      const inLog = new Set(
        readIndependently<string>({
          topic,
          schema: tradeSchema,
          decode: false,
          client: { 'bootstrap.servers': stack.addresses.kafkaBootstrap }
        }).map(({ value }) => Number(value))
      )
      const lost = acknowledged.filter((id) => !inLog.has(id))
      if (lost.length > 0 || runs === lossRunsMax) return { runs, sent, lost }
    }
  }

  /** Ids that a stock producer acknowledged in one run. */
  const stockRun = async (topic: string, seed: number): Promise<readonly number[]> => {
    const kafka = makeKafka(
      { brokers: [proxied], clientId: 'stock', requestMsMax: sendMsMax },
      () => undefined
    )
    const producer = kafka.producer({
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 5, initialRetryTime: 50 }
    })
    await producer.connect()
    const { filter, lost } = loseResponses(produceApiKey, 1)
    proxy.filter(filter)
    const sends = sendsOf(seed).map(async (ids) => {
      const messages = ids.map((id) => ({ key: 'BTCUSDT', partition: 0, value: String(id) }))
      await producer.send({ topic, messages, acks: -1 })
      return ids
    })
    const settled = await Promise.allSettled(sends)
    expect(lost()).toBe(1)
    await producer.disconnect()
    return settled.flatMap((send) => (send.status === 'fulfilled' ? send.value : []))
  }

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'with TLS and SASL %s',
    async (mechanism) => {
      const { bootstrap, authorityFile, username, password } = stack.addresses.kafkaSaslTls!
      const topic = newTopic(mechanism)
      const connection = (secret: string) => ({
        brokers: [bootstrap],
        clientId: 'k2-test',
        requestMsMax: 5_000,
        tls: { caFile: authorityFile },
        sasl: { mechanism, username, password: secret }
      })
      const options = { connection: connection(password) }
      const { log } = await openLog({ bootstrap, topic, options })
      await Effect.runPromise(log.append(topic, 0, packTrades('BTCUSDT', 1, 10)))
      expect(idsIn(topic).size).toBe(10)
      const refused = openLog({ bootstrap, topic, options: { connection: connection('wrong') } })
      await expect(refused).rejects.toThrow(/unavailable: .*(?:uthentication|SASL)/)
    }
  )

  test('a broker whose certificate nobody has signed is not spoken to', async () => {
    const { bootstrap } = stack.addresses.kafkaTls!
    const topic = newTopic('tls')
    const connection = { brokers: [bootstrap], clientId: 'k2', requestMsMax: 5_000, tls: {} }
    const refused = openLog({ bootstrap, topic, options: { connection } })
    await expect(refused).rejects.toThrow(/unavailable: .*certificate/)
  })
})
