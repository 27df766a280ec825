/**
 * What the stages work on: the generated market's frames, and what each stage makes of them, so
 * that each is measured on the very output of the one before.
 */
import type { InstrumentTable } from '../src/adapters/exchange/binance-fields.ts'
import { partitionOf } from '../src/adapters/log/partitioner.ts'
import {
  type LogBatch,
  openBatch,
  type PackedRecords,
  PackedRecordsBuilder,
  sealBatch
} from '../src/adapters/log/record-batch.ts'
import { makeGeneratorSource } from '../src/adapters/simulator/generator-source.ts'
import { generatedSymbols } from '../src/adapters/simulator/venue-listing.ts'
import type { Instrument } from '../src/market/instrument.ts'
import { encode, type Frame, makeParser, schemaFingerprint, type Trade } from './hot-path.ts'

/** As a new event log has them. */
export const partitionCount = 4
/** As the publisher packs. */
const batchBytesMax = 1_024 * 1_024

export interface MarketOptions {
  readonly exchange: string
  readonly seed: number
  readonly rate: number
  readonly originMs: number
}

/** 2026-11-23T12:00:00Z: the same trades in every run. */
const originMs = Date.UTC(2026, 10, 23, 12)
const sameMarket: MarketOptions = { exchange: 'BINANCE', seed: 1, rate: 100_000, originMs }

const instrumentsOf = (exchange: string): InstrumentTable =>
  new Map(
    generatedSymbols.map(({ symbol, baseAsset, quoteAsset }): [string, Instrument] => [
      symbol,
      { exchange, symbol, assetClass: 'crypto', baseAsset, quoteAsset }
    ])
  )

const partitionBySymbol = new Map(
  generatedSymbols.map(({ symbol }) => [symbol, partitionOf(symbol, partitionCount)])
)

/** Takes the next frames, or trades, of a market that starts anew. */
export const openMarket = (options: Partial<MarketOptions> = {}) => {
  const { exchange, seed, rate, originMs } = { ...sameMarket, ...options }
  const instruments = instrumentsOf(exchange)
  const playback = makeGeneratorSource({ seed, rate }).play(originMs)
  const next = (): Frame => {
    playback.advance(Number.POSITIVE_INFINITY)
    const { bytes } = playback.frame()
    const receivedUs = playback.dueMs() * 1_000 + 350
    return { bytes, frameBytes: bytes.length, isBinary: false, receivedUs }
  }
  const parse = makeParser(instruments)
  const frames = (count: number): Frame[] => Array.from({ length: count }, next)
  return {
    instruments,
    frames,
    trades: (count: number): Trade[] => frames(count).map((frame) => parse(frame))
  }
}

/** Packs trades by partition, in batches as the publisher makes them. */
export const packRecords = (trades: readonly Trade[]): PackedRecords[][] => {
  const builders = Array.from({ length: partitionCount }, () => new PackedRecordsBuilder())
  const packed = builders.map((): PackedRecords[] => [])
  const take = (partition: number) => {
    if (builders[partition]!.count === 0) return
    packed[partition]!.push(builders[partition]!.take(schemaFingerprint))
  }
  for (const trade of trades) {
    const partition = partitionBySymbol.get(trade.instrument.symbol)!
    encode(trade, builders[partition]!)
    if (builders[partition]!.byteLength >= batchBytesMax) take(partition)
  }
  builders.forEach((_, partition) => take(partition))
  return packed
}

/** Batches as a log hands them out; offsets go on from call to call. */
export class Packer {
  readonly #nextOffsets = Array.from({ length: partitionCount }, () => 0)

  /** Batches by partition. */
  pack(trades: readonly Trade[]): LogBatch[][] {
    return packRecords(trades).map((batches, partition) =>
      batches.map((packed) => this.#seal(partition, packed))
    )
  }

  #seal(partition: number, packed: PackedRecords): LogBatch {
    const baseOffset = this.#nextOffsets[partition]!
    const appendedMs = { appendedMsMin: originMs, appendedMsMax: originMs }
    sealBatch(packed, { baseOffset, ...appendedMs, startsGroup: true })
    this.#nextOffsets[partition] = baseOffset + packed.recordCount
    return openBatch(packed.bytes, 0, packed.bytes.length)
  }
}
