/**
 * Where the records are that a publisher has accepted (R16), at any moment, for the data type as a
 * whole and for each symbol:
 *
 *     accepted + healed + recovered = acknowledged + set aside + spooled + in flight + abandoned
 *
 * 1. `recovered` are those that were found in the spool when it was opened, of an earlier run or of
 *    a send to the spool that ended without word. A symbol's are known once they leave it.
 * 2. In flight is what is held in memory, as its holders show it and not by a count of what came
 *    and went: a batch that is forgotten is missing here.
 * 3. It outlives the publisher: what one of them took, its successor answers for.
 * 4. Symbols are counted where batches are: a record costs one increment (`taken`), all else a
 *    batch.
 */
import type { TakenCounts } from '../../machines/conservation-equations.ts'
import type { Tier } from '../../market/tier.ts'

/** Records of one symbol; the publisher counts in it. */
export class SymbolLedger {
  readonly key: string
  tier: Tier
  /** From feed and healer. */
  taken = 0
  /** Of those, the ones that came into a whole batch: the rest is in the one that is filled. */
  sealed = 0
  healed = 0
  recovered = 0
  acknowledged = 0
  setAside = 0
  spooled = 0
  abandoned = 0

  constructor(key: string, tier: Tier) {
    this.key = key
    this.tier = tier
  }
}

/** How many records of a batch are a symbol's. */
export interface SymbolShare {
  readonly symbol: SymbolLedger
  readonly records: number
}

/** A batch in memory. */
interface HeldBatch {
  readonly packed: { readonly recordCount: number }
  readonly shares: readonly SymbolShare[]
}

/** Who has records in memory. */
export interface RecordHolder {
  readonly batches: () => Iterable<HeldBatch>
  /** Records of batches that are being filled. */
  readonly filling: () => number
  /** What the spool says to have of the topic. */
  readonly inSpool: () => number
}

export interface PublishCounts extends TakenCounts {
  /** Records that were not taken: there was no room for them. */
  readonly refused: number
  /** Records that ever went to the spool. */
  readonly spooledTotal: number
  /** Records that the event log has said to have appended, repeats included. */
  readonly appended: number
}

export interface SymbolCounts extends TakenCounts {
  readonly key: string
  readonly tier: Tier
}

export class PublishLedger {
  readonly #symbols = new Map<string, SymbolLedger>()
  readonly #holders = new Set<RecordHolder>()
  #isUsed = false
  #accepted = 0
  #healed = 0
  #recovered = 0
  #acknowledged = 0
  #appended = 0
  #setAside = 0
  #spooled = 0
  #spooledTotal = 0
  #refused = 0
  #abandoned = 0

  /**
   * What the spool itself says to have, never less than `spooled`: records come in before they are
   * counted, and leave after. Undefined while there is no publisher.
   */
  get inSpool(): number | undefined {
    let inSpool: number | undefined
    for (const holder of this.#holders) inSpool = holder.inSpool()
    return inSpool
  }

  /** Whether there has been a publisher. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  symbolOf(key: string): SymbolLedger {
    let symbol = this.#symbols.get(key)
    if (symbol === undefined) {
      symbol = new SymbolLedger(key, 3)
      this.#symbols.set(key, symbol)
    }
    return symbol
  }

  /** What the holder has counts as in flight, until it is detached. */
  attach(holder: RecordHolder): void {
    this.#isUsed = true
    this.#holders.add(holder)
  }

  detach(holder: RecordHolder): void {
    this.#holders.delete(holder)
  }

  noteAccepted(records: number): void {
    this.#accepted += records
  }

  /** Of what was accepted in this turn: so many came from the healer. */
  noteHealed(bySymbol: Iterable<readonly [key: string, records: number]>): void {
    for (const [key, records] of bySymbol) {
      this.#accepted -= records
      this.#healed += records
      this.symbolOf(key).healed += records
    }
  }

  noteRefused(records: number): void {
    this.#refused += records
  }

  /** The event log has said so of a batch, or of a part of one. */
  noteAppended(records: number): void {
    this.#appended += records
  }

  /** From memory into the event log; records of these keys to the dead letters instead. */
  noteAcknowledged({ packed, shares }: HeldBatch, setAside: readonly string[]): void {
    this.#acknowledged += packed.recordCount - setAside.length
    for (const { symbol, records } of shares) symbol.acknowledged += records
    this.#noteAside(setAside)
  }

  /** From memory into the spool. */
  noteSpooled({ packed: { recordCount: records }, shares }: HeldBatch): void {
    this.#spooled += records
    this.#spooledTotal += records
    for (const { symbol, records: ofSymbol } of shares) symbol.spooled += ofSymbol
  }

  /** From memory to nowhere. */
  noteAbandoned({ packed, shares }: HeldBatch): void {
    this.#abandoned += packed.recordCount
    for (const { symbol, records } of shares) symbol.abandoned += records
  }

  /**
   * From the spool into the event log, or to the dead letters. `isStale`: of a spool that was
   * opened anew since.
   */
  noteDrained(batch: HeldBatch, setAside: readonly string[], isStale: boolean): void {
    const { packed, shares } = batch
    this.noteAcknowledged(batch, setAside)
    // The one that was opened anew has them still, and they will be drained again.
    const own = isStale ? 0 : Math.min(packed.recordCount, Math.max(0, this.#spooled))
    this.#spooled -= own
    this.#recovered += packed.recordCount - own
    for (const { symbol, records } of shares) {
      const ofOwn = isStale ? 0 : Math.min(records, symbol.spooled)
      symbol.spooled -= ofOwn
      symbol.recovered += records - ofOwn // (1)
    }
  }

  /** A spool was opened that has so many records; one that has lost some is not made up for. */
  noteOpened(records: number): void {
    this.#recovered += Math.max(0, records - this.#spooled)
    this.#spooled = records
  }

  get counts(): PublishCounts {
    return {
      accepted: this.#accepted,
      healed: this.#healed,
      recovered: this.#recovered,
      acknowledged: this.#acknowledged,
      setAside: this.#setAside,
      spooled: this.#spooled,
      inFlight: this.#inFlight,
      abandoned: this.#abandoned,
      refused: this.#refused,
      spooledTotal: this.#spooledTotal,
      appended: this.#appended
    }
  }

  /** Of every symbol so far. */
  get symbols(): readonly SymbolCounts[] {
    const held = new Map<SymbolLedger, number>()
    for (const holder of this.#holders) {
      for (const { shares } of holder.batches()) {
        for (const { symbol, records } of shares) {
          held.set(symbol, (held.get(symbol) ?? 0) + records)
        }
      }
    }
    return [...this.#symbols.values()].map((symbol) => ({
      key: symbol.key,
      tier: symbol.tier,
      accepted: symbol.taken - symbol.healed,
      healed: symbol.healed,
      recovered: symbol.recovered,
      acknowledged: symbol.acknowledged,
      setAside: symbol.setAside,
      spooled: symbol.spooled,
      inFlight: symbol.taken - symbol.sealed + (held.get(symbol) ?? 0),
      abandoned: symbol.abandoned
    }))
  }

  /** (2) */
  get #inFlight(): number {
    let records = 0
    for (const holder of this.#holders) {
      records += holder.filling()
      for (const { packed } of holder.batches()) records += packed.recordCount
    }
    return records
  }

  #noteAside(keys: readonly string[]): void {
    this.#setAside += keys.length
    for (const key of keys) {
      const symbol = this.symbolOf(key)
      symbol.acknowledged -= 1
      symbol.setAside += 1
    }
  }
}
