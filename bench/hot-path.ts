/**
 * The parts of `src/` that a trade passes on its way, named here and nowhere else in the
 * benchmarks: who replaces one of them changes this file, and the figures go on.
 */
import { learnCompactTrades } from '../src/actors/lander/compact-records.ts'
import { LandingPartition } from '../src/actors/lander/landing-partition.ts'
import { tradePacker } from '../src/actors/publisher/record-packer.ts'
import { TradeColumns } from '../src/adapters/duckdb/trade-columns.ts'
import type { InstrumentTable } from '../src/adapters/exchange/binance-fields.ts'
import type { RawFrame } from '../src/adapters/exchange/frame-result.ts'
import { TradeScanner } from '../src/adapters/exchange/trade-scanner.ts'
import { partitionOf } from '../src/adapters/log/partitioner.ts'
import type { PackedRecordsBuilder } from '../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../src/adapters/schema/record-codec.ts'
import { tradeRules } from '../src/machines/trade-rules.ts'
import { blankTrade, type CompactTrade } from '../src/market/compact-trade.ts'
import { type TradeV2, tradeV2Schema } from '../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../src/market/sequence.ts'

export type Frame = RawFrame
export type Trade = CompactTrade
export type Rows = TradeColumns

const codec = makeRecordCodec<TradeV2>(tradeV2Schema)
const packer = tradePacker(codec)

/** As a publisher has it. */
export const feedPacker = () => tradePacker(makeRecordCodec<TradeV2>(tradeV2Schema))

export const { schemaFingerprint } = packer

export const makeRows = (): Rows => new TradeColumns()

/** Reads frames of these instruments into `into`; throws on a frame that is no plain trade. */
export const makeParser = (instruments: InstrumentTable) => {
  const scanner = new TradeScanner(instruments)
  return (frame: Frame, into: Trade = blankTrade()): Trade => {
    if (!scanner.scan(frame, into)) throw new Error('a frame of the market is no plain trade')
    return into
  }
}

/** Encodes a trade behind the records of a batch. */
export const encode = (trade: Trade, builder: PackedRecordsBuilder): void =>
  packer.pack(builder, trade)

/** Decodes and classifies what a partition's batches hold. */
export const openPartition = (options: {
  readonly topic: string
  readonly logIdentity: string
  readonly partition: number
  readonly partitionCount: number
}): LandingPartition<TradeV2> => {
  const { topic, logIdentity, partition, partitionCount } = options
  return new LandingPartition(
    {
      topic,
      partition,
      label: `${logIdentity}/${topic}/${partition}`,
      codec,
      fold: {
        rules: tradeRules,
        limits: defaultSequenceLimits,
        ownsKey: (key) => partitionOf(key, partitionCount) === partition
      },
      learnCompact: learnCompactTrades(),
      nowMs: Date.now
    },
    { startOffset: 0 }
  )
}
