/**
 * What the gap ledger says of symbols now: what is open, and what was given up.
 *
 * A snapshot of the ledger never changes: its fold is kept, of the last few that were asked for.
 */
import * as Effect from 'effect/Effect'
import type { LedgerView } from '../../market/candle-state.ts'
import { type Gap, GapFold } from '../../market/gap-events.ts'
import { foldLedger } from './ledger-fold.ts'
import type { QueryEngine, ScanPlanner } from './query-ports.ts'

export type ViewLedger<E> = (filter: {
  readonly symbols: readonly string[]
  readonly exchange?: string
}) => Effect.Effect<LedgerView, E>

const viewsMax = 16

export const makeViewLedger = <G, E>(
  gaps: ScanPlanner<G>,
  engine: QueryEngine<E>
): ViewLedger<G | E> => {
  const views = new Map<string, LedgerView>()
  return ({ symbols, exchange }) => {
    const filter = {
      ...(symbols.length === 1 ? { symbol: symbols[0]! } : {}),
      ...(exchange === undefined ? {} : { exchange })
    }
    return Effect.acquireUseRelease(
      gaps.acquire(filter),
      (lease) => {
        const key = JSON.stringify([lease.snapshotId, filter.symbol, exchange])
        const known = views.get(key)
        if (known !== undefined) return Effect.succeed(known)
        const givenUp: Gap[] = []
        const fold = new GapFold((gap) => {
          const { closedReason: reason } = gap
          if (reason === 'rejected' || reason === 'never_issued') givenUp.push(gap)
        })
        return Effect.map(foldLedger(engine, lease, filter, fold), () => {
          const view: LedgerView = { open: fold.open, givenUp }
          for (const oldest of views.keys()) {
            if (views.size < viewsMax) break
            views.delete(oldest)
          }
          views.set(key, view)
          return view
        })
      },
      (lease) => Effect.sync(() => lease.release())
    )
  }
}
