import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeLander } from '../../../src/actors/lander/lander.ts'
import {
  type LanderEvent,
  type LanderOptions,
  type LandedRows,
  LandingFailed,
  type LandingTable,
  type RecordedPosition
} from '../../../src/actors/lander/lander-ports.ts'
import type { DeadLetterEntry } from '../../../src/adapters/dead-letters/dead-letter-log.ts'
import {
  type EventLogReader,
  OffsetOutOfRange,
  type Watermark
} from '../../../src/adapters/log/event-log.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import {
  type LogBatch,
  openBatch,
  PackedRecordsBuilder,
  sealBatch
} from '../../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { tradeRules } from '../../../src/machines/trade-rules.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'
import { trade } from '../../support/trades.ts'

const topic = 'market.crypto.trades.binance'
const partitionCount = 2
const codec = makeRecordCodec<TradeV2>(tradeV2Schema)

class FakeLog implements EventLogReader {
  identity = 'log-1'
  readonly identityOf = () => this.identity
  readonly topics = new Map([[topic, partitionCount]])
  readonly batches: LogBatch[][] = [[], []]
  startOffset = 0
  readonly #listeners = new Set<(watermark: Watermark) => void>()

  append(
    partition: number,
    records: readonly { key: string; value: Uint8Array }[],
    fingerprint = codec.fingerprint
  ) {
    const builder = new PackedRecordsBuilder()
    for (const { key, value } of records) builder.add(key, value)
    const packed = builder.take(fingerprint)
    sealBatch(packed, {
      baseOffset: this.end(partition),
      appendedMsMin: 0,
      appendedMsMax: 0,
      startsGroup: false
    })
    this.batches[partition]!.push(openBatch(packed.bytes, 0, packed.bytes.length))
    for (const listener of this.#listeners) {
      listener({ topic, partition, durableEnd: this.end(partition) })
    }
  }

  appendTrades(trades: readonly TradeV2[]) {
    for (const record of trades) {
      this.append(partitionOf(record.symbol, partitionCount), [
        { key: record.symbol, value: Uint8Array.from(codec.encode(record)) }
      ])
    }
  }

  end(partition: number): number {
    return this.batches[partition]!.at(-1)?.endOffset ?? 0
  }

  bounds = (_topic: string, partition: number) =>
    Effect.succeed({ startOffset: this.startOffset, durableEnd: this.end(partition) })

  read: EventLogReader['read'] = (_topic, partition, { fromOffset }) =>
    fromOffset > this.end(partition)
      ? Effect.fail(
          new OffsetOutOfRange({
            topicPartition: 't',
            fromOffset,
            startOffset: 0,
            durableEnd: this.end(partition)
          })
        )
      : Effect.succeed(
          this.batches[partition]!.filter(({ endOffset }) => endOffset > fromOffset).slice(0, 2)
        )

  changed = (listener: (watermark: Watermark) => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

type Row = readonly [messageId: string, offset: number]

class FakeRows implements LandedRows<TradeV2> {
  rows: Row[] = []
  get length() {
    return this.rows.length
  }
  push(record: TradeV2, _partition: string, offset: number) {
    this.rows.push([record.message_id, offset])
  }
  clear() {
    this.rows = []
  }
}

type Fault = 'writeRows' | 'writeState' | 'commitBefore' | 'commitAfter'

/** A table whose commit is atomic, and that fails where the test says. */
class FakeTable implements LandingTable<TradeV2, readonly Row[]> {
  readonly landed: Row[] = []
  readonly recorded = new Map<number, RecordedPosition>()
  readonly states = new Map<string, Uint8Array>()
  faults: Fault[] = []
  commits = 0
  fences = 0
  otherLogs: string[] = []
  #states = 0

  #fail(step: Fault): Effect.Effect<void, LandingFailed> {
    if (this.faults[0] !== step) return Effect.void
    this.faults.shift()
    return Effect.fail(new LandingFailed({ step, detail: 'injected', isDependency: true }))
  }

  positions = Effect.sync(() => ({
    byPartition: new Map(this.recorded),
    otherLogs: this.otherLogs,
    fault: null
  }))
  readState = (path: string) =>
    Effect.suspend(() =>
      this.states.has(path)
        ? Effect.succeed(this.states.get(path)!)
        : Effect.fail(
            new LandingFailed({ step: 'state', detail: `${path} is missing`, isDependency: false })
          )
    )
  writeState = (partition: number, bytes: Uint8Array) =>
    Effect.andThen(this.#fail('writeState'), Effect.sync(() => {
      const path = `state-${partition}-${this.#states++}`
      this.states.set(path, bytes)
      return path
    }))
  writeRows = (rows: LandedRows<TradeV2>) =>
    Effect.andThen(
      this.#fail('writeRows'),
      Effect.sync((): readonly Row[] => [...(rows as FakeRows).rows])
    )
  commit: LandingTable<TradeV2, readonly Row[]>['commit'] = ({ files, advances }) =>
    Effect.gen({ self: this }, function* () {
      yield* this.#fail('commitBefore')
      for (const { partition, fromOffset } of advances) {
        if ((this.recorded.get(partition)?.offset ?? null) !== fromOffset) {
          this.fences++
          return { kind: 'fenced', detail: `partition ${partition}` } as const
        }
      }
      this.landed.push(...files)
      for (const { partition, nextOffset, statePath } of advances) {
        this.recorded.set(partition, { offset: nextOffset, statePath })
      }
      this.commits++
      yield* this.#fail('commitAfter')
      return { kind: 'landed', snapshotId: String(this.commits) } as const
    })
}

interface World {
  readonly log: FakeLog
  readonly table: FakeTable
  readonly letters: DeadLetterEntry[]
  readonly events: LanderEvent[]
}

const makeWorld = (): World => ({
  log: new FakeLog(),
  table: new FakeTable(),
  letters: [],
  events: []
})

const landerOf = ({ log, table, letters, events }: World, change: Partial<LanderOptions> = {}) =>
  makeLander(
    {
      topic,
      commitRowsMax: 1_000,
      commitBytesMax: 1e6,
      commitAgeMs: 10,
      limits: defaultSequenceLimits,
      logFaults: new Map(),
      ...change
    },
    {
      log,
      table,
      rows: [new FakeRows(), new FakeRows()] as const,
      codec,
      rules: tradeRules,
      deadLetters: { write: (entries) => Effect.sync(() => void letters.push(...entries)) },
      partitionOf,
      nowMs: () => performance.now(),
      uuid: () => 'commit',
      observe: (event) => events.push(event)
    }
  )

/** Lands all that the log holds, restarting after each failure, as a supervisor would. */
const drain = async (world: World, change: Partial<LanderOptions> = {}): Promise<void> => {
  for (;;) {
    const lander = landerOf(world, change)
    const exit = await Effect.runPromiseExit(Effect.andThen(lander.finish, lander.run))
    if (exit._tag === 'Success') return
  }
}

const ids = (rows: readonly Row[]) => rows.map(([id]) => id).sort()

describe('lander', () => {
  test('lands what the log holds, with offsets and state, and nothing without news', async () => {
    const world = makeWorld()
    world.log.appendTrades([1, 2, 3].flatMap((id) => [trade('BTCUSDT', id), trade('ETHUSDT', id)]))
    await drain(world)
    expect(world.table.landed).toHaveLength(6)
    expect([0, 1].map((p) => world.table.recorded.get(p)?.offset ?? 0)).toEqual(
      [0, 1].map((p) => world.log.end(p))
    )
    const { commits } = world.table
    await drain(world)
    expect(world.table.commits).toBe(commits)
  })

  test('a batch of repeats adds no row and still moves the offset (R30)', async () => {
    const world = makeWorld()
    world.log.appendTrades([trade('BTCUSDT', 1)])
    await drain(world)
    world.log.appendTrades([trade('BTCUSDT', 1), trade('BTCUSDT', 1)])
    await drain(world)
    expect(world.table.landed).toHaveLength(1)
    expect(world.table.recorded.get(partitionOf('BTCUSDT', 2))!.offset).toBe(3)
  })

  test('bad records go to the dead letters with position and bytes, neighbours land', async () => {
    const world = makeWorld()
    const own = partitionOf('BTCUSDT', 2)
    const value = Uint8Array.from(codec.encode(trade('BTCUSDT', 1)))
    world.log.append(own, [
      { key: 'BTCUSDT', value: Buffer.from('noise') },
      { key: 'BTCUSDT', value },
      {
        key: 'BTCUSDT',
        value: Uint8Array.from(codec.encode({ ...trade('BTCUSDT', 2), price: 0n }))
      }
    ])
    world.log.append(1 - own, [{ key: 'BTCUSDT', value }])
    world.log.append(own, [{ key: 'BTCUSDT', value }], '0123456789abcdef')
    await drain(world)
    expect(ids(world.table.landed)).toEqual(['BINANCE:BTCUSDT:1'])
    expect(
      new Set(
        world.letters.map(
          ({ reason, position }) => `${reason} ${position!.partition} ${position!.offset}`
        )
      )
    ).toEqual(
      new Set([
        `undecodable ${own} 0`,
        `invalid_field ${own} 2`,
        `undecodable ${own} 3`,
        `wrong_partition ${1 - own} 0`
      ])
    )
    expect(world.letters).toHaveLength(4)
    expect(
      Buffer.from(
        world.letters.find(({ position }) => position!.offset === 0 && position!.partition === own)!
          .raw
      ).toString()
    ).toBe('noise')
  })

  test('a fence discards, re-reads the table and goes on (R19)', async () => {
    const world = makeWorld()
    world.log.appendTrades([1, 2, 3].map((id) => trade('BTCUSDT', id)))
    const partition = partitionOf('BTCUSDT', 2)
    const first = landerOf(world, { commitAgeMs: 1 })
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(first.run)
        while (world.table.commits === 0) yield* Effect.sleep(1)
        // Somebody sets the table back: its first row and offset only.
        world.table.landed.length = 0
        world.table.recorded.delete(partition)
        world.log.appendTrades([trade('BTCUSDT', 4)])
        yield* first.finish
        yield* Fiber.join(running)
      })
    )
    expect(world.table.fences).toBe(1)
    expect(ids(world.table.landed)).toEqual([1, 2, 3, 4].map((id) => `BINANCE:BTCUSDT:${id}`))
  })

  test.each([
    [
      'an offset below the log',
      (world: World) => {
        world.log.startOffset = 2
      },
      'begins at 2'
    ],
    [
      'an offset beyond the log',
      (world: World) => {
        world.log.batches[partitionOf('BTCUSDT', 2)] = []
      },
      'ends at 0'
    ],
    [
      'a missing state',
      (world: World) => {
        world.table.states.clear()
      },
      'cannot be read'
    ],
    [
      'another log',
      (world: World) => {
        world.table.recorded.clear()
        world.table.otherLogs = ['log-0']
      },
      'not from log-1'
    ]
  ])(
    '%s stops the partition by name and lands nothing of it (R8, R10)',
    async (_name, break_, detail) => {
      const world = makeWorld()
      world.log.appendTrades([trade('BTCUSDT', 1)])
      await drain(world)
      break_(world)
      const before = world.table.landed.length
      await drain(world)
      expect(world.table.landed).toHaveLength(before)
      expect(
        world.events
          .flatMap((event) => (event.type === 'partition.stopped' ? [event.detail] : []))
          .join()
      ).toContain(detail)
    }
  )

  test('property: with failures anywhere, the table is the log, once', async () => {
    const symbol = fc.constantFrom('BTCUSDT', 'ETHUSDT', 'DOGEUSDT')
    const fault = fc.constantFrom<Fault>('writeRows', 'writeState', 'commitBefore', 'commitAfter')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(symbol, fc.integer({ min: 1, max: 30 })), { maxLength: 30 }), {
          maxLength: 6
        }),
        fc.array(fault, { maxLength: 12 }),
        async (rounds, faults) => {
          const world = makeWorld()
          world.table.faults = faults
          for (const round of rounds) {
            world.log.appendTrades(round.map(([name, id]) => trade(name, id)))
            await drain(world, { commitRowsMax: 4 })
          }
          const expected = new Set(rounds.flat().map(([name, id]) => `BINANCE:${name}:${id}`))
          expect(ids(world.table.landed)).toEqual([...expected].sort())
        }
      ),
      { numRuns: 60 }
    )
  })
})
