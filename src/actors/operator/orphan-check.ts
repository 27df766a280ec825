/**
 * Files under a table's folders that no retained snapshot names and that are older than any commit
 * could be: a crash left them, nothing needs them, and they are listed, never deleted.
 */
import * as Effect from 'effect/Effect'
import { statePathsOf } from '../../adapters/iceberg/k2-summary.ts'
import { stateLocation } from '../../adapters/iceberg/table.ts'
import type { Findings } from './doctor-report.ts'
import { readOr, type TableView } from './table-view.ts'

export interface OrphanOptions {
  /** Younger files may belong to a commit that is under way. */
  readonly ageMsMin: number
  readonly nowMs: number
}

const foldersMax = 100_000

export const checkOrphans = (view: TableView, options: OrphanOptions, findings: Findings) =>
  Effect.gen(function* () {
    const { table, metadata } = view
    const { files } = table.ports
    const { modifiedMs } = files
    if (modifiedMs === undefined) {
      findings.skipped = 'the store does not tell the age of its files'
      return
    }
    const named = namedLocations(view)
    const folders = [
      `${metadata.location}/metadata`,
      `${metadata.location}/data`,
      stateLocation(table, 'state')
    ]
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      const names = yield* readOr(files.list(folder), (reason) => findings.add(reason))
      for (const name of names ?? []) {
        const location = `${folder}/${name}`
        // Writers that have a folder per partition name it so.
        if (/^[^.]+=[^/]*$/.test(name) && folders.length < foldersMax) folders.push(location)
        else if (!named.has(location)) {
          findings.checked++
          const writtenMs = yield* readOr(modifiedMs(location), (reason) => findings.add(reason))
          if (typeof writtenMs === 'number' && options.nowMs - writtenMs > options.ageMsMin)
            findings.add(location)
        }
      }
    }
  })

/** Deleted entries included: their files wait for the end of running queries (R28). */
const namedLocations = ({
  table,
  location,
  metadata,
  manifests
}: TableView): ReadonlySet<string> => {
  const named = new Set([location, ...metadata['metadata-log'].map((it) => it['metadata-file'])])
  for (const snapshot of metadata.snapshots) {
    named.add(snapshot['manifest-list'])
    for (const path of statePathsOf(snapshot)) named.add(stateLocation(table, path))
  }
  for (const [path, { entries }] of manifests) {
    named.add(path)
    for (const { data_file: data } of entries) named.add(data.file_path)
  }
  return named
}
