/** Leases over the files of one snapshot of a table. */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { type Column, fieldIdsOf, filesByIdSql } from '../../adapters/duckdb/columns.ts'
import type { ByPartition } from '../../adapters/iceberg/k2-summary.ts'
import { currentSchema, type TableMetadata } from '../../adapters/iceberg/metadata.ts'
import { makeScanPlanner } from '../../adapters/iceberg/planner.ts'
import type { Table } from '../../adapters/iceberg/table.ts'
import type { FilesExceedCache } from '../../adapters/object-store/file-cache.ts'
import {
  nothingBeyond,
  type RecordsPlanner,
  type ScanLease
} from '../../adapters/query/query-ports.ts'
import type { LocalCopies, ReadCopies } from './local-copies.ts'

/** The table cannot be planned now; the cause is for the log. */
export class TableUnavailable extends Schema.TaggedError<TableUnavailable>()('TableUnavailable', {
  detail: Schema.String
}) {
  override get message() {
    return `the table cannot be read: ${this.detail}`
  }
}

type ReadFault = TableUnavailable | FilesExceedCache

/** To a client a copy that cannot be had is a table whose storage does not answer. */
const readOf =
  (read: ReadCopies): ScanLease<ReadFault>['read'] =>
  (some, use) =>
    read(
      some,
      Effect.mapError(use, (fault) => ({ fault }))
    ).pipe(
      Effect.mapError((error) => {
        if ('fault' in error) return error.fault
        return error._tag === 'FilesExceedCache' ? error : unavailable(error)
      })
    )

const unavailable = ({ message }: { readonly message: string }): TableUnavailable =>
  new TableUnavailable({ detail: message })

/**
 * A lease needs no release: files of an expired snapshot stay
 * for longer than a query may take (R28).
 */
export const leasesOf = (
  table: Table,
  columns: readonly Column[],
  copies: LocalCopies
): RecordsPlanner<ReadFault> => {
  const { pathOf } = copies
  const planner = makeScanPlanner(table, { pathOf })
  return {
    acquire: (filter) =>
      planner.plan(filter).pipe(
        Effect.map(({ snapshotId, files, offsets, ...facts }) => {
          const watermarks = watermarksOf(offsets)
          const view = { watermarks, undecided: nothingBeyond.undecided }
          return {
            snapshotId: snapshotId === null ? null : snapshotId.toString(),
            files,
            facts,
            source: sourceOf(table.loaded.metadata, columns),
            read: readOf(copies.readerOf(files)),
            beyond: { ...nothingBeyond, watermarks, floors: watermarks, view },
            release: () => {}
          }
        }),
        Effect.mapError(unavailable)
      )
  }
}

/** By names where all files have the same columns: that is the faster way. */
export const sourceOf = (metadata: TableMetadata, columns: readonly Column[]): string =>
  metadata.schemas.length === 1 && metadata['current-schema-id'] === 0
    ? 'read_parquet($files)'
    : filesByIdSql(columns, fieldIdsOf(currentSchema(metadata)))

/** By `k2_partition`, as rows name it. */
const watermarksOf = (offsets: ByPartition<number>): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(offsets).flatMap(([identity, topics]) =>
      Object.entries(topics).flatMap(([topic, partitions]) =>
        Object.entries(partitions).map(
          ([partition, offset]) => [`${identity}/${topic}/${partition}`, offset] as const
        )
      )
    )
  )
