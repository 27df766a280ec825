/**
 * The gap ledger as its table has it: what is missing, and what was (R21).
 *
 * 1. A query holds one lease from planning to its last row, released however it ends (R28).
 * 2. Events are read in their order, so many at a time, and folded as they come: memory holds what
 *    is open, and as many closed gaps as are asked for.
 * 3. Open gaps come oldest first, closed ones newest first behind them: the same snapshot and
 *    filter give the same bytes (R15).
 */
import * as Effect from 'effect/Effect'
import { type Gap, GapFold, type OpenReason } from '../../market/gap-events.ts'
import { foldLedger } from './ledger-fold.ts'
import type { QueryEngine, ScanLease, ScanPlanner } from './query-ports.ts'

export interface GapsFilter {
  readonly state: 'open' | 'closed' | 'all'
  readonly exchange?: string
  readonly symbol?: string
  /** Why it is, or was, missing. */
  readonly reason?: OpenReason
}

interface GapsPage {
  readonly snapshotId: string | null
  /** One JSON object per gap. */
  readonly rows: readonly string[]
  readonly hasMore: boolean
  /** Of all that the filter but for the state meets. */
  readonly openGaps: number
  readonly openTrades: number
}

export interface GapsQuery<E> {
  readonly list: (filter: GapsFilter, rowsMax: number) => Effect.Effect<GapsPage, E>
}

interface Ports<PlanError, EngineError> {
  readonly planner: ScanPlanner<PlanError>
  readonly engine: QueryEngine<EngineError>
}

export const makeGapsQuery = <PlanError, EngineError>(
  ports: Ports<PlanError, EngineError>
): GapsQuery<PlanError | EngineError> => ({
  list: (filter, rowsMax) => {
    const { exchange, symbol } = filter
    return Effect.acquireUseRelease(
      ports.planner.acquire({
        ...(exchange === undefined ? {} : { exchange }),
        ...(symbol === undefined ? {} : { symbol })
      }),
      (lease) =>
        Effect.map(folded(ports, lease, { filter, rowsMax }), ({ open, closed }) =>
          pageOf(lease.snapshotId, { open, closed, filter, rowsMax })
        ),
      (lease) => Effect.sync(() => lease.release()) // (1)
    )
  }
})

interface Wanted {
  readonly filter: GapsFilter
  readonly rowsMax: number
}

interface Folded {
  readonly open: readonly Gap[]
  /** Newest first: as many as could be asked for, and one more. */
  readonly closed: readonly Gap[]
}

/** (2) */
const folded = <PlanError, EngineError>(
  { engine }: Ports<PlanError, EngineError>,
  lease: ScanLease<PlanError>,
  { filter, rowsMax }: Wanted
): Effect.Effect<Folded, PlanError | EngineError> =>
  Effect.suspend(() => {
    const closed: Gap[] = []
    const meets = ({ reason }: Gap) => filter.reason === undefined || reason === filter.reason
    const fold = new GapFold((gap) => {
      if (filter.state === 'open' || !meets(gap)) return
      closed.push(gap)
      if (closed.length > 2 * (rowsMax + 1)) closed.splice(0, closed.length - rowsMax - 1)
    })
    return Effect.map(foldLedger(engine, lease, filter, fold), () => ({
      open: fold.open.filter(meets),
      closed: closed.slice(-rowsMax - 1).toReversed()
    }))
  })

/** (3) */
const pageOf = (
  snapshotId: string | null,
  { open, closed, filter, rowsMax }: Folded & Wanted
): GapsPage => {
  const gaps = [
    ...(filter.state === 'closed' ? [] : open),
    ...(filter.state === 'open' ? [] : closed)
  ]
  return {
    snapshotId,
    rows: gaps.slice(0, rowsMax).map((gap) => JSON.stringify(jsonOf(gap))),
    hasMore: gaps.length > rowsMax,
    openGaps: open.length,
    openTrades: open.reduce((sum, { count }) => sum + count, 0)
  }
}

const jsonOf = (gap: Gap) => ({
  exchange: gap.exchange,
  symbol: gap.symbol,
  data_type: gap.dataType,
  state: gap.state,
  reason: gap.reason,
  epoch: gap.epoch,
  from_id: gap.fromId,
  to_id: gap.toId,
  count: gap.count,
  after_time: isoOfUs(gap.afterUs),
  before_time: isoOfUs(gap.beforeUs),
  opened_at: isoOfUs(gap.openedUs),
  closed_at: isoOfUs(gap.closedUs),
  closed_reason: gap.closedReason
})

/** ISO 8601 with microseconds and Z, as times of records are. */
const isoOfUs = (us: number | null): string | null => {
  if (us === null) return null
  const seconds = new Date(Math.floor(us / 1_000_000) * 1_000).toISOString().slice(0, 19)
  return `${seconds}.${String(us % 1_000_000).padStart(6, '0')}Z`
}
