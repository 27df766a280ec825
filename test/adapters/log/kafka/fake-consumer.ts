/** kafkajs' consumer as the reader uses it, driven by hand. */
import type { Consumer, EachBatchHandler, Kafka } from 'kafkajs'

const events = {
  FETCH: 'fetch',
  HEARTBEAT: 'heartbeat',
  GROUP_JOIN: 'join',
  REBALANCING: 'rebalancing',
  CRASH: 'crash'
}

interface Fetch {
  readonly fetchedOffset?: number
  readonly end?: number
  readonly value?: Buffer
}

export class FakeConsumer {
  readonly topic: string
  /** By partition. */
  readonly seeks: (readonly [partition: number, offset: number])[] = []
  readonly committed: (readonly [partition: number, offset: number])[] = []
  paused = new Set<number>()
  resolved = new Map<number, number>()
  heartbeats = 0
  onHeartbeat: () => void = () => undefined
  isLeft = false
  commitFailure: Error | undefined
  #run: (eachBatch: EachBatchHandler) => void = () => undefined
  readonly #running = new Promise<EachBatchHandler>((resolve) => {
    this.#run = resolve
  })
  readonly #listeners = new Map<string, (event: { payload: unknown }) => void>()

  constructor(topic: string) {
    this.topic = topic
  }

  asKafka(): Kafka {
    return { consumer: () => this.#asConsumer() } as unknown as Kafka
  }

  /** A join makes kafkajs forget what was paused (F-7). */
  join(partitions: readonly number[]): void {
    this.paused = new Set()
    this.#emit(events.GROUP_JOIN, { memberAssignment: { [this.topic]: partitions } })
  }

  crash(error: Error): void {
    this.#emit(events.CRASH, { error })
  }

  /** What a fetch from `fetchedOffset` brought. */
  async push(
    partition: number,
    offsets: readonly number[],
    { fetchedOffset = offsets[0]!, end = offsets.at(-1)! + 1, value = Buffer.from('x') }: Fetch = {}
  ): Promise<void> {
    const batch = {
      topic: this.topic,
      partition,
      highWatermark: String(end),
      fetchedOffset: String(fetchedOffset),
      messages: offsets.map((offset) => ({
        offset: String(offset),
        timestamp: '0',
        key: Buffer.from('k'),
        value
      }))
    }
    const eachBatch = await this.#running
    await eachBatch({
      batch,
      heartbeat: async () => {
        this.heartbeats++
        this.onHeartbeat()
      },
      isRunning: () => true,
      isStale: () => false,
      resolveOffset: (offset: string) => this.resolved.set(partition, Number(offset))
    } as never)
  }

  #emit(event: string, payload: unknown): void {
    this.#listeners.get(event)?.({ payload })
  }

  #asConsumer(): Consumer {
    const consumer = {
      events,
      on: (event: string, listener: (event: { payload: unknown }) => void) =>
        this.#listeners.set(event, listener),
      connect: async () => undefined,
      subscribe: async () => undefined,
      run: async ({ eachBatch }: { eachBatch: EachBatchHandler }) => {
        this.#run(eachBatch)
      },
      disconnect: async () => {
        this.isLeft = true
      },
      seek: ({ partition, offset }: { partition: number; offset: string }) =>
        this.seeks.push([partition, Number(offset)]),
      pause: ([{ partitions }]: [{ partitions: readonly number[] }]) => {
        for (const partition of partitions) this.paused.add(partition)
      },
      resume: ([{ partitions }]: [{ partitions: readonly number[] }]) => {
        for (const partition of partitions) this.paused.delete(partition)
      },
      commitOffsets: async (offsets: readonly { partition: number; offset: string }[]) => {
        if (this.commitFailure !== undefined) throw this.commitFailure
        this.committed.push(
          ...offsets.map(({ partition, offset }) => [partition, Number(offset)] as const)
        )
      }
    }
    return consumer as unknown as Consumer
  }
}
