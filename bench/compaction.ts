/** The real compaction of a bench's table, in this process. */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../src/actors/data-types.ts'
import type { CompactionEvent } from '../src/actors/repair/compaction.ts'
import { compactTable } from '../src/actors/repair/open-compaction.ts'
import { dataFolderAt } from '../src/actors/storage/data-folder.ts'
import { makeLocalFiles } from '../src/adapters/object-store/local-files.ts'
import { defaults } from './landing.ts'

interface CompactionOptions {
  readonly folder: string
  readonly groupsMax: number
  readonly observe?: (event: CompactionEvent) => void
}

export const compactNow = ({ folder, groupsMax, observe = () => undefined }: CompactionOptions) =>
  Effect.scoped(
    compactTable(tradesSpec, {
      folder: dataFolderAt(folder),
      storage: {},
      copiesBytesMax: defaults.s3CacheBytesMax,
      snapshotsMax: defaults.snapshotsMax,
      duckdbBytesMax: defaults.compactionBytesMax,
      groupsMax,
      nowMs: Date.now,
      uuid: randomUUID,
      observe,
      onRemoved: removeAll
    })
  )

const { remove } = makeLocalFiles()
/** At once: nobody reads while a table is made. */
export const removeAll = (locations: readonly string[]): void => {
  for (const location of locations) Effect.runFork(Effect.ignore(remove(location)))
}
