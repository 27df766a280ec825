import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { describe, expect, test } from 'vitest'
import {
  RecordPublisher,
  type RecordPublisherOptions
} from '../../../src/actors/publisher/record-publisher.ts'
import { codecPacker } from '../../../src/actors/publisher/record-packer.ts'
import { LogFull, LogUnavailable } from '../../../src/adapters/log/event-log.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import {
  forEachRecord,
  openBatch,
  type PackedRecords,
  sealBatch
} from '../../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { trade } from '../../support/trades.ts'

const topic = 'market.crypto.trades.binance'
const codec = makeRecordCodec<TradeV2>(tradeV2Schema)

/** A log in memory whose appends succeed, refuse or wait as the test says. */
class FakeLog {
  readonly topics: ReadonlyMap<string, number>
  readonly ids = new Map<number, number[]>()
  outstanding = 0
  outstandingMax = 0
  answer: () => Effect.Effect<void, LogFull | LogUnavailable> = () => Effect.void
  #next = 0

  constructor(partitionCount: number) {
    this.topics = new Map([[topic, partitionCount]])
  }

  append = (_topic: string, partition: number, packed: PackedRecords) =>
    Effect.gen({ self: this }, function* () {
      this.outstanding++
      this.outstandingMax = Math.max(this.outstandingMax, this.outstanding)
      yield* Effect.ensuring(this.answer(), Effect.sync(() => this.outstanding--))
      const baseOffset = this.#next
      this.#next += packed.recordCount
      sealBatch(packed, { baseOffset, appendedMsMin: 0, appendedMsMax: 0, startsGroup: false })
      const batch = openBatch(packed.bytes, 0, packed.bytes.length)
      forEachRecord(batch, ({ valueStart, valueEnd }) => {
        const ids = this.ids.get(partition) ?? []
        ids.push(codec.decode(batch.bytes, valueStart, valueEnd).source_sequence!)
        this.ids.set(partition, ids)
      })
      return { baseOffset }
    })
}

const publisherOn = (log: FakeLog, change: Partial<RecordPublisherOptions<TradeV2>> = {}) =>
  new RecordPublisher({
    log,
    topic,
    packer: codecPacker(codec),
    bytesMax: 1_000_000,
    batchBytesMax: 1_000,
    lingerMs: 1,
    refusedPauseMs: 1,
    isSheddable: false,
    refusal: () => undefined,
    nowMs: () => 0,
    observe: () => undefined,
    ...change
  })

describe('record publisher', () => {
  test('finish sends what is pending; each key keeps its order in its own partition', async () => {
    const log = new FakeLog(4)
    const publisher = publisherOn(log)
    const symbols = ['BTCUSDT', 'ETHUSDT', 'DOGEUSDT']
    const trades = Array.from({ length: 300 }, (_, id) => trade(symbols[id % 3]!, id))
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(publisher.run)
        for (let start = 0; start < trades.length; start += 7) {
          yield* publisher.offer(trades.slice(start, start + 7))
        }
        yield* publisher.finish
        yield* Fiber.join(running)
      })
    )
    for (const [index, symbol] of symbols.entries()) {
      const ids = log.ids.get(partitionOf(symbol, 4))!.filter((id) => id % 3 === index)
      expect(ids).toEqual(Array.from({ length: 100 }, (_, position) => position * 3 + index))
    }
    expect(publisher.pendingBytes).toBe(0)
  })

  test('a lane has one append outstanding', async () => {
    const log = new FakeLog(1)
    const published: number[] = []
    const publisher = publisherOn(log, {
      observe: (event) => event.type === 'batch.published' && published.push(event.records)
    })
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(publisher.run)
        yield* publisher.offer(Array.from({ length: 200 }, (_, id) => trade('BTCUSDT', id)))
        yield* publisher.finish
        yield* Fiber.join(running)
      })
    )
    expect(log.outstandingMax).toBe(1)
    expect(published.length).toBeGreaterThan(1)
    expect(log.ids.get(0)).toEqual(Array.from({ length: 200 }, (_, id) => id))
  })

  test('offers wait while the bound is passed, and go on when the log answers', async () => {
    const log = new FakeLog(1)
    const release = Deferred.makeUnsafe<void>()
    log.answer = () => Deferred.await(release)
    const publisher = publisherOn(log, { bytesMax: 2_000 })
    let offered = 0
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(publisher.run)
        const offering = yield* Effect.forkChild(
          Effect.gen(function* () {
            for (let id = 0; id < 100; id++) {
              yield* publisher.offer([trade('BTCUSDT', id)])
              offered++
            }
          })
        )
        while (publisher.pendingBytes <= 2_000) yield* Effect.yieldNow
        expect(offered).toBeLessThan(100)
        expect(publisher.pendingBytes).toBeLessThan(2_000 + 500)
        yield* Deferred.succeed(release, undefined)
        yield* Fiber.join(offering)
        yield* publisher.finish
        yield* Fiber.join(running)
      })
    )
    expect(log.ids.get(0)).toEqual(Array.from({ length: 100 }, (_, id) => id))
  })

  test('a refused batch is offered again before anything newer', async () => {
    const log = new FakeLog(1)
    let refusals = 3
    log.answer = () =>
      refusals-- > 0
        ? Effect.fail(new LogFull({ topicPartition: 't-0', bytes: 1, bytesMax: 1 }))
        : Effect.void
    const events: string[] = []
    const publisher = publisherOn(log, { observe: ({ type }) => events.push(type) })
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(publisher.run)
        yield* publisher.offer([trade('BTCUSDT', 1)])
        yield* publisher.offer([trade('BTCUSDT', 2)])
        yield* publisher.finish
        yield* Fiber.join(running)
      })
    )
    expect(log.ids.get(0)).toEqual([1, 2])
    expect(events.filter((type) => type === 'batch.refused')).toHaveLength(3)
  })

  test('while there is a reason not to append, batches wait', async () => {
    const log = new FakeLog(1)
    let asked = 0
    const publisher = publisherOn(log, {
      isSheddable: false,
    refusal: () => (asked++ < 2 ? 'the disk is full' : undefined)
    })
    await Effect.runPromise(
      Effect.gen(function* () {
        yield* publisher.offer([trade('BTCUSDT', 1)])
        yield* publisher.finish
        yield* publisher.run
      })
    )
    expect(asked).toBe(3)
    expect(log.ids.get(0)).toEqual([1])
  })

  test('an unavailable log fails the publisher', async () => {
    const log = new FakeLog(1)
    log.answer = () => Effect.fail(new LogUnavailable({ topicPartition: 't-0', detail: 'EIO' }))
    const publisher = publisherOn(log)
    const error = await Effect.runPromise(
      Effect.gen(function* () {
        yield* publisher.offer([trade('BTCUSDT', 1)])
        return yield* Effect.flip(publisher.run)
      })
    )
    expect(error._tag).toBe('LogUnavailable')
  })

  test('who would drop records does not wait for room while the log refuses', async () => {
    const log = new FakeLog(1)
    let refusal: string | undefined = 'full'
    const publisher = publisherOn(log, {
      bytesMax: 1_000,
      isSheddable: true,
      refusal: () => refusal
    })
    const trades = Array.from({ length: 100 }, (_, id) => trade('BTCUSDT', id))
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(publisher.run)
        // More than there is room for: it would wait for ever.
        yield* publisher.offer(trades)
        expect(publisher.refused).toBe(true)
        refusal = undefined
        yield* publisher.finish
        yield* Fiber.join(running)
      })
    )
    expect(publisher.refused).toBe(false)
    expect(log.ids.get(0)).toEqual(trades.map(({ source_sequence: id }) => id))
  })
})
