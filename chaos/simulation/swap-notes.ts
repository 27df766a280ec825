/** How swaps end whose answer did not come: whether they had taken place. */
import * as Effect from 'effect/Effect'
import { commitIdKey } from '../../src/adapters/iceberg/k2-summary.ts'
import type { Catalog } from '../../src/adapters/iceberg/ports.ts'
import type { Environment } from './environment.ts'

export class SwapNotes {
  readonly #environment: Environment
  /** Snapshots and commits whose swap is of unknown outcome. */
  readonly #snapshots = new Set<string>()
  readonly #commits = new Set<string>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  noteAttempt(commitId: string): void {
    if (this.#commits.delete(commitId)) this.#environment.note('commit: unknown, had not landed')
  }

  noteUnknown(snapshotId: string, commitId: string): void {
    this.#snapshots.add(snapshotId)
    this.#commits.add(commitId)
  }

  noteLanded(snapshotId: string): void {
    if (this.#snapshots.delete(snapshotId)) this.#environment.note('commit: unknown, had landed')
  }
}

export const noteSwaps = (notes: SwapNotes, catalog: Catalog): Catalog => ({
  ...catalog,
  prepare: (table, commit) =>
    Effect.suspend(() => {
      const { summary, 'snapshot-id': snapshotId } = commit.snapshot
      const commitId = summary[commitIdKey] ?? ''
      notes.noteAttempt(commitId)
      return Effect.map(catalog.prepare(table, commit), (prepared) => ({
        ...prepared,
        commit: Effect.tapError(prepared.commit, ({ _tag }) =>
          Effect.sync(() => {
            if (_tag === 'SwapUnknown') notes.noteUnknown(String(snapshotId), commitId)
          })
        )
      }))
    })
})
