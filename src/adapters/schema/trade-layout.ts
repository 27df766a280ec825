/**
 * How the Avro encoding of an instrument's compact trades looks: runs of bytes that are the same in
 * every record of the instrument, with numbers between them.
 *
 *     message_prefix id | trade_prefix id | identity | times, decimals | currency side | …
 *
 * Source: Avro specification, "Binary Encoding"; field order of `trade-v2.avsc`. That encoder,
 * decoder and avsc agree byte for byte is a property test, so a change of the schema fails it.
 *
 * 1. Fields that were added behind those of the compact form are null in it (R52). With a schema
 *    that has changed in another way no trade has a compact form: all go by the library.
 */
import { compactFields } from '../../market/compact-trade.ts'
import { byteRun, type ByteRun } from '../../market/byte-run.ts'
import type { Instrument } from '../../market/instrument.ts'
import { tradeV2Schema } from '../../market/records/trade-v2.ts'

export interface TradeLayout {
  readonly instrument: Instrument
  /** `{EXCHANGE}:{symbol}:`, without its length. */
  readonly messagePrefix: ByteRun
  /** `{EXCHANGE}-`, without its length. */
  readonly tradePrefix: ByteRun
  /** symbol, exchange and asset class. */
  readonly identity: ByteRun
  /** currency. */
  readonly currency: ByteRun
  /** The last entry of `vendor_data`, the end of the map, and the nulls behind it (1). */
  readonly baseAsset: ByteRun
  /** Upper bound of the bytes of a record. */
  readonly recordBytesMax: number
}

/** `vendor_data`: the union's second member, a block of three entries, the first one's key. */
export const vendorHead = byteRun(Buffer.concat([Buffer.from([2, 6]), avroText('event_time')]))
const bestMatchKey = avroText('is_best_match')
/** By `isBestMatch`: key and value. */
export const bestMatch = [
  byteRun(Buffer.concat([bestMatchKey, avroText('false')])),
  byteRun(Buffer.concat([bestMatchKey, avroText('true')]))
] as const

const enumIndex = (field: 'asset_class' | 'side', symbol: string): number => {
  const { type } = tradeV2Schema.fields.find(({ name }) => name === field) as {
    readonly type: { readonly symbols: readonly string[] }
  }
  return type.symbols.indexOf(symbol) * 2
}
/** Byte of `side`, by `isBuyerMaker`. */
export const sides = [enumIndex('side', 'BUY'), enumIndex('side', 'SELL')] as const

/** Sixteen digits of id twice, of event time, and five longs and decimals of at most ten bytes. */
const variableBytesMax = 3 * 18 + 6 * 10 + 8

/** A field as far as it matters whether it can be null. */
interface LaidOutField {
  readonly name: string
  readonly type: unknown
}

/** Of a schema that begins with the compact fields: a null for each of the others (1). */
const nullsBehind = (fields: readonly LaidOutField[]): readonly number[] | undefined => {
  if (compactFields.some((name, index) => fields[index]?.name !== name)) return undefined
  const branches = fields
    .slice(compactFields.length)
    .map(({ type }) => (Array.isArray(type) ? type.indexOf('null') : -1))
  return branches.some((branch) => branch < 0) ? undefined : branches.map((branch) => branch * 2)
}

/** The layout of an instrument; undefined where its names or the schema (1) do not fit one. */
export const tradeLayoutOf = (
  instrument: Instrument,
  fields: readonly LaidOutField[] = tradeV2Schema.fields
): TradeLayout | undefined => {
  const { exchange, symbol, assetClass, baseAsset, quoteAsset } = instrument
  const nulls = nullsBehind(fields)
  if (nulls === undefined) return undefined
  const messagePrefix = byteRun(Buffer.from(`${exchange}:${symbol}:`))
  if (messagePrefix.length + idDigitsMax > shortTextMax) return undefined
  const layout = {
    instrument,
    messagePrefix,
    tradePrefix: byteRun(Buffer.from(`${exchange}-`)),
    identity: byteRun(
      Buffer.concat([
        avroText(symbol),
        avroText(exchange),
        Buffer.from([enumIndex('asset_class', assetClass)])
      ])
    ),
    currency: byteRun(avroText(quoteAsset)),
    baseAsset: byteRun(
      Buffer.concat([avroText('base_asset'), avroText(baseAsset), Buffer.from([0, ...nulls])])
    )
  }
  const runs = [messagePrefix, layout.tradePrefix, layout.identity, layout.currency, vendorHead]
  const constantBytes = [...runs, bestMatch[0], layout.baseAsset].reduce(
    (sum, { length }) => sum + length,
    0
  )
  return { ...layout, recordBytesMax: constantBytes + variableBytesMax }
}

/** Texts of ids have a length of one byte. */
const shortTextMax = 63
const idDigitsMax = 16

/** Length and UTF-8 bytes. */
function avroText(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length: number[] = []
  let rest = bytes.length * 2
  while (rest >= 0x80) {
    length.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.concat([Buffer.from([...length, rest]), bytes])
}
