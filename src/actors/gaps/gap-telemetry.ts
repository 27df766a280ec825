/** Metrics and log lines of the gap ledger. */
import { type GapLedger, openPieces } from '../../machines/gap-ledger.ts'
import { idsIn, rangesOf } from '../../market/id-ranges.ts'
import { openReasons } from '../../market/gap-events.ts'
import type { Shared } from '../shared.ts'
import type { GapWriterEvent } from './gap-writer.ts'

const operation = 'append'

export const observeGapWriter = (
  { telemetry, gaps }: Shared,
  event: GapWriterEvent
): void => {
  const { metrics, log } = telemetry
  const { tableName: table, topic } = gaps
  switch (event.type) {
    case 'ledger.opened':
      log('info', event.type, { topic, offset: event.offset, ours: event.isOurs })
      return
    case 'ledger.committed': {
      const { events, claims, offset, snapshotId, tookMs } = event
      metrics.transactions.inc({ table, operation })
      metrics.writeSeconds.observe({ table, operation }, tookMs / 1_000)
      metrics.rowsWritten.inc({ table, operation }, events)
      metrics.transactionRows.observe({ table }, events)
      const facts = { table, events, claims, offset, snapshot_id: snapshotId, took_ms: tookMs }
      log('debug', event.type, facts)
      return
    }
    case 'ledger.fenced':
      metrics.commitFailures.inc({ table, operation, reason: 'fenced' })
      log('warn', event.type, { table, detail: event.detail })
      return
    case 'ledger.failed':
      metrics.commitFailures.inc({ table, operation, reason: 'failed' })
      log('warn', event.type, { table, detail: event.detail })
      return
    case 'claims.lost':
      log('warn', event.type, { topic, detail: event.detail })
      return
    case 'claims.undecodable':
      metrics.deadLetterLines.inc({ source: 'gaps', reason: 'undecodable' }, event.count)
      log('warn', event.type, { topic, count: event.count })
      return
    case 'ledger.current':
      return
    default:
      event satisfies never
  }
}

interface OpenTotals {
  readonly holesByReason: ReadonlyMap<string, number>
  readonly tradesByReason: ReadonlyMap<string, number>
  readonly holes: number
  readonly trades: number
  readonly oldestUs: number | undefined
}

export interface ShownGaps {
  readonly note: (ledger: GapLedger) => void
  /** Its age grows without news. */
  readonly showAge: () => void
  readonly counters: () => Readonly<Record<string, number>>
}

/** What is open, as metrics and counters. */
export const showOpenGaps = ({ telemetry: { metrics }, gaps, nowMs }: Shared): ShownGaps => {
  let totals: OpenTotals | undefined
  const ageSeconds = () =>
    totals?.oldestUs === undefined ? 0 : Math.max(0, nowMs() / 1_000 - totals.oldestUs / 1e6)
  const showAge = () => metrics.gapsOldestAge.set(ageSeconds())
  return {
    note: (ledger) => {
      totals = totalsOf(ledger)
      metrics.landed.set({ topic: gaps.topic }, ledger.events)
      for (const reason of openReasons) {
        metrics.gapsOpenHoles.set({ reason }, totals.holesByReason.get(reason) ?? 0)
        metrics.gapsOpenTrades.set({ reason }, totals.tradesByReason.get(reason) ?? 0)
      }
      showAge()
    },
    showAge,
    counters: (): Readonly<Record<string, number>> =>
      totals === undefined
        ? {}
        : { openHoles: totals.holes, openTrades: totals.trades, oldestAgeSeconds: ageSeconds() }
  }
}

const totalsOf = (ledger: GapLedger): OpenTotals => {
  const [holesByReason, tradesByReason] = [new Map<string, number>(), new Map<string, number>()]
  let [holes, trades] = [0, 0]
  let oldestUs: number | undefined
  for (const pieces of openPieces(ledger).values()) {
    holes += pieces.length
    trades += idsIn(rangesOf(pieces))
    for (const { reason, from, to, openedUs } of pieces) {
      holesByReason.set(reason, (holesByReason.get(reason) ?? 0) + 1)
      tradesByReason.set(reason, (tradesByReason.get(reason) ?? 0) + to - from + 1)
      oldestUs = Math.min(oldestUs ?? openedUs, openedUs)
    }
  }
  return { holesByReason, tradesByReason, holes, trades, oldestUs }
}
