/**
 * A member of a consumer group that reads one topic for a lander, on top of kafkajs' consumer.
 *
 * 1. kafkajs decides nothing: it is told where to read, what it brings from elsewhere is dropped,
 *    and it does not start itself again. When it gives up, this member has failed for good (F-6).
 * 2. Which partitions are paused is declared: it follows from the partitions' state, and all of it
 *    is applied again at every join (F-7, F-8).
 * 3. Nothing waits inside of a batch but for a schema, and heartbeats go on meanwhile (F-10).
 * 4. A partition's memory is bounded: its share of `bufferBytesMax`, and once more what a fetch
 *    brings.
 */
import type { Batch, Consumer, EachBatchPayload } from 'kafkajs'
import { type Assignment, LogUnavailable, type Watermark } from '../event-log.ts'
import { topicPartitionName } from '../log-directory.ts'
import type { LogBatch } from '../record-batch.ts'
import { decompressOf, fetchedBatchesOf } from './fast-kafkajs.ts'
import { batchesOf, emptyBatch, type WriterSchemas } from './kafka-reader-batches.ts'
import { batchesOfFetched } from './kafka-reader-fetched.ts'
import { ReaderPartition } from './kafka-reader-partition.ts'

export interface MemberOptions {
  readonly topic: string
  /** Offsets may be missing: only the newest record of a key is kept. */
  readonly isCompacted: boolean
  readonly schemas: WriterSchemas
  readonly bufferBytesMax: number
  /** Between two heartbeats while a schema is waited for. */
  readonly heartbeatMs: number
  /** A clock that never goes back, ms. */
  readonly monotonicMs: () => number
  readonly observe: (event: MemberEvent) => void
}

export type MemberEvent =
  | { readonly type: 'group.joined'; readonly topic: string; readonly assignment: Assignment }
  | { readonly type: 'group.rebalancing'; readonly topic: string }
  | { readonly type: 'group.failed'; readonly topic: string; readonly detail: string }
  /** The offsets that the group shows are behind; nothing depends on them. */
  | { readonly type: 'hint.failed'; readonly topic: string; readonly detail: string }

export class GroupMember {
  readonly #options: MemberOptions
  readonly #consumer: Consumer
  readonly #partitions = new Map<number, ReaderPartition>()
  readonly #watermarkListeners = new Set<(watermark: Watermark) => void>()
  readonly #assignmentListeners = new Set<() => void>()
  #assignment: Assignment | undefined
  /** What kafkajs was told last; undefined where it may have forgotten. */
  #declaredPauses: string | undefined
  #failure: LogUnavailable | undefined
  #aliveMs: number

  constructor(consumer: Consumer, options: MemberOptions) {
    this.#consumer = consumer
    this.#options = options
    this.#aliveMs = options.monotonicMs()
    const { events } = consumer
    const alive = () => {
      this.#aliveMs = options.monotonicMs()
    }
    consumer.on(events.FETCH, alive)
    consumer.on(events.HEARTBEAT, alive)
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      alive()
      this.#joined(payload.memberAssignment[options.topic] ?? [])
    })
    consumer.on(events.REBALANCING, () =>
      options.observe({ type: 'group.rebalancing', topic: options.topic })
    )
    consumer.on(events.CRASH, ({ payload }) => this.fail(payload.error))
  }

  /** Joins the group; what becomes of it later is an assignment or a failure. */
  async start(): Promise<void> {
    const consumer = this.#consumer
    await consumer.connect()
    // Where to start is always said by a seek (1).
    await consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#take(payload)
    })
  }

  /** Leaves the group, so that others need not wait for the session to end. */
  async leave(): Promise<void> {
    await this.#consumer.disconnect()
  }

  get failure(): LogUnavailable | undefined {
    return this.#failure
  }

  get assignment(): Assignment | undefined {
    return this.#assignment
  }

  /** When the member last heard of the brokers, or they of it. */
  get aliveMs(): number {
    return this.#aliveMs
  }

  get partitions(): Iterable<ReaderPartition> {
    return this.#partitions.values()
  }

  partition(partition: number): ReaderPartition | undefined {
    return this.#partitions.get(partition)
  }

  onAssignment(listener: () => void): () => void {
    this.#assignmentListeners.add(listener)
    return () => this.#assignmentListeners.delete(listener)
  }

  onWatermark(listener: (watermark: Watermark) => void): () => void {
    this.#watermarkListeners.add(listener)
    return () => this.#watermarkListeners.delete(listener)
  }

  /** Reads from another offset. */
  seek(partition: ReaderPartition, offset: number): void {
    partition.startAt(offset, this.#options.monotonicMs())
    const { topic } = this.#options
    this.#consumer.seek({ topic, partition: partition.partition, offset: String(offset) })
    this.declarePauses()
  }

  /** Whoever waits for news of a partition looks again. */
  tell({ partition, durableEnd }: ReaderPartition): void {
    const watermark = { topic: this.#options.topic, partition, durableEnd }
    for (const listener of this.#watermarkListeners) listener(watermark)
  }

  /** (2) */
  declarePauses(): void {
    const { topic } = this.#options
    const all = [...this.#partitions.values()]
    const paused = all.filter(({ isWanted }) => !isWanted).map(({ partition }) => partition)
    const declared = paused.join()
    if (declared === this.#declaredPauses) return
    this.#consumer.resume([{ topic, partitions: all.map(({ partition }) => partition) }])
    this.#consumer.pause([{ topic, partitions: paused }])
    this.#declaredPauses = declared
  }

  /** A partition that is behind and brings nothing is to be looked into by who reads it. */
  lookForStalled(stalledMsMax: number): void {
    const nowMs = this.#options.monotonicMs()
    for (const partition of this.#partitions.values()) {
      if (!partition.isBehind || nowMs - partition.newsMs < stalledMsMax) continue
      partition.trouble = { kind: 'displaced' }
      this.tell(partition)
    }
  }

  /** For those who watch the group; the table alone says where landing is. */
  noteLanded(offsets: ReadonlyMap<number, number>): void {
    const { topic, observe } = this.#options
    const hints = [...offsets].map(([partition, offset]) => ({
      topic,
      partition,
      offset: String(offset)
    }))
    void this.#consumer.commitOffsets(hints).catch((error: unknown) => {
      observe({ type: 'hint.failed', topic, detail: detailOf(error) })
    })
  }

  /** Ends reading for good (1). */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return
    const { topic, observe } = this.#options
    const detail = detailOf(error)
    this.#failure = new LogUnavailable({ topicPartition: topic, detail })
    observe({ type: 'group.failed', topic, detail })
    for (const listener of this.#assignmentListeners) listener()
    for (const partition of this.#partitions.values()) this.tell(partition)
  }

  #joined(assigned: readonly number[]): void {
    const { topic, bufferBytesMax, monotonicMs, observe } = this.#options
    const partitions = assigned.toSorted((one, other) => one - other)
    const generation = (this.#assignment?.generation ?? 0) + 1
    const share = Math.floor(bufferBytesMax / Math.max(1, partitions.length))
    this.#partitions.clear()
    for (const partition of partitions) {
      this.#partitions.set(partition, new ReaderPartition(partition, share, monotonicMs()))
    }
    this.#assignment = { generation, partitions }
    this.#declaredPauses = undefined
    this.declarePauses()
    observe({ type: 'group.joined', topic, assignment: this.#assignment })
    for (const listener of this.#assignmentListeners) listener()
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { highWatermark, partition: number, fetchedOffset } = fetchedOf(payload)
    const partition = this.#partitions.get(number)
    const nextOffset = partition?.nextOffset
    const { heartbeatMs, monotonicMs, isCompacted } = this.#options
    if (partition?.trouble !== undefined || !payload.isRunning() || payload.isStale()) return
    if (partition === undefined || nextOffset === undefined) return
    partition.durableEnd = Math.max(partition.durableEnd, Number(highWatermark))
    if (Number(fetchedOffset) === nextOffset) {
      const heartbeat = () => {
        // Whoever waits for a schema is not stalled.
        partition.newsMs = monotonicMs()
        return payload.heartbeat()
      }
      const work = converting(this.#batchesIn(payload.batch, nextOffset))
      const converted = await beating(work, { heartbeat, heartbeatMs })
      // A join or a read may have sent the partition elsewhere meanwhile.
      if (this.#partitions.get(number) !== partition || payload.isStale()) return
      if (partition.nextOffset !== nextOffset || partition.trouble !== undefined) return
      if ('error' in converted) {
        partition.trouble = { kind: 'unread', error: converted.error }
      } else {
        partition.accept(converted.batches, { nowMs: monotonicMs(), isCompacted })
        payload.resolveOffset(String(partition.nextOffset - 1))
      }
    } else {
      // kafkajs has sent itself somewhere, for instance after an offset that was out of range.
      partition.trouble = { kind: 'displaced' }
    }
    this.declarePauses()
    this.tell(partition)
  }

  async #batchesIn(batch: Batch, fromOffset: number): Promise<readonly LogBatch[]> {
    const { topic, schemas, isCompacted } = this.#options
    const fetched = fetchedBatchesOf(batch)
    if (fetched === undefined) return batchesOf(batch.messages, schemas)
    const topicPartition = topicPartitionName(topic, batch.partition)
    const from = { topicPartition, fromOffset, decompressOf }
    const batches = await batchesOfFetched(fetched, from, schemas)
    const endOffset = fetched.at(-1)!.endOffset
    const nextOffset = batches.at(-1)?.endOffset ?? fromOffset
    // The last records of the last batch are gone: the same would be fetched again and again.
    return isCompacted && nextOffset < endOffset
      ? [...batches, emptyBatch(nextOffset, endOffset)]
      : batches
  }
}

/** A batch of kafkajs 2.2.4 says where it was fetched from; its types do not. */
interface Fetched {
  readonly partition: number
  readonly highWatermark: string
  readonly fetchedOffset: string
}

const fetchedOf = ({ batch }: EachBatchPayload): Fetched => batch as Batch & Fetched

type Converted = { readonly batches: readonly LogBatch[] } | { readonly error: unknown }

const converting = (work: Promise<readonly LogBatch[]>): Promise<Converted> =>
  work.then(
    (batches) => ({ batches }),
    (error: unknown) => ({ error })
  )

interface Beat {
  readonly heartbeat: () => Promise<void>
  readonly heartbeatMs: number
}

/** Heartbeats while work is waited for (3). Where one says that the group is anew, it rejects. */
const beating = async <A extends object>(
  work: Promise<A>,
  { heartbeat, heartbeatMs }: Beat
): Promise<A> => {
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const pause = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, heartbeatMs, undefined)
    })
    const done = await Promise.race([work, pause])
    clearTimeout(timer)
    if (done !== undefined) return done
    await heartbeat()
  }
}

const detailOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
