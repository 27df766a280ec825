/**
 * Program of the actor `landing/claims`: takes what this process claims and offers it to the
 * publisher of claims, so that the reasons of holes survive the process (R5). What the publishers
 * had no room for is asked for here.
 *
 * 1. A claim is offered at most `flushMs` after it was noted, as far as the publisher is there.
 * 2. What the publisher has no room for is offered again.
 * 3. Drained, it has offered all claims of those who drained before, and they are durable.
 */
import * as Effect from 'effect/Effect'
import * as Latch from 'effect/Latch'
import type { GapClaim } from '../../market/gap-claim.ts'
import { claimRecord } from '../../market/gap-claim-record.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import type { RefusalClaim } from '../publisher/refusal-claims.ts'
import { drainRequested, type Shared } from '../shared.ts'

const flushMs = 500
/** A claim seldom comes alone. */
const lingerMs = 50

export const claimsProgram =
  (shared: Shared) =>
  ({ commands, ready }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const news = Latch.makeUnsafe(false)
      yield* Effect.acquireRelease(
        Effect.sync(() => shared.claims.onNoted(() => news.openUnsafe())),
        (stop) => Effect.sync(stop)
      )
      ready()
      const turn = Effect.gen(function* () {
        yield* Effect.raceFirst(news.await, Effect.sleep(flushMs))
        yield* Effect.sleep(lingerMs)
        news.closeUnsafe()
        yield* offerClaims(shared)
      })
      yield* Effect.raceFirst(Effect.forever(turn), drainRequested(commands))
      // (3)
      yield* offerClaims(shared)
      yield* shared.gaps.publisher.current?.flushed ?? Effect.void
    })

const offerClaims = (shared: Shared): Effect.Effect<void> =>
  Effect.suspend(() => {
    noteRefusals(shared)
    const publisher = shared.gaps.publisher.current
    if (publisher === undefined) return Effect.void
    const claims = shared.claims.take()
    if (claims.length === 0) return Effect.void
    const nowUs = shared.nowMs() * 1_000
    return Effect.map(
      publisher.offer(claims.map((claim) => claimRecord(claim, nowUs))),
      (refused) => {
        // (2)
        for (const claim of claims) if (refused.has(claim.symbol)) shared.claims.note(claim)
      }
    )
  })

/** What the publishers had no room for; they count in milliseconds of a clock of their own. */
const noteRefusals = ({ claims, exchange, trades, quotes, nowMs, host }: Shared): void => {
  const epochMs = nowMs() - host.monotonicMs()
  for (const pipeline of [trades, quotes] as const) {
    for (const refusal of pipeline.publisher.current?.takeClaims() ?? []) {
      const dataType = pipeline === quotes ? 'quotes' : 'trades'
      claims.note({ ...claimOfRefusal(refusal, epochMs), dataType, exchange })
    }
  }
}

const claimOfRefusal = (
  { symbol, reason, fromId, toId, count, sinceMs, untilMs }: RefusalClaim,
  epochMs: number
): Omit<GapClaim, 'exchange' | 'dataType'> => ({
  symbol,
  reason,
  fromId,
  toId,
  count,
  sinceUs: Math.round((epochMs + sinceMs) * 1_000),
  untilUs: Math.round((epochMs + untilMs) * 1_000)
})
