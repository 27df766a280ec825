/** Leases over a table that is not there and a real tail, and what is read by them. */
import { Effect } from 'effect'
import { expect } from 'vitest'
import {
  heldOffsetsOf,
  parsePartitionState
} from '../../../src/actors/lander/landing-partition.ts'
import { withTail } from '../../../src/actors/tail/with-tail.ts'
import type { QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import type { TailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import {
  nothingBeyond,
  type ReadAt,
  type RecordsLease,
  type RecordsPlanner
} from '../../../src/adapters/query/query-ports.ts'
import {
  aheadOf,
  isExactly,
  joined,
  pointCondition,
  type ReadPoint
} from '../../../src/adapters/query/read-point.ts'
import type { Row, World } from '../lander/lander-world.ts'
import { labelOf } from './tail-world.ts'

type WorldLease = RecordsLease<unknown> & { readonly landed: readonly Row[] }

export type Lease = WorldLease & { readonly named: ReadPoint }

/** As a query takes it: what the tail has, over what is in files at that moment. */
export const leaseOf = async (world: World, store: TailStore, at?: ReadAt): Promise<Lease> => {
  const hold = Effect.sync(() => ({ ...store.hold(), missing: [] }))
  const acquired = withTail(plannerOf(world), { hold }).acquire({}, at)
  const lease = (await Effect.runPromise(acquired)) as WorldLease
  const named = await Effect.runPromise(lease.point())
  return { ...lease, named: named! }
}

const plannerOf = ({ table }: World): RecordsPlanner<unknown> => ({
  acquire: (_, at) =>
    Effect.sync((): WorldLease => {
      const recorded = new Map(
        [...table.recorded].map(([partition, it]) => [labelOf(partition), it] as const)
      )
      const floors = new Map([...recorded].map(([label, { offset }]) => [label, offset] as const))
      const undecidedOf = (label: string) =>
        Effect.map(table.readState(recorded.get(label)!.statePath), (bytes) => {
          const held = heldOffsetsOf(parsePartitionState(bytes))
          return [label, held] as const
        })
      const point = at?.kind === 'point' ? at.point : undefined
      return {
        snapshotId: String(table.commits),
        files: [],
        landed: [...table.landed],
        facts: {
          manifestsConsidered: 0,
          manifestsPruned: 0,
          filesConsidered: 0,
          filesPruned: 0
        },
        source: '',
        read: (_files, use) => use,
        beyond: { ...nothingBeyond, watermarks: floors, floors },
        point: (tail) =>
          point !== undefined
            ? Effect.succeed(point)
            : Effect.map(Effect.forEach(aheadOf(floors, tail), undecidedOf), (undecided) =>
                joined(
                  {
                    snapshotId: String(table.commits),
                    removals: 0,
                    watermarks: floors,
                    undecided: new Map(undecided.filter(([, held]) => held.length > 0))
                  },
                  tail
                )
              ),
        within: point !== undefined && !isExactly(floors, point) ? point : undefined,
        release: () => undefined
      }
    })
})

export const rowsOf = async (
  pool: QueryPool,
  { landed, beyond: { tail }, within }: Lease
): Promise<Row[]> => {
  const values = landed.map(([id, offset]) => {
    const [, symbol = ''] = id.split(':')
    return `('${id}', '${labelOf(partitionOf(symbol, 2))}', ${offset})`
  })
  const names = 'message_id, k2_partition, k2_offset'
  const files =
    values.length === 0
      ? []
      : [`SELECT * FROM (VALUES ${values.join(', ')}) AS files(${names})`]
  const inTail = tail === undefined ? [] : [`SELECT ${names} FROM (${tail.sql})`]
  const parts = [...files, ...inTail]
  if (parts.length === 0) return []
  const condition = within && pointCondition(within)
  const rows = await Effect.runPromise(
    pool.run({
      sql: `SELECT message_id, k2_offset FROM (${parts.join(' UNION ALL ')})
        WHERE ${condition?.sql ?? 'true'}`,
      parameters: { ...tail?.parameters, ...condition?.parameters }
    })
  )
  if (within === undefined) {
    expect(rows.length).toBeLessThanOrEqual(landed.length + (tail?.rowsMax ?? 0))
  }
  return rows.map(([id, offset]): Row => [String(id), Number(offset)])
}
