/**
 * What has been promised in a run: which records the event log has acknowledged, and where, and
 * which ones the spool has. Kept outside of K2, so that no end of a process forgets it.
 */
import { forEachRecord } from '../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../src/adapters/schema/record-codec.ts'
import { type TradeV2, tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import type { Acknowledged } from './observed-gate.ts'

export const tradeCodec = makeRecordCodec<TradeV2>(tradeV2Schema)

/** `symbol:id`, as the venue knows a trade. */
export const keyOf = ({ symbol, source_sequence: id }: TradeV2): string => `${symbol}:${id}`

export interface AcknowledgedAppend {
  readonly partition: number
  readonly baseOffset: number
  readonly keys: readonly string[]
}

export class Ledger {
  readonly appends: AcknowledgedAppend[] = []
  readonly spooled = new Set<string>()
  /** Records that landing has set aside. */
  readonly letters: string[] = []

  note({ partition, packed, baseOffset }: Acknowledged): void {
    const keys = keysOf(packed)
    if (baseOffset === undefined) for (const key of keys) this.spooled.add(key)
    else this.appends.push({ partition, baseOffset, keys })
  }
}

const keysOf = ({ bytes, recordCount }: Acknowledged['packed']): readonly string[] => {
  const keys: string[] = []
  forEachRecord({ bytes, recordCount, baseOffset: 0 }, ({ valueStart, valueEnd }) => {
    keys.push(keyOf(tradeCodec.decode(bytes, valueStart, valueEnd)))
  })
  return keys
}
