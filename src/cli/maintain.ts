/**
 * `k2 maintain orphans [flags]`: finds, and deletes, files below the tables that nothing names.
 *
 * 1. All wrong flags are reported at once; nothing is looked at with a wrong one (exit code 2).
 * 2. What is deleted was an orphan twice: when it was found, and when any query that could still
 *    read it has ended (R28). It may run beside K2, which does the same by itself.
 * 3. `--dry-run` deletes nothing.
 */
import { randomUUID } from 'node:crypto'
import { realpathSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import { quotesSpec, tradesSpec } from '../actors/data-types.ts'
import { dataFolderAt, openTableIn, pointerDirectory } from '../actors/storage/data-folder.ts'
import { openStores, type StorageSettings, storageSettingsOf } from '../actors/storage/stores.ts'
import { ConfigRejected, readConfig } from '../adapters/config/config.ts'
import { findOrphans, stillOrphans, type StoredFile } from '../adapters/iceberg/orphans.ts'
import type { Table } from '../adapters/iceberg/table.ts'

const usage = `usage: k2 maintain orphans [flags]

Deletes files below the tables of a data folder that no snapshot and no metadata names, and that are
older than K2_ORPHAN_AGE (3 days). K2 does so by itself every few hours; this is for a look first.

  --dry-run          only list them
  --json             one JSON object per file and one for the sum
  --data-dir DIR     as K2_DATA_DIR (default .k2)
  --orphan-age TIME  as K2_ORPHAN_AGE, at least 1h; longer than any commit takes (default 3d)
  --help             this text

Before it deletes it waits for the longest query, K2_QUERY_TIMEOUT, and a minute.
Exit code 0: done; 1: a table or a file could not be read or deleted; 2: wrong flags.`

const graceMs = 60_000
const ageMsDefault = 3 * 86_400_000

export interface MaintainContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
  readonly sleep: (ms: number) => Effect.Effect<void>
}

interface OrphanFlags {
  readonly isDry: boolean
  readonly isJson: boolean
  readonly dataDir: string
  readonly storage: StorageSettings
  readonly ageMsMin: number
  readonly waitMs: number
}

/** Arguments behind `maintain`; the exit code. */
export const maintain = (
  args: readonly string[],
  context: MaintainContext
): Effect.Effect<number> => {
  const flags = readMaintainFlags(args, context.env)
  if (flags === 'help') {
    context.print(usage)
    return Effect.succeed(0)
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) context.complain(`maintain: ${problem}`)
    context.complain('maintain: --help explains every flag')
    return Effect.succeed(2)
  }
  return Effect.gen(function* () {
    let failures = 0
    for (const spec of [tradesSpec, quotesSpec]) {
      const failed = yield* maintainTable(spec, flags, context).pipe(
        Effect.catch((error) => {
          context.complain(`maintain: ${spec.name}: ${error.message}`)
          // A data type that was never captured has no table.
          return Effect.succeed(error._tag === 'TableMissing' ? 0 : 1)
        })
      )
      failures += failed
    }
    return failures === 0 ? 0 : 1
  })
}

const plainFlags = ['--dry-run', '--json', '--help'] as const

const readMaintainFlags = (
  args: readonly string[],
  env: MaintainContext['env']
): OrphanFlags | { readonly problems: readonly string[] } | 'help' => {
  if (args.includes('--help')) return 'help'
  const [task, ...rest] = args
  const problems: string[] = []
  if (task !== 'orphans') problems.push(`"${task ?? ''}" is no task: allowed is orphans`)
  const isPlain = (arg: string) => plainFlags.some((flag) => flag === arg)
  try {
    // What is no flag of this command is one of K2's settings, or a fault that names it.
    const config = readConfig(env, rest.filter((arg) => !isPlain(arg)))
    if (problems.length > 0) return { problems }
    return {
      isDry: rest.includes('--dry-run'),
      isJson: rest.includes('--json'),
      dataDir: config.dataDir,
      storage: storageSettingsOf(config),
      ageMsMin: config.orphanAgeMs ?? ageMsDefault,
      waitMs: config.queryTimeoutMs + graceMs
    }
  } catch (error) {
    if (!(error instanceof ConfigRejected)) throw error
    return { problems: [...problems, ...error.faults] }
  }
}

/** Files that could not be deleted. */
const maintainTable = Effect.fnUntraced(function* (
  spec: Parameters<typeof openTableIn>[1],
  flags: OrphanFlags,
  context: MaintainContext
) {
  const folder = dataFolderAt(flags.dataDir)
  const stores = yield* openStores(flags.storage, folder, Date.now)
  const table = yield* openTableIn(stores, spec, {
    folder,
    snapshotsMax: 1,
    nowMs: Date.now,
    uuid: randomUUID,
    observe: () => undefined,
    mustExist: true
  })
  const { ageMsMin } = flags
  const pointers = pointerDirectory(folder, table.identifier)
  const orphans = yield* findOrphans(table, { list: stores.listBelow, pointers, ageMsMin })
  for (const orphan of orphans) context.print(fileLine(spec.name, orphan, flags))
  const failed = flags.isDry ? 0 : yield* deleteOrphans(table, orphans, flags, context)
  context.print(sumLine(spec.name, orphans, failed, flags))
  return failed
})

const deleteOrphans = Effect.fnUntraced(function* (
  table: Table,
  orphans: readonly StoredFile[],
  { waitMs }: OrphanFlags,
  { sleep, complain }: MaintainContext
) {
  if (orphans.length === 0) return 0
  yield* sleep(waitMs) // (2)
  let failed = 0
  for (const { location } of yield* stillOrphans(table, orphans)) {
    yield* table.ports.files.remove(location).pipe(
      Effect.catch((fault) => {
        failed += 1
        return Effect.sync(() => complain(`maintain: ${fault.message}`))
      })
    )
  }
  return failed
})

const fileLine = (table: string, file: StoredFile, { isJson }: OrphanFlags): string => {
  const { location, bytes, modifiedMs } = file
  const modified = new Date(modifiedMs).toISOString()
  return isJson
    ? JSON.stringify({ table, location, bytes, modified })
    : `${modified} ${String(bytes).padStart(12)} ${location}`
}

const sumLine = (
  table: string,
  orphans: readonly StoredFile[],
  failed: number,
  { isJson, isDry }: OrphanFlags
): string => {
  const bytes = orphans.reduce((sum, file) => sum + file.bytes, 0)
  const files = orphans.length
  if (isJson) return JSON.stringify({ table, files, bytes, failed, isDryRun: isDry })
  const what = isDry ? 'would be deleted' : failed > 0 ? `deleted but for ${failed}` : 'deleted'
  return `${table}: ${files} files of ${bytes} bytes ${what}`
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  process.exitCode = await Effect.runPromise(
    maintain(process.argv.slice(2), {
      env: process.env,
      print: (line) => console.log(line),
      complain: (line) => console.error(line),
      sleep: Effect.sleep
    })
  )
}
