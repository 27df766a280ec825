/**
 * Leases over files and tail.
 *
 * 1. The tail is held from before the snapshot is looked up, so that a row that leaves the tail
 *    meanwhile is in the files (R28).
 * 2. A point that was read before is answered by files as soon as they have all of it, else by
 *    files and the tail, which must have come as far (R15). The tail of another process may have
 *    been ahead of ours: we wait a little for what the log has.
 * 3. What statements are to read of the tail is in DuckDB before a lease is given: where it cannot
 *    be put there, there is none.
 */
import * as Effect from 'effect/Effect'
import type { QueryFailed } from '../../adapters/duckdb/query-pool.ts'
import type { Watermarks } from '../../adapters/duckdb/tail-hold.ts'
import type {
  ReadAt,
  RecordsLease,
  RecordsPlanner,
  ScanConditions,
  TailPart
} from '../../adapters/query/query-ports.ts'
import { timedAs } from '../../adapters/telemetry/query-cost.ts'
import { PointNotReached, type ReadPoint } from '../../adapters/query/read-point.ts'
import { reaches } from '../../adapters/query/records-view.ts'
import type { Tail } from './tail.ts'

const waitMsMax = 1_500
const restMs = 50

interface AskedOf {
  readonly at?: ReadAt
  readonly tailAs?: 'sql' | 'rows' | undefined
}

type HeldPart = NonNullable<ReturnType<ReturnType<Tail['store']['hold']>['partFrom']>>

const storedPart = (part: HeldPart): TailPart => ({
  ...boundsOf(part),
  sql: part.sql,
  parameters: part.parameters,
  since: (fromUs) => {
    const rest = part.since(fromUs)
    return rest && storedPart(rest)
  }
})

/** DuckDB does not have them, or not all: a statement over them fails. */
const rowsPart = (part: HeldPart): TailPart => ({
  ...boundsOf(part),
  sql: "SELECT error('rows that were taken as such are read by SQL')",
  parameters: {},
  since: (fromUs) => {
    const rest = part.since(fromUs)
    return rest && rowsPart(rest)
  },
  rows: part.rows
})

const boundsOf = ({ rowsMax, timestampLowerUs, timestampUpperUs }: HeldPart) => ({
  rowsMax,
  timestampLowerUs,
  timestampUpperUs
})

export const withTail = <E>(
  planner: RecordsPlanner<E>,
  tail: Pick<Tail, 'hold'>
): RecordsPlanner<E | PointNotReached | QueryFailed> => {
  const acquireNow = (conditions: ScanConditions, { at, tailAs = 'sql' }: AskedOf) =>
    Effect.gen(function* () {
      const hold = yield* timedAs('tailMs', tail.hold)
      const lease = yield* planner
        .acquire(conditions, at)
        .pipe(Effect.onError(() => Effect.sync(hold.release)))
      const floors = lease.beyond.watermarks
      const { watermarks, undecided } = hold
      const part = hold.partFrom(floors, conditions)
      const release = () => {
        lease.release()
        hold.release()
      }
      // (3)
      if (part !== undefined && tailAs === 'sql')
        yield* timedAs('tailMs', part.load).pipe(Effect.onError(() => Effect.sync(release)))
      return {
        ...lease,
        beyond: {
          ...lease.beyond,
          tail: part && (tailAs === 'sql' ? storedPart(part) : rowsPart(part)),
          watermarks: further(floors, watermarks),
          view: { watermarks: new Map([...floors, ...watermarks]), undecided },
          isFollowed: watermarks.size > 0,
          missing: at === undefined ? hold.missing : lease.beyond.missing
        },
        point: at === undefined ? () => lease.point(hold) : lease.point,
        release
      }
    })
  const acquireAt = (
    conditions: ScanConditions,
    { point, tailAs }: { readonly point: ReadPoint } & Pick<AskedOf, 'tailAs'>
  ): Effect.Effect<RecordsLease<E>, E | PointNotReached | QueryFailed> =>
    Effect.gen(function* () {
      const at = { kind: 'point', point } as const
      const landed = yield* planner.acquire(conditions, at)
      if (reaches(landed.beyond.watermarks, point.watermarks)) return landed
      landed.release()
      for (const startedMs = performance.now(); ; yield* Effect.sleep(restMs)) {
        const lease = yield* acquireNow(conditions, { at, tailAs })
        if (reaches(lease.beyond.watermarks, point.watermarks)) return lease
        lease.release()
        if (performance.now() - startedMs > waitMsMax) return yield* new PointNotReached()
      }
    })
  return {
    acquire: (conditions, at, tailAs) => {
      if (at === undefined) return acquireNow(conditions, { tailAs })
      return at.kind === 'point'
        ? acquireAt(conditions, { point: at.point, tailAs })
        : planner.acquire(conditions, at)
    }
  }
}

/** The further of the two, partition by partition. */
const further = (known: Watermarks, next: Watermarks): Watermarks =>
  new Map([
    ...known,
    ...[...next].map(
      ([partition, offset]) => [partition, Math.max(offset, known.get(partition) ?? 0)] as const
    )
  ])
