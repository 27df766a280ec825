/**
 * What has been promised in a run: which records the event log has acknowledged, and where, and
 * which ones the spool has. Kept outside of K2, so that no end of a process forgets it.
 */
import { makeClaimCodec } from '../../src/actors/data-types.ts'
import { forEachRecord } from '../../src/adapters/log/record-batch.ts'
import { makeRecordCodec } from '../../src/adapters/schema/record-codec.ts'
import type { GapClaim } from '../../src/market/gap-claim.ts'
import { claimOf } from '../../src/market/gap-claim-record.ts'
import { type TradeV2, tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import type { Acknowledged } from './observed-gate.ts'

export const tradeCodec = makeRecordCodec<TradeV2>(tradeV2Schema)
const claimCodec = makeClaimCodec()

/** `symbol:id`, as the venue knows a trade. */
export const keyOf = ({ symbol, source_sequence: id }: TradeV2): string => `${symbol}:${id}`

const isHealed = ({ vendor_data: data }: TradeV2): boolean => data?.['source'] === 'history'

export interface AcknowledgedAppend {
  readonly partition: number
  readonly baseOffset: number
  readonly keys: readonly string[]
  /** Of those, what was fetched again: it comes behind newer ones. */
  readonly healed: ReadonlySet<string>
}

export class Ledger {
  readonly appends: AcknowledgedAppend[] = []
  readonly spooled = new Set<string>()
  /** That the log has acknowledged, each with its offset. */
  readonly claims: { readonly offset: number; readonly claim: GapClaim }[] = []
  /** Records that landing has set aside. */
  readonly letters: string[] = []
  readonly #topics: Topics
  #hasCommitted = false

  constructor(topics: Topics) {
    this.#topics = topics
  }

  note({ topic, partition, packed, baseOffset }: Acknowledged): void {
    if (topic === this.#topics.gaps) {
      if (baseOffset !== undefined) this.#noteClaims(packed, baseOffset)
      return
    }
    const trades = valuesOf(packed, (...at) => tradeCodec.decode(...at))
    const keys = trades.map(keyOf)
    const healed = new Set(trades.filter(isHealed).map(keyOf))
    if (baseOffset === undefined) for (const key of keys) this.spooled.add(key)
    else this.appends.push({ partition, baseOffset, keys, healed })
  }

  /** The gap ledger has been committed. */
  noteCommit(): void {
    this.#hasCommitted = true
  }

  /** Whether it was since this was last asked. */
  takeCommit(): boolean {
    const has = this.#hasCommitted
    this.#hasCommitted = false
    return has
  }

  #noteClaims(packed: Acknowledged['packed'], baseOffset: number): void {
    const claims = valuesOf(packed, (...at) => claimOf(claimCodec.decode(...at)))
    for (const [index, claim] of claims.entries()) {
      this.claims.push({ offset: baseOffset + index, claim })
    }
  }
}

export interface Topics {
  readonly trades: string
  readonly gaps: string
}

const valuesOf = <A>(
  { bytes, recordCount }: Acknowledged['packed'],
  decode: (bytes: Uint8Array, start: number, end: number) => A
): readonly A[] => {
  const values: A[] = []
  forEachRecord({ bytes, recordCount, baseOffset: 0 }, ({ valueStart, valueEnd }) => {
    values.push(decode(bytes, valueStart, valueEnd))
  })
  return values
}
