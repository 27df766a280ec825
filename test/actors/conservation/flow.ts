/**
 * Records on their way from feed to table: they themselves move in plain lists, and the counters
 * that production has are told of it as production tells them. A step may lose what it moves
 * without telling anybody.
 */
import { PublishLedger, type RecordHolder } from '../../../src/actors/publisher/publish-ledger.ts'
import { FeedAccount, noneRefused } from '../../../src/adapters/exchange/feed-account.ts'
import type { Equation } from '../../../src/machines/conservation.ts'
import {
  appendEquation,
  feedEquation,
  handoverEquation,
  landingEquation,
  publisherEquation,
  spoolEquation,
  tableEquation
} from '../../../src/machines/conservation-equations.ts'
import {
  emptyPartitionState,
  foldRecord,
  type PartitionState
} from '../../../src/machines/partition-fold.ts'
import { tradeRules } from '../../../src/machines/trade-rules.ts'
import type { TradeV2 } from '../../../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'
import { trade } from '../../support/trades.ts'

const symbols = ['BTCUSDT', 'DOGEUSDT'] as const
export type Step =
  | { readonly type: 'rejected' | 'shed' | 'refused' | 'offered' | 'healed'; readonly symbol: 0 | 1
      readonly count: number }
  | { readonly type: 'sealed' | 'acknowledged' | 'resent' | 'setAside' | 'spooled' | 'drained' }
  | { readonly type: 'crashed' | 'spoolReopened' | 'landed' | 'landerRestarted' }

/** Records vanish between two places, or come to the next one and nobody counts it. */
export type Loss =
  | 'handover' | 'publisher' | 'append' | 'spool' | 'landing' | 'table'
  | 'unsettled' | 'unaccepted' | 'unacknowledged' | 'unspooled' | 'undrained' | 'unabandoned'

interface Batch {
  readonly packed: { readonly recordCount: number }
  readonly shares: ReturnType<Flow['shares']>
  readonly records: readonly TradeV2[]
}

const contextOf = {
  rules: tradeRules,
  limits: defaultSequenceLimits,
  ownsKey: () => true
}

export class Flow {
  readonly #account = new FeedAccount()
  readonly #ledger = new PublishLedger()
  readonly #ids = [0, 0]
  #filling: TradeV2[] = []
  #held: Batch[] = []
  #spool: Batch[] = []
  /** Batches of the spool that a new one has to drain again. */
  #drained: Batch[] = []
  readonly #log: TradeV2[] = []
  #state: PartitionState = { ...emptyPartitionState(), origin: 0 }
  #position = 0
  #rows = 0
  #rowsBefore = 0
  #landedBefore = 0
  readonly #holder: RecordHolder = {
    batches: () => this.#held,
    filling: () => this.#filling.length,
    inSpool: () => recordsOf(this.#spool)
  }

  constructor() {
    this.#ledger.attach(this.#holder)
  }

  /** Whether the step has lost what it was to lose. */
  take(step: Step, loss: Loss | undefined): boolean {
    switch (step.type) {
      case 'rejected':
        for (let n = 0; n < step.count; n++) this.#account.noteRejected(symbols[step.symbol])
        return false
      case 'shed': {
        const { count } = step
        const facts = { reason: 'level', count, lastId: null, toId: null } as const
        this.#account.noteLetGo(symbols[step.symbol], facts)
        return false
      }
      case 'refused':
      case 'offered':
        return this.#offer(step.symbol, step.count, step.type === 'refused', loss)
      case 'healed':
        return this.#heal(step.symbol, step.count)
      case 'sealed':
        return this.#seal(loss)
      case 'acknowledged':
      case 'resent':
      case 'setAside':
        return this.#send(step.type, loss)
      case 'spooled':
        return this.#spoolOldest(loss)
      case 'drained':
        return this.#drain(loss)
      case 'crashed':
        return this.#crash(loss)
      case 'spoolReopened':
        this.#spool = [...this.#drained.splice(0), ...this.#spool]
        this.#ledger.noteOpened(recordsOf(this.#spool))
        return false
      case 'landed':
        return this.#land(loss)
      case 'landerRestarted':
        this.#state = JSON.parse(JSON.stringify(this.#state)) as PartitionState
        // What is in the table stays; rows are counted anew.
        this.#landedBefore = this.#state.counters.landed
        this.#rowsBefore = this.#rows
        return false
      default:
        return step satisfies never
    }
  }

  get equations(): readonly Equation[] {
    const place = { exchange: 'BINANCE', dataType: 'trades' } as const
    const accounts = this.#account.snapshot()
    const { counts } = this.#ledger
    const { counters, origin = 0 } = this.#state
    return [
      ...Object.entries(accounts).map(([symbol, of]) => feedEquation({ ...place, symbol }, of)),
      ...this.#ledger.symbols.map((of) => publisherEquation({ ...place, symbol: of.key }, of)),
      ...symbols.map((key) =>
        handoverEquation(
          { ...place, symbol: key },
          accounts[key] ?? { accepted: 0 },
          this.#ledger.symbols.find((of) => of.key === key) ?? { accepted: 0 }
        )
      ),
      publisherEquation(place, counts),
      spoolEquation(place, { ...counts, inSpool: this.#ledger.inSpool! }),
      appendEquation(place, counts),
      landingEquation(
        { ...place, partition: 0 },
        {
          counters,
          origin,
          offset: this.#position,
          compactedAway: 0,
          rest: this.#log.length - this.#position
        }
      ),
      tableEquation(place, {
        landed: counters.landed - this.#landedBefore,
        rows: this.#rows - this.#rowsBefore
      })
    ]
  }

  shares(records: readonly TradeV2[]) {
    return symbols.flatMap((key) => {
      const count = records.filter(({ symbol }) => symbol === key).length
      return count === 0 ? [] : [{ symbol: this.#ledger.symbolOf(key), records: count }]
    })
  }

  #records(symbol: 0 | 1, count: number): readonly TradeV2[] {
    return Array.from({ length: count }, () => trade(symbols[symbol], ++this.#ids[symbol]!))
  }

  #offer(symbol: 0 | 1, count: number, isRefused: boolean, loss: Loss | undefined): boolean {
    const records = this.#records(symbol, count)
    for (const { source_sequence: id } of records) {
      this.#account.noteReceived(symbols[symbol], id!)
    }
    const offered = new Map([[symbols[symbol], count]])
    const isUnsettled = loss === 'unsettled' && !isRefused
    if (!isUnsettled) this.#account.settleTaken(offered, isRefused ? offered : noneRefused)
    if (isRefused) return false
    if (loss === 'handover') return true
    this.#takeOver(records, loss)
    return isUnsettled || loss === 'unaccepted'
  }

  #takeOver(records: readonly TradeV2[], loss?: Loss): void {
    if (loss !== 'unaccepted') this.#ledger.noteAccepted(records.length)
    for (const record of records) this.#ledger.symbolOf(record.symbol).taken += 1
    this.#filling.push(...records)
  }

  #heal(symbol: 0 | 1, count: number): boolean {
    this.#takeOver(this.#records(symbol, count))
    this.#ledger.noteHealed([[symbols[symbol], count]])
    return false
  }

  #seal(loss: Loss | undefined): boolean {
    const records = this.#filling
    if (records.length === 0) return false
    this.#filling = []
    const shares = this.shares(records)
    for (const { symbol } of shares) symbol.sealed = symbol.taken
    if (loss === 'publisher') return true
    this.#held.push({ packed: { recordCount: records.length }, shares, records })
    return false
  }

  #send(how: 'acknowledged' | 'resent' | 'setAside', loss: Loss | undefined): boolean {
    const [batch] = this.#held
    if (batch === undefined) return false
    const isLost = loss === 'append'
    const records = how === 'setAside' ? batch.records.slice(1) : batch.records
    if (!isLost) this.#append(records)
    // Its acknowledgement was lost: the batch stays, and goes again.
    if (how === 'resent') return false
    this.#held.shift()
    const keys = how === 'setAside' ? [batch.records[0]!.symbol] : []
    if (loss === 'unacknowledged') return true
    this.#ledger.noteAcknowledged(batch, isLost ? [] : keys)
    return isLost
  }

  #append(records: readonly TradeV2[]): void {
    this.#ledger.noteAppended(records.length)
    this.#log.push(...records)
  }

  #spoolOldest(loss?: Loss): boolean {
    const batch = this.#held.shift()
    if (batch === undefined) return false
    this.#spool.push(batch)
    if (loss === 'unspooled') return true
    this.#ledger.noteSpooled(batch)
    return false
  }

  #drain(loss: Loss | undefined): boolean {
    const batch = this.#spool.shift()
    if (batch === undefined) return false
    if (loss === 'spool') return true
    this.#append(batch.records)
    if (loss === 'undrained') return true
    this.#ledger.noteDrained(batch, [], false)
    this.#drained.push(batch)
    return false
  }

  /** Of what memory had, the first is rescued into the spool, and the rest has no room there. */
  #crash(loss: Loss | undefined): boolean {
    this.#seal(undefined)
    this.#spoolOldest()
    const isLost = loss === 'unabandoned' && this.#held.length > 0
    if (!isLost) for (const batch of this.#held) this.#ledger.noteAbandoned(batch)
    this.#held = []
    return isLost
  }

  #land(loss: Loss | undefined): boolean {
    const records = this.#log.slice(this.#position)
    if (records.length === 0) return false
    const from = this.#position
    this.#position = this.#log.length
    if (loss === 'landing') return true
    let rows = 0
    records.forEach((record, index) => {
      const logged = { offset: from + index, key: record.symbol, record }
      foldRecord(this.#state, logged, contextOf, {
        land: () => void rows++,
        deadLetter: () => undefined
      })
    })
    if (loss === 'table' && rows > 0) return true
    this.#rows += rows
    return false
  }
}

const recordsOf = (batches: readonly Batch[]): number =>
  batches.reduce((sum, { records }) => sum + records.length, 0)
