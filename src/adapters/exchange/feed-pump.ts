/**
 * The data path of a feed: frames → records → sinks, in arrival order, one batch at a time.
 *
 * 1. The sinks are waited for before more frames are taken: their slowness reaches the socket,
 *    which is then not read (back-pressure instead of memory).
 * 2. Every frame is counted once, by what it was; every refused one is offered to the dead-letter
 *    log, of which the first few per reason and minute are taken.
 * 3. The pump ends without an error only when it was asked to drain; what had arrived by then has
 *    been offered.
 * 4. What a sink that fails was offered is counted as refused, and claimed, but for what it has
 *    said to have taken.
 * 5. A quote that waits for a newer one to replace it does so for 100 ms and little more, and not
 *    beyond the end of the pump.
 */
import * as Effect from 'effect/Effect'
import type * as Exit from 'effect/Exit'
import type * as Scope from 'effect/Scope'
import * as Semaphore from 'effect/Semaphore'
import type { CompactTrade } from '../../market/compact-trade.ts'
import type { ClaimReason, GapClaim } from '../../market/gap-claim.ts'
import type { QuoteV2 } from '../../market/records/quote-v2.ts'
import type { TradeV2 } from '../../market/records/trade-v2.ts'
import { type Batch, BatchReader, type ReaderOptions } from './batch-reader.ts'
import { type SessionError, SocketClosed } from './exchange-errors.ts'
import {
  type FeedAccount,
  type FrameTally,
  noneRefused,
  type RefusedBySymbol,
  takenOf
} from './feed-account.ts'
import type { FrameLetterSink } from './frame-letters.ts'
import type { RawFrame } from './frame-result.ts'

/**
 * Told in the turn in which a sink takes what it is offered, by a sink that waits afterwards: both
 * sides' counts agree at any moment then (R16).
 */
type OnTaken = (refused: RefusedBySymbol) => void

/**
 * Where trades go. The effect ends when the sink holds them, and may wait as long as it must; it
 * tells what the sink had no room for, if anything. The compact ones are the pump's: it fills them
 * anew for the next batch.
 */
interface TradeSink<E> {
  readonly offer: (
    trades: ReadonlyArray<TradeV2 | CompactTrade>,
    onTaken: OnTaken
  ) => Effect.Effect<RefusedBySymbol, E>
}

/**
 * Where quotes go, and their account. The sink may drop quotes rather than make trades wait (R34).
 */
interface QuoteIntake<E> {
  readonly sink: {
    readonly offer: (
      quotes: ReadonlyArray<QuoteV2>,
      onTaken: OnTaken
    ) => Effect.Effect<'shed' | RefusedBySymbol, E>
  }
  readonly account: FeedAccount
}

/** One per batch of frames: for metrics, and for the machine's counters. */
export interface FramesHandled {
  readonly type: 'frames.handled'
  readonly receivedUs: number
  /** From frames off the socket to their records with the sinks. */
  readonly tookMs: number
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

export interface PumpOptions<E> extends Omit<ReaderOptions, 'quoteAccount'> {
  readonly source: FrameSource
  readonly sink: TradeSink<E>
  /** Undefined where quotes are not captured: then they are counted as unsupported. */
  readonly quotes?: QuoteIntake<E> | undefined
  readonly deadLetters: FrameLetterSink<E>
  /** Ends when the feed shall drain; `Effect.never` if nobody will ask. */
  readonly drainRequested: Effect.Effect<void>
  readonly observe: (event: FramesHandled) => void
}

export const pumpFrames = Effect.fnUntraced(function* <E>(
  options: PumpOptions<E>
): Effect.fn.Return<void, SessionError | E, Scope.Scope> {
  yield* Effect.forkScoped(Effect.andThen(options.drainRequested, options.source.close))
  const reader = new BatchReader({ ...options, quoteAccount: options.quotes?.account })
  const turn = Semaphore.makeUnsafe(1)
  let passCount = 0
  const pass = (read: () => Batch) =>
    turn.withPermit(
      Effect.suspend(() => {
        passCount += 1
        const begunMs = performance.now()
        return handle(read(), options, begunMs)
      })
    )
  const flush = Effect.suspend(() =>
    reader.hasWaiting ? pass(() => reader.readWaiting()) : Effect.void
  )
  const step = Effect.flatMap(options.source.takeFrames, (frames) =>
    pass(() => reader.read(frames))
  )
  // A turn of the event loop between batches: a full queue must not starve timers and HTTP.
  const pump = Effect.forever(Effect.andThen(step, Effect.yieldNow)).pipe(
    // Whatever ended the frames, those that wait have been received (5).
    Effect.tapError(() => flush),
    Effect.catchIf(isClosedByUs, () => Effect.void)
  )
  const flushIdle = flushWhileIdle(() => passCount, flush)
  yield* Effect.raceFirst(pump, flushIdle).pipe(
    Effect.ensuring(Effect.sync(() => reader.abandon()))
  )
})

/** Batches say by their times what is due; where none come for a while, all of it is (5). */
const flushWhileIdle = <E>(
  passCount: () => number,
  flush: Effect.Effect<void, E>
): Effect.Effect<never, E> =>
  Effect.suspend(() => {
    let idleTicks = 0
    let seen = passCount()
    const look = Effect.suspend(() => {
      idleTicks = seen === passCount() ? idleTicks + 1 : 0
      seen = passCount()
      return idleTicks < idleTicksMin ? Effect.void : flush
    })
    return Effect.forever(Effect.andThen(Effect.sleep(idleTickMs), look))
  })

const idleTickMs = 50
/** Together as long as a quote may wait. */
const idleTicksMin = 2

const handle = <E>(batch: Batch, options: PumpOptions<E>, begunMs: number) =>
  Effect.suspend(() => {
    const { account, sink, deadLetters } = options
    const taken = once((refused) => account.settleTaken(batch.offeredBySymbol, refused))
    const settled = (exit: Exit.Exit<RefusedBySymbol, E>) =>
      Effect.sync(() => {
        if (exit._tag === 'Success') {
          taken.note(exit.value)
          return
        }
        if (!taken.isNoted()) {
          account.settle(batch.offeredBySymbol, 'refused')
          claimLost(tradeClaims(batch), options)
        }
        // The sink of quotes is not asked any more.
        settleQuotes(batch, 'refused', options)
      })
    const offered: Effect.Effect<RefusedBySymbol, E> =
      batch.trades.length === 0
        ? Effect.succeed(noneRefused)
        : Effect.onExit(sink.offer(batch.trades, taken.note), settled)
    const lettered = Effect.forEach(batch.letters, (letter) => deadLetters.offer(letter), {
      discard: true
    })
    const quoted = offerQuotes(batch, options)
    return Effect.flatMap(offered, (refused) =>
      Effect.andThen(
        Effect.andThen(quoted, lettered),
        Effect.sync(() => {
          const tookMs = performance.now() - begunMs
          options.observe(handledEvent(batch, refused, tookMs))
        })
      )
    )
  })

const offerQuotes = <E>(batch: Batch, options: PumpOptions<E>): Effect.Effect<void, E> => {
  if (batch.quotes.length === 0 || options.quotes === undefined) return Effect.void
  const taken = once((refused) => settleQuotes(batch, refused, options))
  return options.quotes.sink.offer(batch.quotes, taken.note).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (taken.isNoted()) return
        settleQuotes(batch, exit._tag === 'Success' ? exit.value : 'refused', options)
      })
    ),
    Effect.asVoid
  )
}

/** What is told again counts once. */
const once = (settle: OnTaken) => {
  let isNoted = false
  return {
    isNoted: () => isNoted,
    note: (refused: RefusedBySymbol) => {
      if (isNoted) return
      isNoted = true
      settle(refused)
    }
  }
}

const settleQuotes = <E>(
  { quotesBySymbol, receivedUs }: Batch,
  outcome: 'shed' | 'refused' | RefusedBySymbol,
  options: PumpOptions<E>
): void => {
  const account = options.quotes?.account
  if (typeof outcome !== 'string') {
    account?.settleTaken(quotesBySymbol, outcome)
    return
  }
  account?.settle(quotesBySymbol, outcome)
  const times = { sinceUs: receivedUs, untilUs: receivedUs }
  const lost = [...quotesBySymbol].map(([symbol, count]) => ({
    symbol, count, fromId: null, toId: null, ...times
  }))
  claimLost(lost, options, outcome === 'shed' ? 'shed' : 'disconnect')
}

type Lost = Omit<GapClaim, 'exchange' | 'reason'>

/** Of a sink that has failed nobody knows what it took: claims may cover what lands after all. */
const claimLost = <E>(
  lost: Iterable<Lost>,
  { claims, exchange }: PumpOptions<E>,
  reason: ClaimReason = 'disconnect'
): void => {
  for (const facts of lost) claims.note({ exchange, reason, ...facts })
}

const tradeClaims = ({ trades, receivedUs }: Batch): Iterable<Lost> => {
  const bySymbol = new Map<string, Lost>()
  for (const trade of trades) {
    const isCompact = 'instrument' in trade
    const symbol = isCompact ? trade.instrument.symbol : trade.symbol
    const id = isCompact ? trade.nativeId : trade.source_sequence!
    const { fromId, toId, count } = bySymbol.get(symbol) ?? { fromId: id, toId: id, count: 0 }
    bySymbol.set(symbol, {
      symbol,
      fromId: Math.min(fromId!, id),
      toId: Math.max(toId!, id),
      count: count + 1,
      sinceUs: receivedUs,
      untilUs: receivedUs
    })
  }
  return bySymbol.values()
}

const handledEvent = (
  batch: Batch,
  refused: RefusedBySymbol,
  tookMs: number
): FramesHandled => ({
  type: 'frames.handled',
  receivedUs: batch.receivedUs,
  tookMs,
  tally: batch.tally,
  acceptedBySymbol:
    refused.size === 0 ? batch.offeredBySymbol : takenOf(batch.offeredBySymbol, refused),
  rejectedBySymbol: batch.rejectedBySymbol,
  unsampledCount: batch.unsampledCount
})

/** The session ended because we closed it. */
export const isClosedByUs = (error: unknown): boolean =>
  error instanceof SocketClosed && error.closedBy === 'k2'
