/** How records of a data type get into batches, in whatever form the feed has them. */
import type { PackedRecordsBuilder, ValueWriter } from '../../adapters/log/record-batch.ts'
import type { RecordCodec } from '../../adapters/schema/record-codec.ts'
import { writeTrade } from '../../adapters/schema/trade-encoder.ts'
import { tradeLayoutOf } from '../../adapters/schema/trade-layout.ts'
import { type CompactTrade, tradeOf } from '../../market/compact-trade.ts'
import type { Instrument } from '../../market/instrument.ts'
import type { GapClaimV1 } from '../../market/records/gap-claim-v1.ts'
import type { ReferenceDataV2 } from '../../market/records/reference-data-v2.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'

export interface RecordPacker<In> {
  /** Of the schema that records are written with. */
  readonly schemaFingerprint: string
  /** The key of a record in the log: nearly always its symbol. */
  readonly keyOf: (record: In) => string
  /** The venue's own id, null where the record has none. */
  readonly nativeIdOf: (record: In) => number | null
  /** Decides the tier; undefined where the record does not name it. */
  readonly baseAssetOf: (record: In) => string | undefined
  readonly pack: (builder: PackedRecordsBuilder, record: In) => void
}

interface PackableRecord {
  readonly symbol: string
  readonly source_sequence: number | null
  readonly vendor_data: Readonly<Record<string, string>> | null
}

/** Packs records by the library. */
export const codecPacker = <A extends PackableRecord>(
  codec: RecordCodec<A>
): RecordPacker<A> => ({
  schemaFingerprint: codec.fingerprint,
  keyOf: ({ symbol }) => symbol,
  nativeIdOf: (record) => record.source_sequence,
  baseAssetOf: (record) => record.vendor_data?.['base_asset'],
  pack: (builder, record) => builder.add(record.symbol, codec.encode(record))
})

/** Packs what is listed, by the library: its key is the company. */
export const referencePacker = (
  codec: RecordCodec<ReferenceDataV2>
): RecordPacker<ReferenceDataV2> => ({
  schemaFingerprint: codec.fingerprint,
  keyOf: ({ company_id: key }) => key,
  nativeIdOf: () => null,
  baseAssetOf: () => undefined,
  pack: (builder, record) => builder.add(record.company_id, codec.encode(record))
})

/** Packs claims of gaps, by the library. */
export const claimPacker = (codec: RecordCodec<GapClaimV1>): RecordPacker<GapClaimV1> => ({
  schemaFingerprint: codec.fingerprint,
  keyOf: ({ symbol }) => symbol,
  nativeIdOf: () => null,
  baseAssetOf: () => undefined,
  pack: (builder, record) => builder.add(record.symbol, codec.encode(record))
})

/** A trade as a feed gives it: nearly always compact. */
export type FeedTrade = TradeV2 | CompactTrade

export const symbolOf = (trade: FeedTrade): string =>
  isCompact(trade) ? trade.instrument.symbol : trade.symbol

/** Writes compact trades in place; all others, and those without a layout, go by the library. */
export const tradePacker = (codec: RecordCodec<TradeV2>): RecordPacker<FeedTrade> => {
  const records = codecPacker(codec)
  const writers = new Map<Instrument, KeyedWriter | null>()
  return {
    ...records,
    keyOf: symbolOf,
    nativeIdOf: (trade) => (isCompact(trade) ? trade.nativeId : trade.source_sequence),
    baseAssetOf: (trade) =>
      isCompact(trade) ? trade.instrument.baseAsset : records.baseAssetOf(trade),
    pack: (builder, trade) => {
      if (!isCompact(trade)) {
        records.pack(builder, trade)
        return
      }
      let writer = writers.get(trade.instrument)
      if (writer === undefined) writers.set(trade.instrument, (writer = writerOf(trade.instrument)))
      if (writer === null) records.pack(builder, tradeOf(trade))
      else builder.addWritten(writer.key, trade, writer)
    }
  }
}

interface KeyedWriter extends ValueWriter<CompactTrade> {
  readonly key: Uint8Array
}

const writerOf = (instrument: Instrument): KeyedWriter | null => {
  const layout = tradeLayoutOf(instrument)
  return layout === undefined
    ? null
    : {
        key: Buffer.from(instrument.symbol, 'utf8'),
        valueBytesMax: layout.recordBytesMax,
        write: (trade, view, at) => writeTrade(layout, trade, view, at)
      }
}

const isCompact = (trade: FeedTrade): trade is CompactTrade => 'instrument' in trade
