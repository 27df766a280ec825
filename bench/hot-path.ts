/**
 * The parts of `src/` that a trade passes on its way, named here and nowhere else in the
 * benchmarks: who replaces one of them changes this file, and the figures go on.
 */
import { TradeColumns, tradeColumns } from '../src/adapters/duckdb/trade-columns.ts'
import { parseFrame } from '../src/adapters/exchange/binance-frames.ts'
import type { InstrumentTable } from '../src/adapters/exchange/binance-trade.ts'
import type { RawFrame } from '../src/adapters/exchange/frame-result.ts'
import { LandingPartition } from '../src/actors/lander/landing-partition.ts'
import { partitionOf } from '../src/adapters/log/partitioner.ts'
import { makeRecordCodec } from '../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../src/market/sequence.ts'

export type Frame = RawFrame
export type Trade = TradeV2
export type Rows = TradeColumns

const codec = makeRecordCodec<TradeV2>(tradeV2Schema)

export const schemaFingerprint = codec.fingerprint

/** Columns of the table's data files. */
export const columns = tradeColumns

export const makeRows = (): Rows => new TradeColumns()

/** @throws if the frame is no trade */
export const parse = (frame: Frame, instruments: InstrumentTable): Trade => {
  const result = parseFrame(frame, instruments)
  if (result.kind !== 'trade') throw new Error(`a frame of the market is ${result.kind}`)
  return result.trade
}

export const encode = (trade: Trade): Uint8Array => codec.encode(trade)

/** Decodes, classifies and pushes what a partition's batches hold. */
export const openPartition = (options: {
  readonly topic: string
  readonly logIdentity: string
  readonly partition: number
  readonly partitionCount: number
}): LandingPartition => {
  const { topic, logIdentity, partition, partitionCount } = options
  return new LandingPartition(
    {
      topic,
      partition,
      label: `${logIdentity}/${topic}/${partition}`,
      codec,
      fold: {
        limits: defaultSequenceLimits,
        ownsKey: (key) => partitionOf(key, partitionCount) === partition
      },
      nowMs: Date.now
    },
    { startOffset: 0 }
  )
}
