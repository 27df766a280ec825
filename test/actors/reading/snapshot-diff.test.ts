/** What differs between snapshots, against the trades that each of them was made of. */
import { rmSync } from 'node:fs'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as fc from 'fast-check'
import * as Scope from 'effect/Scope'
import { expect, test } from 'vitest'
import { tradesSpec } from '../../../src/actors/data-types.ts'
import { leasesOf } from '../../../src/actors/reading/leases.ts'
import { openLocalCopies } from '../../../src/actors/reading/local-copies.ts'
import { dataFolderAt } from '../../../src/actors/storage/data-folder.ts'
import { openStores } from '../../../src/actors/storage/stores.ts'
import { columnsOf } from '../../../src/adapters/duckdb/columns.ts'
import { currentSnapshot, snapshotById } from '../../../src/adapters/iceberg/metadata.ts'
import { type DiffQuery, makeDiffQuery } from '../../../src/adapters/query/snapshot-diff.ts'
import { LandedTable, startUs } from '../repair/support/landed-table.ts'
import { poolOver } from '../../support/query-pool.ts'

interface Taken {
  readonly snapshotId: string
  /** Trades that it was made of, the first so many. */
  readonly trades: number
}

const openDiff = async (table: LandedTable, scope: Scope.Scope): Promise<DiffQuery<unknown>> => {
  const folder = dataFolderAt(table.folder)
  const opening = Effect.gen(function* () {
    const stores = yield* openStores({}, folder, Date.now)
    const copies = yield* openLocalCopies(stores, folder, 2 ** 20)
    const engine = yield* poolOver(table.folder, { deadlineMsMax: 60_000 })
    const { schema } = tradesSpec
    const planner = leasesOf(table.table, columnsOf(schema), copies)
    return makeDiffQuery({ planner, engine, fields: schema.fields })
  })
  return Effect.runPromise(opening.pipe(Scope.provide(scope)))
}

const taken = ({ table }: LandedTable, trades: number): Taken => ({
  snapshotId: String(currentSnapshot(table.loaded.metadata)!['snapshot-id']),
  trades
})

/** A compaction of many hours is many commits, and old snapshots expire. */
const isKept = ({ table }: LandedTable, snapshotId: string): boolean =>
  snapshotById(table.loaded.metadata, BigInt(snapshotId)) !== null

const text = { format: 'json', decimals: 'number' } as const
const landing = fc.record({
  kind: fc.constant('land' as const),
  count: fc.integer({ min: 1, max: 40 }),
  /** Hours that are over are merged. */
  minute: fc.constantFrom(0, 5, 10, 125, 130, 300)
})
const operations = fc.array(fc.oneof(landing, fc.constant({ kind: 'compact' as const })), {
  minLength: 1,
  maxLength: 8
})
const landed = (minute: number) => ({ kind: 'land' as const, count: 10, minute })
const compaction = { kind: 'compact' as const }
const merging = [landed(0), landed(5), landed(300), compaction, landed(10), compaction]
const symbolOf = (id: number): string => (id % 3 === 0 ? 'ETHUSDT' : 'BTCUSDT')

test('property: what a snapshot has more landed between; maintenance adds nothing', async () => {
  let merged = 0
  await fc.assert(
    fc.asyncProperty(operations, fc.boolean(), async (all, isOfOne) => {
      const table = await LandedTable.open()
      const scope = Effect.runSync(Scope.make())
      try {
        const diff = await openDiff(table, scope)
        const snapshots: Taken[] = []
        let trades = 0
        for (const it of all) {
          if (it.kind === 'land') {
            await table.land(it.count, startUs + it.minute * 60_000_000, 1_000_000)
            trades += it.count
          } else if (trades > 0) await Effect.runPromise(table.compact())
          if (trades > 0) snapshots.push(taken(table, trades))
        }
        const filter = isOfOne ? { symbols: ['ETHUSDT'] } : {}
        const kept = snapshots.filter(({ snapshotId }) => isKept(table, snapshotId))
        for (const [index, { snapshotId, trades: now }] of kept.entries()) {
          for (const base of [...kept.slice(0, index + 1), { snapshotId: null, trades: 0 }]) {
            const request = { snapshotId, baseId: base.snapshotId, filter, rowsMax: 500, text }
            const { rows, ...facts } = await Effect.runPromise(diff.between(request))
            const ids = Array.from({ length: now - base.trades }, (_, n) => base.trades + n)
            const expected = ids.filter((id) => !isOfOne || symbolOf(id) === 'ETHUSDT')
            const found = rows.map((row) => JSON.parse(row) as { source_sequence: number })
            expect(found.map((row) => row.source_sequence).sort((a, b) => a - b)).toEqual(expected)
            expect(facts).toEqual({ hasMore: false, added: expected.length, removed: 0 })
            if (base.snapshotId === null) continue
            const back = { ...request, snapshotId: base.snapshotId, baseId: snapshotId, rowsMax: 0 }
            expect(await Effect.runPromise(diff.between(back))).toEqual({
              rows: [],
              hasMore: false,
              added: 0,
              removed: expected.length
            })
          }
        }
        merged += table.events.length
      } finally {
        await Effect.runPromise(Scope.close(scope, Exit.void))
        await table.close()
        rmSync(table.folder, { recursive: true })
      }
    }),
    { numRuns: 12, examples: [[merging, false]] }
  )
  expect(merged).toBeGreaterThan(0)
}, 240_000)
