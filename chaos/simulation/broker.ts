/**
 * A broker behind the ports of the event log, as Kafka stands behind them: what it has acknowledged
 * it keeps. What is sent to it may be lost, late or doubled on the way, and so may its answers; a
 * send that its sender gave up arrives all the same.
 */
import * as Effect from 'effect/Effect'
import {
  type Assignment,
  type EventLog,
  type EventLogReader,
  type LogBounds,
  LogUnavailable,
  OffsetOutOfRange,
  type Watermark
} from '../../src/adapters/log/event-log.ts'
import {
  type LogBatch,
  openBatch,
  type PackedRecords,
  sealBatch
} from '../../src/adapters/log/record-batch.ts'
import type { Environment } from './environment.ts'
import type { Link } from './network.ts'
import type { SimulatedProcess } from './process.ts'

const answerMsMax = 2_000

export class Broker {
  readonly topics: ReadonlyMap<string, number>
  readonly #environment: Environment
  readonly #identity: string
  readonly #batches = new Map<string, LogBatch[]>()
  readonly #watchers = new Set<(watermark: Watermark) => void>()
  #isUp = true

  constructor(environment: Environment, topics: ReadonlyMap<string, number>) {
    this.#environment = environment
    this.#identity = environment.uuid()
    this.topics = topics
  }

  get identity(): string {
    return this.#identity
  }

  get isUp(): boolean {
    return this.#isUp
  }

  goDown(ms: number): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#environment.trace('broker', 'goes down')
    this.#environment.scheduler.after(ms, () => this.comeUp())
  }

  comeUp(): void {
    if (!this.#isUp) this.#environment.trace('broker', 'comes up')
    this.#isUp = true
  }

  /** All batches of a partition, in their order. */
  batchesOf(topic: string, partition: number): readonly LogBatch[] {
    return this.#batches.get(`${topic}-${partition}`) ?? []
  }

  endOf(topic: string, partition: number): number {
    return this.batchesOf(topic, partition).at(-1)?.endOffset ?? 0
  }

  append(topic: string, partition: number, packed: PackedRecords): number {
    const baseOffset = this.endOf(topic, partition)
    const bytes = Buffer.from(packed.bytes)
    const nowMs = this.#environment.wallMs
    sealBatch(
      { ...packed, bytes },
      { baseOffset, appendedMsMin: nowMs, appendedMsMax: nowMs, startsGroup: false }
    )
    const batches = this.#batches.get(`${topic}-${partition}`) ?? []
    this.#batches.set(`${topic}-${partition}`, batches)
    const batch = openBatch(bytes, 0, bytes.length)
    batches.push(batch)
    this.#environment.trace('broker', `${topic}-${partition} ends at ${batch.endOffset}`)
    for (const watch of this.#watchers) watch({ topic, partition, durableEnd: batch.endOffset })
    return baseOffset
  }

  watch(watcher: (watermark: Watermark) => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }
}

export interface BrokerClient {
  readonly environment: Environment
  readonly broker: Broker
  readonly process: SimulatedProcess
  readonly link: Link
  /** After so long a send is given up. */
  readonly sendMsMax: number
  /** A send arrived that its sender had given up. */
  readonly onLate: () => void
}

const away = (topicPartition: string, detail: string) =>
  new LogUnavailable({ topicPartition, detail })

/** The log as a process has it that appends to it. */
export const brokerLog = (client: BrokerClient): EventLog => {
  const { broker } = client
  return {
    topics: broker.topics,
    identityOf: () => broker.identity,
    faults: [],
    append: (topic, partition, packed) => send(client, { topic, partition, packed }),
    bounds: (topic, partition) => bounds(client, topic, partition),
    changed: (listener) => watched(client, listener),
    watermarks: () => watermarks(broker),
    setConsumed: () => undefined,
    unconsumedBytes: () => 0,
    usage: () => ({ diskBytes: 0, pendingBytes: 0 })
  }
}

const watermarks = (broker: Broker): readonly Watermark[] =>
  [...broker.topics].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({
      topic,
      partition,
      durableEnd: broker.endOf(topic, partition)
    }))
  )

const watched = (
  { broker, link, process }: BrokerClient,
  listener: (watermark: Watermark) => void
): (() => void) =>
  broker.watch((watermark) => {
    if (!process.isRunning || !broker.isUp) return
    link.send(`${process.name} hears of news`, () => {
      if (process.isRunning) listener(watermark)
    })
  })

interface Send {
  readonly topic: string
  readonly partition: number
  readonly packed: PackedRecords
}

const send = (client: BrokerClient, { topic, partition, packed }: Send) =>
  Effect.callback<{ readonly baseOffset: number }, LogUnavailable>((resume) => {
    const { environment, broker, link, process, sendMsMax, onLate } = client
    const name = `${topic}-${partition}`
    // What is on the wire is shared with nobody.
    const sent = { ...packed, bytes: Buffer.from(packed.bytes) }
    const state = { isGivenUp: false }
    const arrive = () => {
      if (!broker.isUp) return
      const baseOffset = broker.append(topic, partition, sent)
      if (state.isGivenUp || !process.isRunning) onLate()
      answer(client, `the broker has ${name} at ${baseOffset}`, () => {
        giveUp()
        resume(Effect.succeed({ baseOffset }))
      })
    }
    if (!environment.strikes('requestLost', 'fault: request lost')) {
      const isLate = environment.strikes('requestLate', 'fault: request late')
      const lateMs = isLate ? environment.between(200, 5 * sendMsMax) : 0
      link.send(`${process.name} sends ${packed.recordCount} records of ${name}`, arrive, lateMs)
      if (environment.strikes('requestTwice', 'fault: request twice')) {
        link.send(`${process.name} sends them twice`, arrive, environment.between(1, 5_000))
      }
    }
    const giveUp = process.after(sendMsMax, () => {
      state.isGivenUp = true
      resume(Effect.fail(away(name, 'the broker did not answer in time')))
    })
    return Effect.sync(() => {
      state.isGivenUp = true
      giveUp()
    })
  })

/** An answer may be lost, or come twice. */
const answer = ({ environment, link, process }: BrokerClient, what: string, tell: () => void) => {
  if (environment.strikes('answerLost', 'fault: acknowledgement lost')) return
  const hear = () => {
    if (process.isRunning) tell()
  }
  link.send(`${process.name} hears: ${what}`, hear)
  if (environment.strikes('answerTwice', 'fault: acknowledgement twice')) {
    link.send(`${process.name} hears again: ${what}`, hear, environment.between(0, 500))
  }
}

/** A question that changes nothing. */
const ask = <A>(
  { broker, link, process }: BrokerClient,
  what: string,
  read: () => A
): Effect.Effect<A, LogUnavailable> =>
  Effect.callback<A, LogUnavailable>((resume) => {
    link.send(`${process.name} asks: ${what}`, () => {
      if (!broker.isUp) return
      const found = read()
      link.send(`${process.name} is told: ${what}`, () => {
        giveUp()
        if (process.isRunning) resume(Effect.succeed(found))
      })
    })
    const giveUp = process.after(answerMsMax, () =>
      resume(Effect.fail(away(what, 'the broker did not answer in time')))
    )
    return Effect.sync(giveUp)
  })

const bounds = (
  client: BrokerClient,
  topic: string,
  partition: number
): Effect.Effect<LogBounds, LogUnavailable> =>
  ask(client, `bounds of ${topic}-${partition}`, () => ({
    startOffset: 0,
    durableEnd: client.broker.endOf(topic, partition)
  }))

/** What a member of the group of readers knows of its assignment. */
export interface Membership {
  readonly assignment: Effect.Effect<Assignment>
  readonly changed: (listener: () => void) => () => void
}

/** The log as a lander reads it. */
export const brokerReader = (client: BrokerClient, member: Membership): EventLogReader => {
  const { broker } = client
  return {
    identityOf: () => broker.identity,
    topics: broker.topics,
    assignment: () => member.assignment,
    assignmentChanged: member.changed,
    bounds: (topic, partition) => bounds(client, topic, partition),
    read: (topic, partition, { fromOffset, bytesMax }) => {
      const name = `${topic}-${partition}`
      const read = ask(client, `${name} from ${fromOffset}`, () => ({
        durableEnd: broker.endOf(topic, partition),
        batches: batchesFrom(broker.batchesOf(topic, partition), fromOffset, bytesMax)
      }))
      return Effect.flatMap(read, ({ durableEnd, batches }) =>
        fromOffset > durableEnd
          ? Effect.fail(
              new OffsetOutOfRange({ topicPartition: name, fromOffset, startOffset: 0, durableEnd })
            )
          : Effect.succeed(batches)
      )
    },
    changed: (listener) => watched(client, listener),
    confirm: () => Effect.void,
    noteLanded: () => undefined
  }
}

const batchesFrom = (
  batches: readonly LogBatch[],
  fromOffset: number,
  bytesMax: number
): readonly LogBatch[] => {
  const found: LogBatch[] = []
  let bytes = 0
  for (const batch of batches) {
    if (batch.endOffset <= fromOffset) continue
    if (found.length > 0 && bytes + batch.bytes.length > bytesMax) break
    bytes += batch.bytes.length
    found.push(batch)
  }
  return found
}

/** The broker's log as it is, for who only looks. */
export const stillLog = (
  broker: Broker
): Pick<EventLogReader, 'read' | 'bounds' | 'identityOf'> => ({
  identityOf: () => broker.identity,
  bounds: (topic, partition) =>
    Effect.succeed({ startOffset: 0, durableEnd: broker.endOf(topic, partition) }),
  read: (topic, partition, { fromOffset }) =>
    Effect.succeed(
      broker.batchesOf(topic, partition).filter(({ endOffset }) => endOffset > fromOffset)
    )
})
