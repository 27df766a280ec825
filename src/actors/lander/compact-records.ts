/**
 * The way of compact records from the log into rows. Everything here is a shortcut: whatever it
 * leaves alone goes the way of all records, with the same result.
 */
import type { TradeColumns } from '../../adapters/duckdb/trade-columns.ts'
import { TradeDecoder } from '../../adapters/schema/trade-decoder.ts'
import { tradeLayoutOf } from '../../adapters/schema/trade-layout.ts'
import { instrumentOf } from '../../market/compact-trade.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import type { LandedRows } from './lander-ports.ts'

/** The records of one key: they differ only in numbers. */
export interface CompactKey<A> {
  /** Reads bytes `start` to `end`; false if they are not a compact, valid record of this key. */
  readonly read: (view: DataView, start: number, end: number) => boolean
  /** Of the record that was read last. */
  readonly nativeId: () => number
  /** Exchange time of the record that was read last, microseconds. */
  readonly timestampUs: () => number
  /** Adds the row of the record that was read last to rows of its own data type. */
  readonly land: (rows: LandedRows<A>, partition: string, offset: number) => void
}

/** What a key's records have in common, learnt from one that landed; undefined if too little. */
export type LearnCompact<A> = (record: A) => CompactKey<A> | undefined

export const learnCompactTrades = (): LearnCompact<TradeV2> => {
  const decoder = new TradeDecoder()
  return (record) => {
    const instrument = instrumentOf(record)
    const layout = instrument === undefined ? undefined : tradeLayoutOf(instrument)
    if (layout === undefined) return undefined
    return {
      read: (view, start, end) => decoder.read(layout, view, start, end),
      nativeId: () => decoder.nativeId,
      timestampUs: () => decoder.timestampUs,
      land: (rows, partition, offset) =>
        (rows as TradeColumns).pushCompact(layout.instrument, decoder, partition, offset)
    }
  }
}
