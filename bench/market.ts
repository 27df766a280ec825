/**
 * What the stages work on: the generated market's frames, and what each stage makes of them, so
 * that each is measured on the very output of the one before.
 */
import { parseFrame } from '../src/adapters/exchange/binance-frames.ts'
import type { InstrumentTable } from '../src/adapters/exchange/binance-fields.ts'
import type { RawFrame } from '../src/adapters/exchange/frame-result.ts'
import { partitionOf } from '../src/adapters/log/partitioner.ts'
import {
  type LogBatch,
  openBatch,
  PackedRecordsBuilder,
  sealBatch
} from '../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../src/adapters/schema/record-codec.ts'
import { makeGeneratorSource } from '../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../src/adapters/simulator/venue-listing.ts'
import type { Instrument } from '../src/market/instrument.ts'
import { type TradeV2, tradeV2Schema } from '../src/market/records/trade-v2.ts'

/** As a new event log has them. */
export const partitionCount = 4
/** As the publisher packs. */
const batchBytesMax = 1_024 * 1_024

export const codec = makeRecordCodec<TradeV2>(tradeV2Schema)

export const instruments: InstrumentTable = new Map(
  generatedSymbols.map(({ symbol, baseAsset, quoteAsset }): [string, Instrument] => [
    symbol,
    { exchange: 'BINANCE', symbol, assetClass: 'crypto', baseAsset, quoteAsset }
  ])
)

/** 2026-11-23T12:00:00Z: the same trades in every run. */
const originMs = Date.UTC(2026, 10, 23, 12)
const rate = 100_000
const partitionBySymbol = new Map(
  [...instruments.keys()].map((symbol) => [symbol, partitionOf(symbol, partitionCount)])
)

/** Takes the next frames of a market that starts anew. */
export const openMarket = () => {
  const playback = makeGeneratorSource({ seed: 1, rate }).play(originMs)
  const next = (): RawFrame => {
    playback.advance(Number.POSITIVE_INFINITY)
    const { bytes } = playback.frame()
    const receivedUs = playback.dueMs() * 1_000 + 350
    return { bytes, frameBytes: bytes.length, isBinary: false, receivedUs }
  }
  return { frames: (count: number): RawFrame[] => Array.from({ length: count }, next) }
}

export const tradesOf = (frames: readonly RawFrame[]): TradeV2[] =>
  frames.map((frame) => {
    const result = parseFrame(frame, instruments)
    if (result.kind !== 'trade') throw new Error(`a frame of the market is ${result.kind}`)
    return result.trade
  })

/** Packs trades by partition; offsets go on from call to call, as in a log. */
export class Packer {
  readonly #nextOffsets = Array.from({ length: partitionCount }, () => 0)

  /** Batches by partition. */
  pack(trades: readonly TradeV2[]): LogBatch[][] {
    const builders = this.#nextOffsets.map(() => new PackedRecordsBuilder())
    const batches = this.#nextOffsets.map((): LogBatch[] => [])
    const seal = (partition: number) => {
      if (builders[partition]!.count === 0) return
      const batch = this.#seal(partition, builders[partition]!)
      batches[partition]!.push(batch)
    }
    for (const trade of trades) {
      const partition = partitionBySymbol.get(trade.symbol)!
      builders[partition]!.add(trade.symbol, codec.encode(trade))
      if (builders[partition]!.byteLength >= batchBytesMax) seal(partition)
    }
    builders.forEach((_, partition) => seal(partition))
    return batches
  }

  #seal(partition: number, builder: PackedRecordsBuilder): LogBatch {
    const packed = builder.take(codec.fingerprint)
    const baseOffset = this.#nextOffsets[partition]!
    const appendedMs = { appendedMsMin: originMs, appendedMsMax: originMs }
    sealBatch(packed, { baseOffset, ...appendedMs, startsGroup: true })
    this.#nextOffsets[partition] = baseOffset + packed.recordCount
    return openBatch(packed.bytes, 0, packed.bytes.length)
  }
}
