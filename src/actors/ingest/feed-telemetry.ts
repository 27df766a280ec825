/** Metrics, log lines and dead letters of a feed. */
import * as Effect from 'effect/Effect'
import type { SocketEvent } from '../../adapters/exchange/binance-socket.ts'
import type { ShedTally } from '../../adapters/exchange/feed-account.ts'
import type { FramesHandled } from '../../adapters/exchange/feed-pump.ts'
import type { FrameLetterSink } from '../../adapters/exchange/frame-letters.ts'
import type { RestEvent } from '../../adapters/exchange/rest-request.ts'
import type { Telemetry } from '../../adapters/telemetry/telemetry.ts'
import type { Shared } from '../shared.ts'

export const observeFrames = (
  shared: Shared,
  feed: string,
  event: FramesHandled
): void => {
  const { metrics } = shared.telemetry
  const { tally, receivedUs, tookMs } = event
  metrics.feedBytes.inc({ feed }, tally.frameBytes)
  metrics.feedBatchSeconds.observe({ feed }, tookMs / 1_000)
  metrics.feedFrames.inc({ feed, kind: 'trade' }, tally.tradeCount)
  metrics.feedFrames.inc({ feed, kind: 'quote' }, tally.quoteCount)
  metrics.feedFrames.inc({ feed, kind: 'control' }, tally.controlCount)
  noteShed(shared, feed, [shared.trades.topic, tally.shedTrades])
  noteShed(shared, feed, [shared.quotes.topic, tally.shedQuotes])
  for (const [kind, count] of tally.unsupported) metrics.feedFrames.inc({ feed, kind }, count)
  for (const [reason, count] of tally.rejected) {
    metrics.feedFrames.inc({ feed, kind: 'rejected' }, count)
    metrics.feedRejected.inc({ feed, reason }, count)
  }
  metrics.feedLastFrame.set({ feed }, receivedUs / 1e6)
}

const tiers = [1, 2, 3] as const

/** What the feed itself has let go (R40); what sinks do not take is counted by who offers it. */
const noteShed = (
  { telemetry: { metrics } }: Shared,
  feed: string,
  [topic, shed]: readonly [topic: string, shed: ShedTally]
): void => {
  for (const tier of tiers) {
    for (const [reason, count] of shed[tier]) {
      metrics.feedFrames.inc({ feed, kind: 'shed' }, count)
      metrics.shed.inc({ topic, symbol_tier: `${tier}`, reason }, count)
    }
  }
}

/** Of records that no sink takes; what the feed lets go itself is counted by what it handled. */
export const noteNotTaken = (
  { telemetry: { metrics }, intake }: Shared,
  reason: 'log_refused' | 'publisher_away' | 'not_captured',
  { topic, symbols }: { readonly topic: string; readonly symbols: readonly string[] }
): Effect.Effect<void> =>
  Effect.sync(() => {
    const counts = { 1: 0, 2: 0, 3: 0 }
    for (const symbol of symbols) counts[intake.tiers.get(symbol) ?? 3] += 1
    for (const tier of tiers) {
      const labels = { topic, symbol_tier: `${tier}`, reason } as const
      if (counts[tier] > 0) metrics.shed.inc(labels, counts[tier])
    }
  })

export const observeRest = ({ telemetry }: Shared, event: RestEvent): void => {
  telemetry.log('debug', event.type, { ...event })
}

export const observeSocket =
  ({ log }: Telemetry) =>
  ({ type, ...facts }: SocketEvent): void => {
    const isLoss =
      type === 'socket.stalled' || ('closedBy' in facts && facts.closedBy === 'venue')
    log(isLoss ? 'warn' : 'debug', type, facts)
  }

/**
 * Refused frames as dead letters without a place in the event log. They are a sample for people:
 * one that cannot be written is reported and costs the feed nothing.
 */
export const frameLetters = (shared: Shared, feed: string): FrameLetterSink<never> => ({
  offer: (letter) =>
    Effect.flatMap(shared.deadLetters.get, (log) => {
      const { metrics, log: logLine } = shared.telemetry
      const field = letter.field === undefined ? '' : `, field ${letter.field}`
      const written = log.write([
        {
          atMs: letter.receivedUs / 1_000,
          reason: letter.reason,
          detail: `${feed}: frame of ${letter.frameBytes} bytes${field}`,
          symbol: letter.symbol ?? null,
          nativeId: letter.nativeId ?? null,
          position: null,
          raw: letter.bytes
        }
      ])
      return Effect.match(written, {
        onSuccess: () => metrics.deadLetterLines.inc({ source: 'feed', reason: letter.reason }),
        onFailure: ({ message: failure }) =>
          logLine('error', 'dead_letter.lost', { feed, reason: letter.reason, detail: failure })
      })
    })
})
