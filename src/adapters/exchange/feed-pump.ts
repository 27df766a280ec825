/**
 * The data path of a feed: frames → records → sinks, in arrival order, one batch at a time.
 *
 * 1. The sinks are waited for before more frames are taken: their slowness reaches the socket,
 *    which is then not read (back-pressure instead of memory).
 * 2. Every frame is counted once, by what it was; every refused one is offered to the dead-letter
 *    log, of which the first few per reason and minute are taken.
 * 3. The pump ends without an error only when it was asked to drain; what had arrived by then has
 *    been offered.
 */
import * as Effect from 'effect/Effect'
import type * as Exit from 'effect/Exit'
import type * as Scope from 'effect/Scope'
import { blankTrade, type CompactTrade } from '../../market/compact-trade.ts'
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import type { InstrumentTable } from './binance-fields.ts'
import { parseFrame } from './binance-frames.ts'
import { type SessionError, SocketClosed } from './exchange-errors.ts'
import {
  emptyTally,
  type FeedAccount,
  type FrameTally,
  increment,
  noneRefused,
  type RefusedBySymbol,
  takenOf
} from './feed-account.ts'
import type { RawFrame, RejectedFrame, RejectReason } from './frame-result.ts'
import { TradeScanner } from './trade-scanner.ts'

/**
 * Where trades go. The effect ends when the sink holds them, and may wait as long as it must; it
 * tells what the sink had no room for, if anything. The compact ones are the pump's: it fills them
 * anew for the next batch.
 */
interface TradeSink<E> {
  readonly offer: (
    trades: ReadonlyArray<TradeV2 | CompactTrade>,
    receivedUs: number
  ) => Effect.Effect<RefusedBySymbol, E>
}

/**
 * Where quotes go, and their account. The sink may drop quotes rather than make trades wait (R34).
 */
interface QuoteIntake<E> {
  readonly sink: {
    readonly offer: (quotes: ReadonlyArray<QuoteV2>) => Effect.Effect<'shed' | RefusedBySymbol, E>
  }
  readonly account: FeedAccount
}

/** A refused frame. `bytes` is a copy, at most `letterBytesMax`; `frameBytes` the real length. */
export interface FrameLetter {
  readonly reason: RejectReason
  readonly bytes: Buffer
  readonly frameBytes: number
  readonly receivedUs: number
  readonly field?: string
  readonly symbol?: string
  readonly nativeId?: number
}

export interface FrameLetterSink<E> {
  readonly offer: (letter: FrameLetter) => Effect.Effect<void, E>
}

/** One per batch of frames: for metrics, and for the machine's counters. */
export interface FramesHandled {
  readonly type: 'frames.handled'
  readonly receivedUs: number
  readonly tally: Readonly<FrameTally>
  /** Trades that the sink took, by symbol. */
  readonly acceptedBySymbol: ReadonlyMap<string, number>
  readonly rejectedBySymbol: ReadonlyMap<string, number>
  /** Refused frames that the sample left out of the dead-letter log. */
  readonly unsampledCount: number
}

/** The session as the pump needs it. */
interface FrameSource {
  readonly takeFrames: Effect.Effect<ReadonlyArray<RawFrame>, SessionError>
  readonly close: Effect.Effect<void>
}

export interface PumpOptions<E> {
  readonly source: FrameSource
  /** May grow while the pump runs, when symbols are added. */
  readonly instruments: InstrumentTable
  readonly sink: TradeSink<E>
  /** Undefined where quotes are not captured: then they are counted as unsupported. */
  readonly quotes?: QuoteIntake<E> | undefined
  readonly deadLetters: FrameLetterSink<E>
  readonly sampler: LetterSampler
  readonly account: FeedAccount
  /** Ends when the feed shall drain; `Effect.never` if nobody will ask. */
  readonly drainRequested: Effect.Effect<void>
  readonly observe: (event: FramesHandled) => void
}

export const letterBytesMax = 64 * 1024

export const pumpFrames = Effect.fnUntraced(function* <E>(
  options: PumpOptions<E>
): Effect.fn.Return<void, SessionError | E, Scope.Scope> {
  yield* Effect.forkScoped(Effect.andThen(options.drainRequested, options.source.close))
  const reader = new BatchReader(options)
  const step = Effect.flatMap(options.source.takeFrames, (frames) =>
    handle(frames, reader, options)
  )
  // A turn of the event loop between batches: a full queue must not starve timers and HTTP.
  yield* Effect.forever(Effect.andThen(step, Effect.yieldNow)).pipe(
    Effect.catchIf(isClosedByUs, () => Effect.void)
  )
})

/** Takes the first `perMinuteMax` refused frames of each reason in a minute of receive time. */
export class LetterSampler {
  readonly #perMinuteMax: number
  readonly #taken = new Map<RejectReason, number>()
  #minute = 0

  constructor(perMinuteMax: number) {
    this.#perMinuteMax = perMinuteMax
  }

  takes(reason: RejectReason, receivedUs: number): boolean {
    const minute = Math.floor(receivedUs / 60_000_000)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#taken.clear()
    }
    increment(this.#taken, reason)
    return (this.#taken.get(reason) ?? 0) <= this.#perMinuteMax
  }
}

interface Batch {
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

const handle = <E>(
  frames: ReadonlyArray<RawFrame>,
  reader: BatchReader<E>,
  options: PumpOptions<E>
) =>
  Effect.suspend(() => {
    const batch = reader.read(frames)
    const { account, sink, deadLetters } = options
    const settled = (exit: Exit.Exit<RefusedBySymbol, E>) =>
      Effect.sync(() => {
        if (exit._tag === 'Success') account.settleTaken(batch.offeredBySymbol, exit.value)
        else account.settle(batch.offeredBySymbol, 'refused')
      })
    const offered: Effect.Effect<RefusedBySymbol, E> =
      batch.trades.length === 0
        ? Effect.succeed(noneRefused)
        : Effect.onExit(sink.offer(batch.trades, batch.receivedUs), settled)
    const lettered = Effect.forEach(batch.letters, (letter) => deadLetters.offer(letter), {
      discard: true
    })
    const quoted = offerQuotes(batch, options.quotes)
    return Effect.flatMap(offered, (refused) =>
      Effect.andThen(
        Effect.andThen(quoted, lettered),
        Effect.sync(() => options.observe(handledEvent(batch, refused)))
      )
    )
  })

const offerQuotes = <E>(
  { quotes, quotesBySymbol }: Batch,
  intake: QuoteIntake<E> | undefined
): Effect.Effect<void, E> =>
  quotes.length === 0 || intake === undefined
    ? Effect.void
    : intake.sink.offer(quotes).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            const outcome = exit._tag === 'Success' ? exit.value : 'refused'
            if (typeof outcome === 'string') intake.account.settle(quotesBySymbol, outcome)
            else intake.account.settleTaken(quotesBySymbol, outcome)
          })
        ),
        Effect.asVoid
      )

const handledEvent = (batch: Batch, refused: RefusedBySymbol): FramesHandled => ({
  type: 'frames.handled',
  receivedUs: batch.receivedUs,
  tally: batch.tally,
  acceptedBySymbol:
    refused.size === 0 ? batch.offeredBySymbol : takenOf(batch.offeredBySymbol, refused),
  rejectedBySymbol: batch.rejectedBySymbol,
  unsampledCount: batch.unsampledCount
})

/** The loop per frame: plain code, for it runs for every trade. */
class BatchReader<E> {
  readonly #options: PumpOptions<E>
  readonly #scanner: TradeScanner
  /** Compact trades of the batch at hand; the sink has done with them before the next one. */
  readonly #slots: CompactTrade[] = []

  constructor(options: PumpOptions<E>) {
    this.#options = options
    this.#scanner = new TradeScanner(options.instruments)
  }

  read(frames: ReadonlyArray<RawFrame>): Batch {
    const batch = emptyBatch(frames.at(-1)?.receivedUs ?? 0)
    const { tally } = batch
    let slot = this.#slot(0)
    let slotCount = 0
    for (const frame of frames) {
      tally.frameCount += 1
      tally.frameBytes += frame.frameBytes
      if (!this.#scanner.scan(frame, slot)) {
        this.#parse(frame, batch)
        continue
      }
      this.#noteTrade(batch, slot, slot.instrument.symbol, slot.nativeId)
      slotCount += 1
      slot = this.#slot(slotCount)
    }
    return batch
  }

  #slot(index: number): CompactTrade {
    return (this.#slots[index] ??= blankTrade())
  }

  #noteTrade(batch: Batch, trade: TradeV2 | CompactTrade, symbol: string, nativeId: number): void {
    batch.tally.tradeCount += 1
    batch.trades.push(trade)
    increment(batch.offeredBySymbol, symbol)
    this.#options.account.noteReceived(symbol, nativeId)
  }

  /** What the scanner leaves: few frames, whatever they are. */
  #parse(frame: RawFrame, batch: Batch): void {
    const { tally } = batch
    const { quotes } = this.#options
    const result = parseFrame(frame, this.#options.instruments)
    switch (result.kind) {
      case 'trade':
        this.#noteTrade(batch, result.trade, result.trade.symbol, result.nativeId)
        break
      case 'quote':
        if (quotes === undefined) {
          increment(tally.unsupported, 'bookTicker')
          break
        }
        tally.quoteCount += 1
        batch.quotes.push(result.quote)
        increment(batch.quotesBySymbol, result.quote.symbol)
        quotes.account.noteReceived(result.quote.symbol, result.nativeId)
        break
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

const noteRejected = <E>(
  batch: Batch,
  frame: RawFrame,
  result: RejectedFrame,
  { account, instruments, quotes, sampler }: PumpOptions<E>
): void => {
  if (result.isQuote && quotes === undefined) {
    increment(batch.tally.unsupported, 'bookTicker')
    return
  }
  const { kind: _kind, isQuote, ...facts } = result
  increment(batch.tally.rejected, result.reason)
  if (result.symbol !== undefined && instruments.has(result.symbol)) {
    increment(batch.rejectedBySymbol, result.symbol)
    const noted = isQuote ? quotes?.account : account
    noted?.noteRejected(result.symbol)
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

/** The session ended because we closed it. */
export const isClosedByUs = (error: unknown): boolean =>
  error instanceof SocketClosed && error.closedBy === 'k2'
