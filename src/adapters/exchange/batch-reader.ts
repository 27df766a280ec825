/**
 * Frames → what is to be offered of them: the loop per frame, plain code, for it runs for every
 * trade.
 *
 * 1. Every frame is counted once, by what it was, or as let go before it was read.
 * 2. A symbol's records come out in the order in which they came in.
 */
import { blankTrade, type CompactTrade } from '../../market/compact-trade.ts'
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import { parseFrame } from './binance-frames.ts'
import { emptyTally, type FrameTally, increment } from './feed-account.ts'
import { type FrameLetter, letterBytesMax, type LetterSampler } from './frame-letters.ts'
import type { RawFrame, RejectedFrame } from './frame-result.ts'
import { FrameShedder, type ShedderOptions } from './frame-shedder.ts'
import { QuoteConflation } from './quote-conflation.ts'
import { TradeScanner } from './trade-scanner.ts'

export interface Batch {
  readonly receivedUs: number
  readonly tally: FrameTally
  readonly trades: Array<TradeV2 | CompactTrade>
  readonly quotes: QuoteV2[]
  readonly letters: FrameLetter[]
  readonly offeredBySymbol: Map<string, number>
  readonly quotesBySymbol: Map<string, number>
  readonly rejectedBySymbol: Map<string, number>
  unsampledCount: number
}

export interface ReaderOptions extends ShedderOptions {
  readonly sampler: LetterSampler
}

export class BatchReader {
  readonly #options: ReaderOptions
  readonly #scanner: TradeScanner
  readonly #shedder: FrameShedder
  readonly #conflation: QuoteConflation | undefined
  /** Compact trades of the batch at hand; the sink has done with them before the next one. */
  readonly #slots: CompactTrade[] = []
  #slotCount = 0
  #receivedUs = 0

  constructor(options: ReaderOptions) {
    this.#options = options
    const { instruments, quoteAccount } = options
    this.#scanner = new TradeScanner(instruments)
    this.#shedder = new FrameShedder(options)
    this.#conflation = quoteAccount === undefined ? undefined : new QuoteConflation(quoteAccount)
  }

  /** Whether quotes wait for a newer one to replace them. */
  get hasWaiting(): boolean {
    return this.#conflation?.hasWaiting === true
  }

  read(frames: ReadonlyArray<RawFrame>): Batch {
    this.#receivedUs = frames.at(-1)?.receivedUs ?? this.#receivedUs
    this.#slotCount = 0
    const batch = emptyBatch(this.#receivedUs)
    const shedder = this.#shedder
    shedder.begin()
    if (shedder.isConflating || shedder.isShedding || this.hasWaiting) this.#sift(frames, batch)
    else for (const frame of frames) this.#readFrame(frame, batch)
    const { holes } = this.#options
    holes.noteHeard(batch.offeredBySymbol.keys(), batch.receivedUs)
    return batch
  }

  /** What still waits, at the end of a conflation or of the frames. */
  readWaiting(): Batch {
    this.#slotCount = 0
    const batch = emptyBatch(this.#receivedUs)
    this.#readDue(batch, Number.POSITIVE_INFINITY)
    this.#shedder.end(batch.tally)
    return batch
  }

  /** Nobody will read any more: quotes that wait for nothing are refused. */
  abandon(): void {
    for (const [symbol] of this.#conflation?.take() ?? []) {
      this.#options.quoteAccount?.settle(new Map([[symbol, 1]]), 'refused')
    }
  }

  /** As `#readFrame`, frame by frame, of those that are not let go. */
  #sift(frames: ReadonlyArray<RawFrame>, batch: Batch): void {
    const shedder = this.#shedder
    const { isShedding, isConflating } = shedder
    if (!isConflating) this.#readDue(batch, Number.POSITIVE_INFINITY)
    for (const frame of frames) {
      const stream = shedder.streams.of(frame)
      if (stream === undefined) {
        this.#readFrame(frame, batch)
        continue
      }
      const isLetGo = isShedding && shedder.lets(stream, frame)
      if (!isLetGo && stream.isQuote && isConflating) {
        this.#wait(stream.instrument.symbol, frame, batch)
      } else if (!isLetGo) {
        this.#readFrame(frame, batch)
        continue
      }
      batch.tally.frameCount += 1
      batch.tally.frameBytes += frame.frameBytes
    }
    this.#readDue(batch, batch.receivedUs)
    this.#conflation?.detach()
    shedder.end(batch.tally)
  }

  #readFrame(frame: RawFrame, batch: Batch): void {
    const { tally } = batch
    tally.frameCount += 1
    tally.frameBytes += frame.frameBytes
    const slot = (this.#slots[this.#slotCount] ??= blankTrade())
    if (!this.#scanner.scan(frame, slot)) {
      this.#parse(frame, batch, 'arrived')
      return
    }
    this.#noteTrade(batch, slot, slot.instrument.symbol, slot.nativeId)
    this.#slotCount += 1
  }

  #noteTrade(batch: Batch, trade: TradeV2 | CompactTrade, symbol: string, nativeId: number): void {
    const { account, holes } = this.#options
    if (holes.isOpen) holes.noteTrade(symbol, nativeId, batch.receivedUs)
    batch.tally.tradeCount += 1
    batch.trades.push(trade)
    increment(batch.offeredBySymbol, symbol)
    account.noteReceived(symbol, nativeId)
  }

  /** The quote is due later, unless a newer one comes before. */
  #wait(symbol: string, frame: RawFrame, batch: Batch): void {
    const { due, replaced } = this.#conflation!.put(symbol, frame)
    if (replaced) this.#shedder.noteConflated(symbol, frame.receivedUs)
    if (due !== undefined) this.#readWaited(symbol, due, batch)
  }

  #readDue(batch: Batch, receivedUs: number): void {
    for (const [symbol, frame] of this.#conflation?.take(receivedUs) ?? []) {
      this.#readWaited(symbol, frame, batch)
    }
  }

  #readWaited(symbol: string, frame: RawFrame, batch: Batch): void {
    this.#options.quoteAccount?.recount(symbol)
    this.#parse(frame, batch, 'waited')
  }

  /** What the scanner leaves, whatever it is. */
  #parse(frame: RawFrame, batch: Batch, state: 'arrived' | 'waited'): void {
    const { tally } = batch
    const { quoteAccount, instruments } = this.#options
    const { isShedding, isConflating } = this.#shedder
    const result = parseFrame(frame, instruments)
    switch (result.kind) {
      case 'trade': {
        const { symbol } = result.trade
        if (isShedding && this.#shedder.letsRead({ ...result, symbol }, frame.receivedUs)) break
        this.#noteTrade(batch, result.trade, symbol, result.nativeId)
        break
      }
      case 'quote': {
        const { symbol } = result.quote
        if (quoteAccount === undefined) {
          increment(tally.unsupported, 'bookTicker')
          break
        }
        if (state === 'arrived') {
          if (isShedding && this.#shedder.letsRead({ ...result, symbol }, frame.receivedUs)) break
          if (isConflating) {
            this.#wait(symbol, frame, batch)
            break
          }
        }
        tally.quoteCount += 1
        batch.quotes.push(result.quote)
        increment(batch.quotesBySymbol, symbol)
        quoteAccount.noteReceived(symbol, result.nativeId)
        break
      }
      case 'rejected':
        noteRejected(batch, frame, result, this.#options)
        break
      case 'unsupported':
        increment(tally.unsupported, result.frameKind)
        break
      case 'control':
        tally.controlCount += 1
        break
      default:
        result satisfies never
    }
  }
}

const emptyBatch = (receivedUs: number): Batch => ({
  receivedUs,
  tally: emptyTally(),
  trades: [],
  quotes: [],
  letters: [],
  offeredBySymbol: new Map(),
  quotesBySymbol: new Map(),
  rejectedBySymbol: new Map(),
  unsampledCount: 0
})

const noteRejected = (
  batch: Batch,
  frame: RawFrame,
  result: RejectedFrame,
  options: ReaderOptions
): void => {
  const { instruments, quoteAccount, sampler } = options
  if (result.isQuote && quoteAccount === undefined) {
    increment(batch.tally.unsupported, 'bookTicker')
    return
  }
  const { kind: _kind, isQuote, ...facts } = result
  increment(batch.tally.rejected, result.reason)
  if (result.symbol !== undefined && instruments.has(result.symbol)) {
    increment(batch.rejectedBySymbol, result.symbol)
    const noted = isQuote ? quoteAccount : options.account
    noted?.noteRejected(result.symbol)
    claimRejected(result.symbol, { ...result, ...frame }, options)
  }
  if (!sampler.takes(result.reason, frame.receivedUs)) {
    batch.unsampledCount += 1
    return
  }
  batch.letters.push({
    ...facts,
    // A copy: the frame is a view of a read of the socket, which it would keep alive.
    bytes: Buffer.from(frame.bytes.subarray(0, letterBytesMax)),
    frameBytes: frame.frameBytes,
    receivedUs: frame.receivedUs
  })
}

/** Why the id will be missing, where it can be told (R29). */
const claimRejected = (
  symbol: string,
  {
    isQuote,
    nativeId,
    receivedUs
  }: Pick<RejectedFrame, 'isQuote' | 'nativeId'> & Pick<RawFrame, 'receivedUs'>,
  { claims, exchange }: ReaderOptions
): void => {
  if (nativeId === undefined) return
  const range = { fromId: nativeId, toId: nativeId, count: 1 }
  const times = { sinceUs: receivedUs, untilUs: receivedUs }
  const dataType = isQuote === true ? 'quotes' : 'trades'
  claims.note({ dataType, exchange, symbol, reason: 'rejected', ...range, ...times })
}
