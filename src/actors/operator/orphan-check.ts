/**
 * Files under a table's folders that no retained snapshot names and that are older than any commit
 * could be: a crash left them, nothing needs them, and they are listed, never deleted.
 */
import * as Effect from 'effect/Effect'
import { findOrphans, type ListStored } from '../../adapters/iceberg/orphans.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { Findings } from './doctor-report.ts'
import { readOr } from './table-view.ts'

export interface OrphanOptions {
  /** What the store has below a folder. */
  readonly listBelow: ListStored
  /** Younger files may belong to a commit that is under way. */
  readonly ageMsMin: number
  readonly nowMs: number
}

export const checkOrphans = (
  table: Table,
  { listBelow, ageMsMin, nowMs }: OrphanOptions,
  findings: Findings
) => {
  const list: ListStored = (directory) =>
    Effect.tap(listBelow(directory), (files) =>
      Effect.sync(() => {
        findings.checked += files.length
      })
    )
  const examined = { ...table, ports: { ...table.ports, clockMs: () => nowMs } }
  return Effect.map(
    readOr(findOrphans(examined, { list, ageMsMin }), (reason) => findings.add(reason)),
    (orphans) => orphans?.forEach(({ location }) => findings.add(location))
  )
}
