/**
 * The gap ledger in its table: events as rows, what is known as a state file, and what of trades
 * and claims it covers, all moved by one commit (R5).
 *
 * 1. `k2.covers` names the snapshot of the trades that the ledger was derived from, `k2.ledger` its
 *    state file. A commit takes place only if the table still names the file that the ledger was
 *    read from: of two writers, wherever their claims come from, one reads anew (R19).
 * 2. Offsets are those of the claims' log. Where another log has taken its place the ledger goes
 *    on, and reads that from its start: claims say why, and nothing of what is missing.
 */
import * as Effect from 'effect/Effect'
import type { GapColumns } from '../../adapters/duckdb/gap-columns.ts'
import { readRecordedState, type Table } from '../../adapters/iceberg/table.ts'
import { emptyLedger, type GapLedger, parseLedger } from '../../machines/gap-ledger.ts'
import { gapEventRecord } from '../../market/gap-event-record.ts'
import type { GapEvent } from '../../market/gap-events.ts'
import type { LandedFiles } from '../lander/iceberg-landing-table.ts'
import { LandingFailed, type LandingOutcome, type LandingTable } from '../lander/lander-ports.ts'
import { claimsPartition } from './claim-reader.ts'

const coversKey = 'k2.covers'
export const ledgerKey = 'k2.ledger'

/** `k2_partition` of the rows; `k2_offset` is the number of the event. */
const rowsLabel = 'ledger/market.gaps/0'

export interface LedgerPosition {
  readonly ledger: GapLedger
  /** Next claim to read; null: none of this log has been read. */
  readonly offset: number | null
  /** Path of the state file; null: there is none yet. */
  readonly path: string | null
}

interface LedgerChange {
  readonly from: LedgerPosition
  readonly ledger: GapLedger
  readonly events: readonly GapEvent[]
  readonly nextOffset: number
  /** Of the trades; null: there is none. */
  readonly snapshotId: string | null
}

export interface LedgerTable {
  readonly read: Effect.Effect<LedgerPosition, LandingFailed>
  readonly commit: (
    change: LedgerChange
  ) => Effect.Effect<
    LandingOutcome & { readonly position?: LedgerPosition | undefined },
    LandingFailed
  >
}

export interface LedgerTableOptions {
  readonly table: Table
  /** Reused from commit to commit. */
  readonly rows: GapColumns
  readonly landing: LandingTable<never, LandedFiles>
  readonly logIdentity: string
  readonly topic: string
  readonly uuid: () => string
}

export const makeLedgerTable = (options: LedgerTableOptions): LedgerTable => {
  const { landing, rows, uuid } = options
  return {
    read: readPosition(options),
    commit: ({ from, ledger, events, nextOffset, snapshotId }) =>
      Effect.gen(function* () {
        const bytes = Buffer.from(JSON.stringify(ledger))
        const statePath = yield* landing.writeState(claimsPartition, bytes)
        const covers = JSON.stringify({ 'market.trades': snapshotId })
        rows.clear()
        for (const event of events) rows.pushEvent(gapEventRecord(event), rowsLabel, event.number)
        const commitId = uuid()
        const outcome = yield* landing.commit({
          commitId,
          files: yield* landing.writeRows(rows, commitId),
          advances: [
            { partition: claimsPartition, fromOffset: from.offset, nextOffset, statePath }
          ],
          summary: { [coversKey]: covers, [ledgerKey]: statePath },
          requires: { [ledgerKey]: from.path }
        })
        const position = { ledger, offset: nextOffset, path: statePath }
        return outcome.kind === 'landed' ? { ...outcome, position } : outcome
      })
  }
}

const readPosition = ({ table, landing, logIdentity, topic }: LedgerTableOptions) =>
  Effect.gen(function* () {
    const { offsets, carried } = yield* Effect.mapError(readRecordedState(table), unreadable)
    const offset = offsets[logIdentity]?.[topic]?.[claimsPartition] ?? null
    const path = carried[ledgerKey] ?? null
    if (path === null) return { ledger: emptyLedger(), offset, path }
    const ledger = yield* Effect.flatMap(landing.readState(path), (bytes) =>
      Effect.try({
        try: () => parseLedger(Buffer.from(bytes).toString('utf8')),
        catch: (error) => ({ message: `${path}: ${String(error)}` })
      })
    ).pipe(Effect.mapError(({ message }) => unreadable({ message: `${message}; ${remedy}` })))
    return { ledger, offset, path }
  })

const remedy =
  'where it stays so: restore the file, or make it anew: npm run k2 -- rebuild-state --table ' +
  'market.gaps'

/** Waited for, with the reason: also what an operator must see to goes on by itself then. */
const unreadable = ({ message }: { readonly message: string }): LandingFailed =>
  new LandingFailed({ step: 'gap ledger', detail: message, isDependency: true })
