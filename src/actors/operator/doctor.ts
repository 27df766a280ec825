/**
 * `k2 doctor`: everything that can be checked about a table and its log by reading.
 *
 * 1. Nothing is written to the data folder, the catalog or the store.
 * 2. It works while K2 runs: one version of the table is examined, and what is gone because that
 *    version has expired meanwhile is no fault. The log is looked at after it: what the table has
 *    of the log is there then.
 */
import * as Effect from 'effect/Effect'
import { OffsetsMissing, SummaryAltered } from '../../adapters/iceberg/errors.ts'
import { type RecordedState, recordedState } from '../../adapters/iceberg/k2-summary.ts'
import type { ListStored } from '../../adapters/iceberg/orphans.ts'
import { refresh, type Table } from '../../adapters/iceberg/table.ts'
import { checkContents } from './contents-checks.ts'
import { type DoctorReport, Findings } from './doctor-report.ts'
import { checkLedgerRows, checkLedgers } from './ledger-checks.ts'
import type { LogFacts } from './log-facts.ts'
import { checkOrphans } from './orphan-check.ts'
import { checkLineage, checkLog, checkStates } from './positions-checks.ts'
import { checkDataFiles, checkManifests, checkMetadata, checkTotals } from './structure-checks.ts'
import { type TableView, viewTable } from './table-view.ts'

export interface DoctorOptions<E, R> {
  readonly table: Table
  /** Looks at the log. */
  readonly log: Effect.Effect<LogFacts, E, R>
  readonly listBelow: ListStored
  /** Files must be this old to be called orphans, ms. */
  readonly orphanAgeMsMin: number
  /** Leaves out what needs reading the data files. */
  readonly isQuick: boolean
  /** Whether it is the table of the gap ledger, whose state is no sequence and whose log any. */
  readonly isLedger?: boolean
  readonly nowMs: number
}

export const examine = <E, R>(options: DoctorOptions<E, R>) =>
  Effect.gen(function* () {
    const { table } = options
    const findings = makeFindings()
    const view = yield* viewTable(table, { lists: findings.lists, manifests: findings.manifests })
    const log = yield* options.log
    yield* checkMetadata(view, findings.metadata)
    yield* checkManifests(view, findings.manifests)
    checkTotals(view, findings.totals)
    yield* checkDataFiles(view, findings.dataFiles)
    checkLineage(view, findings.lineage)
    const recorded = recordedOrNull(view, findings.lineage)
    if (options.isLedger) yield* checkLedgers(view, findings.ledgers)
    else {
      yield* checkStates(view, findings.states)
      if (recorded === null) findings.log.skipped = 'the table records no offsets'
      else yield* checkLog(recorded, log, findings.log)
    }
    if (options.isQuick) skipContents(findings)
    else yield* checkContents(view, recorded, findings)
    if (options.isLedger && !options.isQuick) yield* checkLedgerRows(view, findings.ledgers)
    const { listBelow, orphanAgeMsMin: ageMsMin, nowMs } = options
    yield* checkOrphans(table, { listBelow, ageMsMin, nowMs }, findings.orphans)
    const { states, log: logFindings, ledgers, ...others } = findings
    const own = options.isLedger ? { ...others, ledgers } : { ...others, states, log: logFindings }
    return yield* reportOf(view, own)
  })

const makeFindings = () => ({
  metadata: new Findings('metadata'),
  lists: new Findings('manifest-lists'),
  manifests: new Findings('manifests'),
  totals: new Findings('totals'),
  dataFiles: new Findings('data-files'),
  contents: new Findings('data-contents'),
  dayPartitions: new Findings('row-partitions'),
  keys: new Findings('duplicate-keys'),
  positions: new Findings('log-positions'),
  homes: new Findings('symbol-partitions'),
  lineage: new Findings('offset-lineage'),
  states: new Findings('sequence-states'),
  ledgers: new Findings('gap-ledger'),
  log: new Findings('log-bounds'),
  orphans: new Findings('orphans', 'notice')
})

const skipContents = (findings: ReturnType<typeof makeFindings>): void => {
  const { contents, dayPartitions, keys, positions, homes } = findings
  for (const it of [contents, dayPartitions, keys, positions, homes])
    it.skipped = '--quick does not read data files'
}

/** Null where snapshots have lost their offsets, which is reported. */
const recordedOrNull = (
  { table, metadata }: TableView,
  findings: Findings
): RecordedState | null => {
  try {
    return recordedState(table.name, metadata)
  } catch (error) {
    if (!(error instanceof OffsetsMissing || error instanceof SummaryAltered)) throw error
    findings.add(error.message)
    return null
  }
}

const reportOf = (view: TableView, findings: Readonly<Record<string, Findings>>) =>
  Effect.map(refresh(view.table), ({ metadata }): DoctorReport => {
    const retained = new Set(metadata.snapshots.map((it) => it['snapshot-id']))
    const checks = Object.values(findings).map((it) => it.result(retained))
    const { current } = view
    return {
      ok: checks.every(({ ok }) => ok),
      table: view.table.name,
      snapshotId: current?.['snapshot-id'].toString() ?? null,
      rows: Number(current?.summary['total-records'] ?? 0),
      files: Number(current?.summary['total-data-files'] ?? 0),
      checks
    }
  })
