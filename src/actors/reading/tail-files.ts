/**
 * Leases whose tail is one more file, for statements that run in another process.
 *
 * The file is made for the lease and goes with it. Where it cannot be made the lease has no tail,
 * and says so.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { makeFolder } from '../../adapters/disk/folders.ts'
import { type Column, fieldIdsOf } from '../../adapters/duckdb/columns.ts'
import type { QueryPool } from '../../adapters/duckdb/query-pool.ts'
import { dropTailFile, writeTailFile } from '../../adapters/duckdb/tail-file.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { RecordsLease, RecordsPlanner } from '../../adapters/query/query-ports.ts'

interface TailFiles {
  readonly engine: Pick<QueryPool, 'write'>
  readonly table: Table
  readonly columns: readonly Column[]
  /** One that both processes can read; made when a file is to be in it. */
  readonly directory: string
  readonly uuid: () => string
}

export const withTailFile = <E>(
  planner: RecordsPlanner<E>,
  options: TailFiles
): RecordsPlanner<E> => ({
  acquire: (conditions) =>
    Effect.flatMap(planner.acquire(conditions), (lease) => {
      const { tail } = lease.beyond
      if (tail === undefined) return Effect.succeed(lease)
      const path = join(options.directory, `tail-${options.uuid()}.parquet`)
      const ids = fieldIdsOf(currentSchema(options.table.loaded.metadata))
      const { engine, columns, directory } = options
      return makeFolder(directory).pipe(
        Effect.andThen(writeTailFile(engine, tail, { path, columns, ids })),
        Effect.as(leaseWith(lease, path, tail.rowsMax)),
        Effect.catch(({ message }) => Effect.succeed(leaseWithout(lease, message))),
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            lease.release()
            dropTailFile(path)
          })
        )
      )
    })
})

const leaseWith = <E>(
  lease: RecordsLease<E>,
  path: string,
  recordCount: number
): RecordsLease<E> => ({
  ...lease,
  files: [
    { path, recordCount, timestampLowerUs: -Infinity, timestampUpperUs: Infinity },
    ...lease.files
  ],
  beyond: { ...lease.beyond, tail: undefined },
  // What was made for the lease is there as long as the lease.
  read: (files, use) => lease.read(files.filter((file) => file.path !== path), use),
  release: () => {
    lease.release()
    dropTailFile(path)
  }
})

const leaseWithout = <E>(lease: RecordsLease<E>, message: string): RecordsLease<E> => ({
  ...lease,
  beyond: {
    ...lease.beyond,
    tail: undefined,
    missing: [...lease.beyond.missing, `the tail of the log could not be read: ${message}`]
  }
})
