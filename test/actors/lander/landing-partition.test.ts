import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CompactKey } from '../../../src/actors/lander/compact-records.ts'
import { learnCompactTrades } from '../../../src/actors/lander/compact-records.ts'
import {
  LandingPartition,
  parsePartitionState
} from '../../../src/actors/lander/landing-partition.ts'
import {
  codecPacker,
  referencePacker,
  tradePacker
} from '../../../src/actors/publisher/record-packer.ts'
import type { DeadLetterEntry } from '../../../src/adapters/dead-letters/dead-letter-log.ts'
import {
  type LogBatch,
  openBatch,
  PackedRecordsBuilder,
  sealBatch
} from '../../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../../src/adapters/schema/record-codec.ts'
import { referenceRules } from '../../../src/machines/reference-rules.ts'
import { tradeRules } from '../../../src/machines/trade-rules.ts'
import { type CompactTrade, tradeOf } from '../../../src/market/compact-trade.ts'
import {
  type ReferenceDataV2,
  referenceDataV2Schema
} from '../../../src/market/records/reference-data-v2.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { instrument } from '../../support/compact-trades.ts'
import { record } from '../../support/reference-data.ts'
import { trade } from '../../support/trades.ts'

const codec = makeRecordCodec<TradeV2>(tradeV2Schema)
const listed = [instrument('BTC', 'USDT'), instrument('ETH', 'USDT'), instrument('DOGE', 'USDT')]

const compact = (symbolAt: number, id: number, timeMs: number): CompactTrade => ({
  instrument: listed[symbolAt]!,
  nativeId: id,
  timestampUs: 1_700_000_000_000_000 + timeMs * 1_000,
  eventTime: 1_700_000_000_000 + timeMs,
  price: 6_000_000_000_000 + id,
  quantity: 1 + id,
  isBuyerMaker: id % 2 === 0,
  isBestMatch: id % 3 !== 0,
  receivedUs: 1_700_000_000_500_000
})

/** What may stand in the log in the place of a plain trade. */
const oddities: ReadonlyArray<(record: TradeV2) => TradeV2> = [
  (record) => ({ ...record, price: 0n }),
  (record) => ({ ...record, quantity: 10n ** 17n }),
  (record) => ({ ...record, timestamp: 8_000_000_000_000_000 }),
  (record) => ({ ...record, vendor_data: { ...record.vendor_data, buyer_order_id: '5' } }),
  (record) => ({ ...record, trade_id: 'other' }),
  (record) => ({ ...record, message_id: `${record.message_id}0` }),
  (record) => ({ ...record, exchange: 'KRAKEN' })
]

const entry = fc.record({
  symbolAt: fc.nat({ max: 2 }),
  /** How far from the symbol's last id. */
  step: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.integer({ min: -3, max: 4 }) },
    { weight: 1, arbitrary: fc.constant(2_000_000) }
  ),
  timeStep: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: -2, max: 2 })),
  odd: fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.nat({ max: oddities.length - 1 }) }
  )
})

const batchesOf = (
  entries: ReadonlyArray<{ symbolAt: number; step: number; timeStep: number; odd: number | null }>
): readonly LogBatch[] => {
  const ids = [100, 100, 100]
  let timeMs = 0
  const builder = new PackedRecordsBuilder()
  const packer = tradePacker(codec)
  const batches: LogBatch[] = []
  let baseOffset = 0
  const cut = () => {
    if (builder.count === 0) return
    const packed = builder.take(codec.fingerprint)
    sealBatch(packed, { baseOffset, appendedMsMin: 0, appendedMsMax: 0, startsGroup: true })
    baseOffset += packed.recordCount
    batches.push(openBatch(packed.bytes, 0, packed.bytes.length))
  }
  for (const [index, { symbolAt, step, timeStep, odd }] of entries.entries()) {
    ids[symbolAt] = Math.max(0, ids[symbolAt]! + step)
    timeMs += timeStep
    const trade = compact(symbolAt, ids[symbolAt], timeMs + 1_000)
    packer.pack(builder, odd === null ? trade : oddities[odd]!(tradeOf(trade)))
    if (index % 9 === 8) builder.add('BTCUSDT', Buffer.from([1, 2, 3]))
    if (index % 7 === 6) cut()
  }
  cut()
  return batches
}

interface Landed {
  readonly rows: ReadonlyArray<readonly [record: TradeV2, partition: string, offset: number]>
  readonly letters: readonly DeadLetterEntry[]
  readonly state: string
  readonly compactCount: number
}

const land = (batches: readonly LogBatch[], isCompact: boolean): Landed => {
  const rows: Array<readonly [TradeV2, string, number]> = []
  const letters: DeadLetterEntry[] = []
  let compactCount = 0
  const learn = learnCompactTrades()
  /** Rows as records, decoded by the library from the bytes that the compact key had read. */
  const learnRecords = (record: TradeV2): CompactKey<TradeV2> | undefined => {
    const key = learn(record)
    let bytes = Buffer.alloc(0)
    return (
      key && {
        ...key,
        read: (view, start, end) => {
          bytes = Buffer.from(new Uint8Array(view.buffer, view.byteOffset + start, end - start))
          return key.read(view, start, end)
        },
        land: (_rows, partition, offset) => {
          compactCount += 1
          rows.push([codec.decode(bytes, 0, bytes.length), partition, offset])
        }
      }
    )
  }
  const partition = new LandingPartition<TradeV2>(
    {
      topic: 't',
      partition: 0,
      label: 'log/t/0',
      codec,
      fold: {
        rules: tradeRules,
        limits: { jumpMax: 1_000, holesMax: 100 },
        ownsKey: (key) => key !== 'DOGEUSDT'
      },
      learnCompact: isCompact ? learnRecords : undefined,
      nowMs: () => 0
    },
    { startOffset: 0 }
  )
  const sink = {
    length: 0,
    push: (record: TradeV2, label: string, offset: number) =>
      void rows.push([plain(record), label, offset]),
    clear: () => undefined
  }
  for (const batch of batches) partition.fold(batch, sink, letters)
  expect(partition.fault).toBeUndefined()
  return { rows, letters, state: Buffer.from(partition.cut().state).toString(), compactCount }
}

const plain = (record: TradeV2): TradeV2 => ({
  ...record,
  vendor_data: record.vendor_data === null ? null : { ...record.vendor_data }
})

test('property: with and without the shortcut the same lands, with the same state', () => {
  let compactCount = 0
  fc.assert(
    fc.property(fc.array(entry, { minLength: 20, maxLength: 60 }), (entries) => {
      const batches = batchesOf(entries)
      const { compactCount: taken, ...short } = land(batches, true)
      const { compactCount: none, ...long } = land(batches, false)
      expect(none).toBe(0)
      expect(short.rows.map(([record, ...at]) => [plain(record), ...at])).toEqual(long.rows)
      expect(short.letters).toEqual(long.letters)
      expect(short.state).toBe(long.state)
      compactCount += taken
    }),
    { numRuns: 300 }
  )
  expect(compactCount).toBeGreaterThan(500)
})

test('trades of an instrument without a layout are packed by the library', () => {
  const long = { ...compact(0, 1, 1), instrument: instrument('A'.repeat(60), 'B') }
  const [ours, theirs] = [new PackedRecordsBuilder(), new PackedRecordsBuilder()]
  tradePacker(codec).pack(ours, long)
  codecPacker(codec).pack(theirs, tradeOf(long))
  const [one, other] = [ours.take(codec.fingerprint), theirs.take(codec.fingerprint)]
  // Room for the header is not part of what was packed.
  expect(one.bytes.subarray(64)).toEqual(other.bytes.subarray(64))
})

test('a compacted topic may lack offsets; any other that does is a fault (R8)', () => {
  const limits = { jumpMax: 1_000, holesMax: 100 }
  const referenceCodec = makeRecordCodec<ReferenceDataV2>(referenceDataV2Schema)
  const packer = referencePacker(referenceCodec)
  const batchAt = (baseOffset: number, each: ReferenceDataV2): LogBatch => {
    const builder = new PackedRecordsBuilder()
    packer.pack(builder, each)
    const packed = builder.take(referenceCodec.fingerprint)
    sealBatch(packed, { baseOffset, appendedMsMin: 0, appendedMsMax: 0, startsGroup: true })
    return openBatch(packed.bytes, 0, packed.bytes.length)
  }
  const landed: Array<readonly [id: string, offset: number]> = []
  const rows = {
    length: 0,
    push: (each: ReferenceDataV2, _label: string, offset: number) =>
      void landed.push([each.message_id, offset]),
    clear: () => undefined
  }
  const shared = { topic: 't', partition: 0, label: 'log/t/0', nowMs: () => 0 }
  const ownsKey = () => true
  const compacted = new LandingPartition<ReferenceDataV2>(
    { ...shared, codec: referenceCodec, fold: { rules: referenceRules, limits, ownsKey } },
    { startOffset: 0 }
  )
  const versions = [record('1', 1_000), record('1', 2_000, { company_name: 'NEW' })] as const
  compacted.fold(batchAt(0, versions[0]), rows, [])
  compacted.fold(batchAt(7, versions[1]), rows, [])
  expect([compacted.fault, compacted.position]).toEqual([undefined, 8])
  // What the log has dropped was consumed by nobody (R16).
  expect(compacted.counters).toMatchObject({ offset: 8, origin: 0, compactedAway: 6 })
  expect(compacted.counters.counters.consumed).toBe(2)
  expect(landed).toEqual([
    [versions[0].message_id, 0],
    [versions[1].message_id, 7]
  ])
  compacted.fold(batchAt(3, record('2', 1_000)), rows, [])
  expect(compacted.fault).toBe('the log gave offsets 3 to 4 where 8 is next')

  const whole = new LandingPartition<TradeV2>(
    { ...shared, codec, fold: { rules: tradeRules, limits, ownsKey } },
    { startOffset: 0 }
  )
  whole.fold(batchAt(7, versions[1]), { ...rows, push: () => undefined }, [])
  expect(whole.fault).toBe('the log gave offsets 7 to 8 where 0 is next')
})

describe('where counting began (R16)', () => {
  const options = {
    topic: 't',
    partition: 0,
    label: 'log/t/0',
    codec,
    fold: { rules: tradeRules, limits: { jumpMax: 10, holesMax: 10 }, ownsKey: () => true },
    nowMs: () => 0
  }
  const rows = { length: 0, push: () => undefined, clear: () => undefined }
  const batchAt = (baseOffset: number, ids: readonly number[]): LogBatch => {
    const packer = codecPacker(codec)
    const builder = new PackedRecordsBuilder()
    for (const id of ids) packer.pack(builder, trade('BTCUSDT', id))
    const packed = builder.take(codec.fingerprint)
    sealBatch(packed, { baseOffset, appendedMsMin: 0, appendedMsMax: 0, startsGroup: true })
    return openBatch(packed.bytes, 0, packed.bytes.length)
  }

  test('is the start of the log, and stays so in whoever goes on', () => {
    const first = new LandingPartition<TradeV2>(options, { startOffset: 40 })
    first.fold(batchAt(40, [1, 2, 3]), rows, [])
    const state = parsePartitionState(first.cut().state)
    const second = new LandingPartition<TradeV2>(options, { offset: 43, state })
    second.fold(batchAt(43, [3, 4]), rows, [])
    expect(second.counters).toMatchObject({ offset: 45, origin: 40 })
    expect(second.counters.counters).toMatchObject({ consumed: 5, landed: 4, duplicates: 1 })
  })

  test('is told from a state that does not say it', () => {
    const first = new LandingPartition<TradeV2>(options, { startOffset: 40 })
    first.fold(batchAt(40, [1, 2, 3]), rows, [])
    const { origin: _origin, ...state } = parsePartitionState(first.cut().state)
    const second = new LandingPartition<TradeV2>(options, { offset: 43, state })
    expect(second.counters.origin).toBe(40)
  })

  test('a batch that vanishes moves the offset, and nothing else', () => {
    const losing = { ...options, losesBatch: () => true }
    const partition = new LandingPartition<TradeV2>(losing, { startOffset: 40 })
    partition.fold(batchAt(40, [1, 2, 3]), rows, [])
    expect(partition.counters).toMatchObject({ offset: 43, origin: 40, counters: { consumed: 0 } })
  })
})
