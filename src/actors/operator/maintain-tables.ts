/**
 * `k2 compact` and `k2 expire`: one round of what K2 does to its tables by itself, now.
 *
 * 1. Safe beside a K2 that runs: each step is a commit that takes place only on the table as it was
 *    planned on, or is planned anew; a group that K2 has compacted meanwhile is given up.
 * 2. Scratch files lie in a folder of their own, apart from those of a K2 that runs.
 * 3. What no snapshot names any more is returned; it is deleted once the longest query is over
 *    (R28).
 */
import * as Effect from 'effect/Effect'
import type { Config } from '../../adapters/config/config.ts'
import { makeTemporaryFolder, removeFolder } from '../../adapters/disk/folders.ts'
import { expireSnapshots } from '../../adapters/iceberg/expire-snapshots.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import { removeDayPartitions } from '../../adapters/iceberg/retention.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import {
  candlesTable,
  gapsTable,
  quotesSpec,
  referenceDataSpec,
  tradesSpec
} from '../data-types.ts'
import type { CompactionEvent } from '../repair/compaction.ts'
import { compactTable } from '../repair/open-compaction.ts'
import { firstKeptDay } from '../repair/retention-actor.ts'
import { openTableIn } from '../storage/data-folder.ts'
import { openStores } from '../storage/stores.ts'
import { tableContextOf } from './table-context.ts'

export const maintainedTables = {
  'market.trades': tradesSpec,
  'market.quotes': quotesSpec,
  'market.reference_data': referenceDataSpec,
  'market.gaps': gapsTable,
  'market.candles_1m': candlesTable
} as const

export type MaintainedTable = keyof typeof maintainedTables

/** Retention takes nothing of the others: what they say holds however old it is. */
const retainedByDays: ReadonlySet<string> = new Set([
  'market.trades',
  'market.quotes',
  'market.candles_1m'
])
const groupsMax = 1_000_000
/** Runs that a schema of a newer K2 has ended. */
const runsMax = 3
const commitsMax = 100

/** What is maintained is there. */
const contextOf = (config: Config) => ({ ...tableContextOf(config), mustExist: true })

/** Its minutes are written day by day, in place of those before: there is nothing to merge. */
export const isLaidOutByItself = (name: MaintainedTable): boolean => name === 'market.candles_1m'

/** Fails where there is no such table. */
export const lookAt = (config: Config, name: MaintainedTable) =>
  Effect.gen(function* () {
    const context = contextOf(config)
    const stores = yield* openStores(context.storage, context.folder, context.nowMs)
    return yield* openTableIn(stores, maintainedTables[name], context)
  })

/** Until nothing is left to merge; the removed files (3). */
export const compactNow = (
  config: Config,
  name: MaintainedTable,
  observe: (event: CompactionEvent) => void
) =>
  Effect.gen(function* () {
    const own = yield* Effect.acquireRelease(makeTemporaryFolder('k2-compact-'), (path) =>
      Effect.ignore(removeFolder(path))
    )
    const context = contextOf(config)
    const folder = {
      ...context.folder,
      temporary: `${own}/tmp`,
      staging: `${own}/staging`,
      copies: `${own}/copies`
    }
    const removed: string[] = []
    for (let run = 1; run <= runsMax; run++) {
      const { isLaidOut } = yield* compactTable(maintainedTables[name], {
        ...context,
        folder,
        duckdbBytesMax: config.duckdbBytesMax,
        copiesBytesMax: config.s3CacheBytesMax,
        groupsMax,
        observe,
        onRemoved: (locations) => removed.push(...locations)
      })
      if (isLaidOut) break
    }
    return removed
  }).pipe(Effect.scoped)

interface Expired {
  /** Rows of days before this one have left, in days since 1970; null: there were none. */
  readonly beforeDay: number | null
  readonly snapshots: number
  readonly removed: readonly string[]
}

/** Days beyond the retention, and snapshots beyond the newest `keep`. */
export const expireNow = (config: Config, name: MaintainedTable, keep: number) =>
  Effect.gen(function* () {
    const table = yield* lookAt({ ...config, snapshotsMax: keep }, name)
    const removed: string[] = []
    const days = retainedByDays.has(name) ? yield* expireDays(config, table, removed) : null
    const before = table.loaded.metadata.snapshots
    for (let commits = 1; commits <= commitsMax; commits++) {
      const committed = yield* expireSnapshots(table, keep)
      if (committed === null || committed.removed.length === 0) break
      removed.push(...committed.removed.map(({ location }) => location))
    }
    const left = new Set(table.loaded.metadata.snapshots.map((it) => it['snapshot-id']))
    const snapshots = before.filter((it) => !left.has(it['snapshot-id'])).length
    const expired: Expired = { beforeDay: days, snapshots, removed }
    return expired
  })

const expireDays = Effect.fnUntraced(function* (config: Config, table: Table, removed: string[]) {
  const beforeDay = yield* firstKeptDay(makeScanPlanner(table), config.retentionDays, Date.now())
  if (beforeDay === null) return null
  const committed = yield* removeDayPartitions(table, beforeDay)
  if (committed === null) return null
  removed.push(...committed.removed.map(({ location }) => location))
  return beforeDay
})

/** (3) */
export const deleteFiles = (config: Config, locations: readonly string[]) =>
  Effect.gen(function* () {
    const { storage, folder, nowMs } = contextOf(config)
    const { files } = yield* openStores(storage, folder, nowMs)
    let failed = 0
    for (const location of locations) {
      yield* files.remove(location).pipe(Effect.catch(() => Effect.sync(() => void failed++)))
    }
    return failed
  })
