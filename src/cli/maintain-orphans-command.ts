/**
 * `npm run k2 -- maintain orphans`: lists the files that nothing names, and deletes them.
 *
 * 1. The sums of one table are told before the next one is looked at; one that cannot be read does
 *    not keep the others from it.
 * 2. Between finding and deleting, the longest query passes, and what is named by then stays.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { maintainedTables } from '../actors/operator/maintain-tables.ts'
import {
  type DataFolder,
  dataFolderAt,
  openTableIn,
  pointerDirectory
} from '../actors/storage/data-folder.ts'
import { openStores, storageSettingsOf, type Stores } from '../actors/storage/stores.ts'
import { findOrphans, stillOrphans, type StoredFile } from '../adapters/iceberg/orphans.ts'
import type { Table } from '../adapters/iceberg/table.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import { noDataFolder } from './no-data.ts'

const graceMs = 60_000
const ageMsDefault = 3 * 86_400_000

export const maintainOrphansCommand: Command = {
  name: 'maintain orphans',
  about: 'Delete files that no snapshot and no metadata names; K2 does so itself now and then.',
  flags: [
    { name: '--dry-run', about: 'Only list them.' },
    { name: '--json', about: 'One JSON object per file, and one for the sum of a table.' }
  ],
  examples: [
    'npm run k2 -- maintain orphans --dry-run',
    'npm run k2 -- maintain orphans --orphan-age 7d'
  ],
  exitCodes: {
    0: 'done; those younger than K2_ORPHAN_AGE (3d where it is off) were left',
    1: 'a table or a file could not be read or deleted',
    2: 'wrong flags, or no store: nothing was done'
  },
  run: (given, io) => Effect.runPromise(maintainOrphans(given, io, Effect.sleep))
}

interface Orphans {
  readonly given: Given
  readonly io: CommandIo
  readonly folder: DataFolder
  readonly stores: Stores
  readonly sleep: (ms: number) => Effect.Effect<void>
}

/** The exit code. `sleep` waits for the queries that run (2). */
export const maintainOrphans = (
  given: Given,
  io: CommandIo,
  sleep: Orphans['sleep']
): Effect.Effect<number> =>
  Effect.gen(function* () {
    const nothing = noDataFolder(given)
    if (nothing !== undefined) {
      io.complain(nothing)
      return 2
    }
    const folder = dataFolderAt(given.config.dataDir)
    const stores = yield* openStores(storageSettingsOf(given.config), folder, Date.now)
    const work: Orphans = { given, io, folder, stores, sleep }
    let failures = 0
    for (const spec of Object.values(maintainedTables)) {
      failures += yield* maintainTable(spec, work).pipe(
        Effect.catch((error) => {
          io.complain(`${spec.name}: ${error.message}`)
          // A data type that was never captured has no table.
          return Effect.succeed(error._tag === 'TableMissing' ? 0 : 1)
        })
      )
    }
    return failures === 0 ? 0 : 1
  }).pipe(
    Effect.catchTag('StorageMisconfigured', ({ message }) =>
      Effect.sync(() => {
        io.complain(message)
        return 2
      })
    )
  )

/** Files that could not be deleted. */
const maintainTable = Effect.fnUntraced(function* (
  spec: Parameters<typeof openTableIn>[1],
  work: Orphans
) {
  const { given, io, folder, stores } = work
  const table = yield* openTableIn(stores, spec, {
    folder,
    snapshotsMax: 1,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined,
    mustExist: true
  })
  const ageMsMin = given.config.orphanAgeMs ?? ageMsDefault
  const pointers = pointerDirectory(folder, table.identifier)
  const orphans = yield* findOrphans(table, { list: stores.listBelow, pointers, ageMsMin })
  for (const orphan of orphans) io.print(fileLine(spec.name, orphan, given))
  const failed = given.values.has('--dry-run') ? 0 : yield* deleteOrphans(table, orphans, work)
  io.print(sumLine(spec.name, orphans, failed, given))
  return failed
})

const deleteOrphans = Effect.fnUntraced(function* (
  table: Table,
  orphans: readonly StoredFile[],
  { given, io, sleep }: Orphans
) {
  if (orphans.length === 0) return 0
  yield* sleep(given.config.queryTimeoutMs + graceMs) // (2)
  let failed = 0
  for (const { location } of yield* stillOrphans(table, orphans)) {
    yield* table.ports.files.remove(location).pipe(
      Effect.catch((fault) => {
        failed += 1
        return Effect.sync(() => io.complain(fault.message))
      })
    )
  }
  return failed
})

const fileLine = (table: string, file: StoredFile, { values }: Given): string => {
  const { location, bytes, modifiedMs } = file
  const modified = new Date(modifiedMs).toISOString()
  return values.has('--json')
    ? JSON.stringify({ table, location, bytes, modified })
    : `${modified} ${String(bytes).padStart(12)} ${location}`
}

const sumLine = (
  table: string,
  orphans: readonly StoredFile[],
  failed: number,
  { values }: Given
): string => {
  const bytes = orphans.reduce((sum, file) => sum + file.bytes, 0)
  const files = orphans.length
  const isDryRun = values.has('--dry-run')
  if (values.has('--json')) return JSON.stringify({ table, files, bytes, failed, isDryRun })
  const what = isDryRun ? 'would be deleted' : failed > 0 ? `deleted but for ${failed}` : 'deleted'
  return `${table}: ${files} files of ${bytes} bytes ${what}`
}
