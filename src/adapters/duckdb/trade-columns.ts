/**
 * Columns of `market.trades`. Trades in the compact form go straight into them: all that the trades
 * of an instrument share is looked up once a batch.
 */
import type { Instrument } from '../../market/instrument.ts'
import { messageId, tradeId } from '../../market/instrument.ts'
import { compactFields } from '../../market/compact-trade.ts'
import { type TradeV2, tradeV2Schema } from '../../market/records/trade-v2.ts'
import type { ColumnHints } from './column-buffer.ts'
import { MapBuffer } from './map-buffer.ts'
import { DecimalBuffer, IntegerBuffer } from './number-buffers.ts'
import { BufferedColumns } from './record-columns.ts'
import { CodedBuffer, NumberedTextBuffer } from './text-buffers.ts'

const hints: ColumnHints = {
  numbered: new Set(['message_id', 'trade_id']),
  varyingKeys: { vendor_data: 'event_time' }
}

/** A compact trade as its record was read; decimals as 32-bit words, positive. */
export interface CompactRow {
  readonly nativeId: number
  readonly timestampUs: number
  readonly receivedUs: number
  readonly eventTime: number
  readonly isBuyerMaker: boolean
  readonly isBestMatch: boolean
  readonly priceLow: number
  readonly priceHigh: number
  readonly quantityLow: number
  readonly quantityHigh: number
}

/** Codes of what the rows of an instrument share, until `clear`. */
interface SharedCodes {
  readonly instrument: Instrument
  readonly partition: string
  readonly group: number
  readonly messagePrefix: number
  readonly tradePrefix: number
  /** In the order of `shared`. */
  readonly texts: readonly number[]
  /** By `isBuyerMaker`. */
  readonly sides: readonly [number, number]
  /** By `isBestMatch`. */
  readonly vendorData: readonly [number, number]
}

const sharedNames = [
  'symbol',
  'exchange',
  'asset_class',
  'currency',
  'trade_conditions',
  'k2_partition'
] as const

const compactNames: ReadonlySet<string> = new Set([...compactFields, 'k2_partition', 'k2_offset'])

export class TradeColumns extends BufferedColumns<TradeV2> {
  readonly #messageId = this.bufferOf('message_id', NumberedTextBuffer)
  readonly #tradeId = this.bufferOf('trade_id', NumberedTextBuffer)
  readonly #timestamp = this.bufferOf('timestamp', IntegerBuffer)
  readonly #price = this.bufferOf('price', DecimalBuffer)
  readonly #quantity = this.bufferOf('quantity', DecimalBuffer)
  readonly #side = this.bufferOf('side', CodedBuffer)
  readonly #sourceSequence = this.bufferOf('source_sequence', IntegerBuffer)
  readonly #ingestion = this.bufferOf('ingestion_timestamp', IntegerBuffer)
  readonly #platformSequence = this.bufferOf('platform_sequence', IntegerBuffer)
  readonly #vendorData = this.bufferOf('vendor_data', MapBuffer)
  readonly #offset = this.bufferOf('k2_offset', IntegerBuffer)
  readonly #shared = sharedNames.map((name) => this.bufferOf(name, CodedBuffer))
  /** Fields that were added since, which compact trades do not have (R52). */
  readonly #others = this.buffers.filter(({ name }) => !compactNames.has(name))
  readonly #codes = new Map<Instrument, SharedCodes>()
  /** Of the last row: fills of one order stand together. */
  #lastCodes: SharedCodes | undefined

  constructor() {
    super(tradeV2Schema, hints)
  }

  /** Adds the row that `push` would add for the record of this trade. */
  pushCompact(instrument: Instrument, trade: CompactRow, partition: string, offset: number): void {
    const row = this.length
    const codes = this.#codesOf(instrument, partition)
    const { nativeId, timestampUs } = trade
    this.#messageId.setPrefix(row, codes.messagePrefix)
    this.#tradeId.setPrefix(row, codes.tradePrefix)
    for (let index = 0; index < codes.texts.length; index++) {
      this.#shared[index]!.setCode(row, codes.texts[index]!)
    }
    this.#timestamp.setNumber(row, timestampUs)
    this.#price.setWords(row, trade.priceLow, trade.priceHigh)
    this.#quantity.setWords(row, trade.quantityLow, trade.quantityHigh)
    this.#side.setCode(row, codes.sides[trade.isBuyerMaker ? 1 : 0])
    this.#sourceSequence.setNumber(row, nativeId)
    this.#ingestion.setNumber(row, trade.receivedUs)
    this.#platformSequence.set(row, null)
    this.#vendorData.setNumbered(row, codes.vendorData[trade.isBestMatch ? 1 : 0], trade.eventTime)
    this.#offset.setNumber(row, offset)
    for (const other of this.#others) other.set(row, null, nativeId)
    this.addRow(codes.group, timestampUs, nativeId, offset)
  }

  #codesOf(instrument: Instrument, partition: string): SharedCodes {
    const last = this.#lastCodes
    if (last?.instrument === instrument && last.partition === partition) return last
    const known = this.#codes.get(instrument)
    this.#lastCodes = known?.partition === partition ? known : this.#learn(instrument, partition)
    return this.#lastCodes
  }

  #learn(instrument: Instrument, partition: string): SharedCodes {
    const { exchange, symbol, assetClass, quoteAsset, baseAsset } = instrument
    const texts = [symbol, exchange, assetClass, quoteAsset, [], partition]
    const side = (text: TradeV2['side']) => this.#side.codeOf(text)
    const vendorData = (isBestMatch: boolean) =>
      this.#vendorData.codeOf({ is_best_match: String(isBestMatch), base_asset: baseAsset })
    const codes: SharedCodes = {
      instrument,
      partition,
      group: this.groupOf(instrument),
      messagePrefix: this.#messageId.codeOf(messageId(exchange, symbol, 0).slice(0, -1)),
      tradePrefix: this.#tradeId.codeOf(tradeId(exchange, 0).slice(0, -1)),
      texts: texts.map((value, index) => this.#shared[index]!.codeOf(value)),
      sides: [side('BUY'), side('SELL')],
      vendorData: [vendorData(false), vendorData(true)]
    }
    this.#codes.set(instrument, codes)
    return codes
  }

  override clear(): void {
    super.clear()
    this.#codes.clear()
    this.#lastCodes = undefined
  }
}
