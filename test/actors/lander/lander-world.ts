/** A log, a table and rows that are not there, and a lander over them. */
import * as Effect from 'effect/Effect'
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
  type Assignment,
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

const topic = 'market.crypto.trades.binance'
const partitionCount = 2
export const codec = makeRecordCodec<TradeV2>(tradeV2Schema)

export class FakeLog implements EventLogReader {
  identityOf = () => 'log-1'
  readonly topics = new Map([[topic, partitionCount]])
  readonly batches: LogBatch[][]
  startOffset = 0
  /** What the table was said to hold, by partition. */
  readonly noted = new Map<number, number>()
  readonly #listeners: Set<(watermark: Watermark) => void>
  readonly #members = new Set<() => void>()
  #assigned: Assignment = { generation: 0, partitions: [0, 1] }
  beforeRead: () => void = () => undefined

  /** Another member's log holds the same batches. */
  constructor(member?: FakeLog) {
    this.batches = member?.batches ?? [[], []]
    this.#listeners = member === undefined ? new Set() : member.#listeners
  }

  assign(partitions: readonly number[]) {
    this.#assigned = { generation: this.#assigned.generation + 1, partitions }
    for (const listener of this.#members) listener()
  }

  assignment = () => Effect.sync(() => this.#assigned)

  assignmentChanged = (listener: () => void) => {
    this.#members.add(listener)
    return () => void this.#members.delete(listener)
  }

  /** Whether the log is still the one that it was. */
  confirm: EventLogReader['confirm'] = () => Effect.void

  noteLanded = (_topic: string, offsets: ReadonlyMap<number, number>) => {
    for (const [partition, offset] of offsets) this.noted.set(partition, offset)
  }

  append(
    partition: number,
    records: readonly { key: string; value: Uint8Array }[],
    fingerprint = codec.fingerprint,
    more: Partial<LogBatch> = {}
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
    const batch = openBatch(packed.bytes, 0, packed.bytes.length)
    this.batches[partition]!.push({ ...batch, ...more })
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
    Effect.suspend(() => {
      this.beforeRead()
      return fromOffset > this.end(partition)
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
    })

  changed = (listener: (watermark: Watermark) => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

export type Row = readonly [messageId: string, offset: number]

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

export type Fault = 'writeRows' | 'writeState' | 'commitBefore' | 'commitAfter'

/** A table whose commit is atomic, and that fails where the test says. */
class FakeTable implements LandingTable<TradeV2, readonly Row[]> {
  readonly landed: Row[] = []
  readonly recorded = new Map<number, RecordedPosition>()
  readonly states = new Map<string, Uint8Array>()
  faults: Fault[] = []
  commits = 0
  fences = 0
  /** Commits wait for it. */
  gate: Effect.Effect<void> = Effect.void
  waiting = 0
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
    Effect.andThen(
      this.#fail('writeState'),
      Effect.sync(() => {
        const path = `state-${partition}-${this.#states++}`
        this.states.set(path, bytes)
        return path
      })
    )
  writeRows = (rows: LandedRows<TradeV2>) =>
    Effect.andThen(
      this.#fail('writeRows'),
      Effect.sync((): readonly Row[] => [...(rows as FakeRows).rows])
    )
  commit: LandingTable<TradeV2, readonly Row[]>['commit'] = ({ files, advances }) =>
    Effect.gen({ self: this }, function* () {
      yield* this.#fail('commitBefore')
      this.waiting++
      yield* this.gate
      this.waiting--
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

export interface World {
  readonly log: FakeLog
  readonly table: FakeTable
  readonly letters: DeadLetterEntry[]
  readonly events: LanderEvent[]
}

export const makeWorld = (): World => ({
  log: new FakeLog(),
  table: new FakeTable(),
  letters: [],
  events: []
})

export const landerOf = (
  { log, table, letters, events }: World,
  change: Partial<LanderOptions> = {}
) =>
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
export const drain = async (world: World, change: Partial<LanderOptions> = {}): Promise<void> => {
  for (;;) {
    const lander = landerOf(world, change)
    const exit = await Effect.runPromiseExit(Effect.andThen(lander.finish, lander.run))
    if (exit._tag === 'Success') return
  }
}

export const ids = (rows: readonly Row[]) => rows.map(([id]) => id).sort()
