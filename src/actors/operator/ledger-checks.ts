/**
 * Holds the gap ledger against itself: each retained snapshot names a ledger that exists, decodes
 * and has counted the rows of the table; what the ledger has open now is what the rows come to.
 */
import * as Effect from 'effect/Effect'
import { readState } from '../../adapters/iceberg/table.ts'
import { openPieces, parseLedger, type GapLedger } from '../../machines/gap-ledger.ts'
import { foldGapEvents, type GapEvent } from '../../market/gap-events.ts'
import { ledgerKey } from '../gaps/ledger-table.ts'
import type { Findings } from './doctor-report.ts'
import { gapEventsIn } from './ledger-rows.ts'
import { readOr, type TableView } from './table-view.ts'

export const checkLedgers = (view: TableView, findings: Findings) =>
  Effect.gen(function* () {
    const known = new Set<string>()
    for (const snapshot of view.metadata.snapshots) {
      const path = snapshot.summary[ledgerKey]
      if (path === undefined || known.has(path)) continue
      known.add(path)
      findings.checked++
      const id = snapshot['snapshot-id']
      const ledger = yield* ledgerAt(view, path, (reason) => findings.add(reason, [id]))
      const rows = Number(snapshot.summary['total-records'] ?? 0)
      if (ledger !== undefined && ledger.events !== rows)
        findings.add(`snapshot ${id}: ${path} has ${ledger.events} events, the table ${rows}`, [id])
    }
  })

/** What the current ledger has open, and what the rows have. */
export const checkLedgerRows = (view: TableView, findings: Findings) =>
  Effect.gen(function* () {
    const path = view.current?.summary[ledgerKey]
    if (path === undefined) return
    const ids = [view.current!['snapshot-id']]
    const ledger = yield* ledgerAt(view, path, (reason) => findings.add(reason, ids))
    const events = yield* readOr(gapEventsIn(view), (reason) => findings.add(reason, ids))
    if (ledger === undefined || events === undefined) return
    const [told, known] = [openByRows(events), openByLedger(ledger)]
    findings.checked += told.size
    for (const gap of told) if (!known.has(gap)) findings.add(`${gap}: open by the rows only`)
    for (const gap of known) if (!told.has(gap)) findings.add(`${gap}: open by the ledger only`)
  })

const openByRows = (events: readonly GapEvent[]): ReadonlySet<string> =>
  new Set(
    foldGapEvents(events)
      .filter(({ state }) => state === 'open')
      .map((it) => `${it.exchange}:${it.symbol}:${it.epoch}.${it.fromId}-${it.toId} ${it.reason}`)
  )

const openByLedger = (ledger: GapLedger): ReadonlySet<string> =>
  new Set(
    [...openPieces(ledger)].flatMap(([key, pieces]) =>
      pieces.map(({ epoch, from, to, reason }) => `${key}:${epoch}.${from}-${to} ${reason}`)
    )
  )

const ledgerAt = (
  { table }: Pick<TableView, 'table'>,
  path: string,
  tell: (reason: string) => void
): Effect.Effect<GapLedger | undefined> =>
  Effect.map(readOr(readState(table, path), tell), (bytes) => {
    if (bytes === undefined) return undefined
    try {
      return parseLedger(Buffer.from(bytes).toString('utf8'))
    } catch (error) {
      tell(`${path}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  })
