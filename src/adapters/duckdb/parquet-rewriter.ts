/**
 * Rewrites Parquet files of one partition: the same rows, sorted and cut anew.
 *
 * 1. Columns are found by their field ids, so that files of an older schema are read as the table
 *    reads them: what they lack is null.
 * 2. Rows are counted and hashed, all columns of them, by time bucket, before anything is written;
 *    each file that was written is read back, and must have the rows and the hash of its range.
 * 3. One file is sorted at a time, from the inputs that reach into its range: memory does not grow
 *    with the group, and what exceeds the limit is spilled.
 * 4. Rows ascend by (symbol, timestamp, source_sequence, k2_offset, message_id), in row groups of
 *    at most 8,192: few rows of one symbol are read without the rest of the file (R22). Values are
 *    copied, decimals too, and never pass through a double.
 * 5. A rewrite that fails or is interrupted removes the files it began. What it has written is
 *    durable only once `sync` has ended, and the caller's to remove if it is never committed.
 */
import { type DuckDBConnection, LIST, listValue, VARCHAR } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import {
  type Column,
  type FieldIds,
  fieldIdsSql,
  filesByIdSql,
  identifier,
  textLiteral
} from './columns.ts'
import { columnStatsOf, type ColumnStats } from './file-stats.ts'
import { type DurableFiles, syncAll } from './parquet-writer.ts'
import { closeInMemory, connectInMemory, isIoError } from './in-memory.ts'
import { metered } from './memory-meter.ts'
import { duckdbCall } from './statement.ts'

export interface ParquetRewriterOptions {
  readonly columns: readonly Column[]
  /** Column by which files are cut and sorted; by default `timestamp`. */
  readonly timeColumn?: string
  /** Ids of the Iceberg schema. */
  readonly fieldIds: FieldIds
  readonly files: DurableFiles
  readonly memoryBytesMax: number
  /** Where DuckDB spills what exceeds its memory; a folder of its own. */
  readonly tempDirectory: string
}

/** Times are µs. */
interface InputFile {
  readonly path: string
  readonly timestampLowerUs: number
  readonly timestampUpperUs: number
}

interface TimeBucket {
  readonly fromUs: number
  readonly rows: number
}

interface TimeRange {
  /** Inclusive. */
  readonly fromUs: number
  /** Exclusive. */
  readonly toUs: number
  readonly rows: number
}

export interface RewriteRequest {
  readonly inputs: readonly InputFile[]
  /** Rows that the inputs are known to have. */
  readonly rows: number
  readonly bucketUs: number
  /** Ranges of one file each, which together hold every bucket. */
  readonly cut: (buckets: readonly TimeBucket[]) => readonly TimeRange[]
  /** Path of a range's file: new, and never used again. */
  readonly pathOf: (index: number) => string
}

export interface RewrittenFile {
  readonly path: string
  readonly recordCount: number
  readonly fileSizeBytes: number
  /** Where row groups begin. */
  readonly splitOffsets: readonly number[]
  readonly columns: readonly ColumnStats[]
}

export interface ParquetRewriter {
  /** One rewrite at a time. */
  readonly rewrite: (
    request: RewriteRequest
  ) => Effect.Effect<readonly RewrittenFile[], RewriteFailed | RowsDiffer>
  readonly sync: (paths: readonly string[]) => ReturnType<typeof syncAll>
}

/** DuckDB did not start, or a file could not be read or written. */
export class RewriteFailed extends Schema.TaggedError<RewriteFailed>()('RewriteFailed', {
  step: Schema.Literals(['open', 'measure', 'copy', 'verify']),
  path: Schema.String,
  cause: Schema.Defect()
}) {
  /** A disk passes by itself. */
  get isDependency() {
    return isIoError(this.cause)
  }
  override get message() {
    return `${this.step} of ${this.path} failed: ${String(this.cause)}`
  }
}

/** What was read is not what the table says, or what was written is not what was read. */
export class RowsDiffer extends Schema.TaggedError<RowsDiffer>()('RowsDiffer', {
  path: Schema.String,
  expected: Schema.String,
  found: Schema.String
}) {
  override get message() {
    return `${this.path}: expected ${this.expected}, found ${this.found}; nothing was replaced`
  }
}

/** Opens an in-memory DuckDB of one thread; it is closed with the scope. */
export const openParquetRewriter = (
  options: ParquetRewriterOptions
): Effect.Effect<ParquetRewriter, RewriteFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => connectInMemory({ ...options, threads: 1, connections: 1 }),
      catch: failedAt('open', 'DuckDB')
    }),
    (opened) => Effect.sync(() => closeInMemory(opened))
  ).pipe(
    Effect.tap(({ instance }) => Effect.mapError(metered(instance), failedAt('open', 'DuckDB'))),
    Effect.map(({ connections: [connection] }) => ({
      rewrite: (request) => rewrite({ timeColumn: 'timestamp', ...options, connection }, request),
      sync: (paths) => syncAll(options.files, paths)
    }))
  )

const failedAt = (step: RewriteFailed['step'], path: string) => (cause: unknown) =>
  new RewriteFailed({ step, path, cause })

interface Rewriting extends ParquetRewriterOptions {
  readonly timeColumn: string
  readonly connection: DuckDBConnection
}

const rewrite = Effect.fnUntraced(function* (rewriting: Rewriting, request: RewriteRequest) {
  const begun: string[] = []
  return yield* rewriteAll(rewriting, request, begun).pipe(
    Effect.onExit((exit) =>
      exit._tag === 'Success'
        ? Effect.void
        : Effect.forEach(begun, (path) => Effect.ignore(rewriting.files.remove(path)), {
            discard: true
          })
    )
  )
})

const rewriteAll = Effect.fnUntraced(function* (
  rewriting: Rewriting,
  request: RewriteRequest,
  begun: string[]
) {
  const { inputs, cut, pathOf } = request
  const measured = yield* measure(rewriting, request)
  const written: RewrittenFile[] = []
  for (const [index, range] of cut(measured).entries()) {
    const path = pathOf(index)
    const reaching = inputs.filter(
      ({ timestampLowerUs, timestampUpperUs }) =>
        timestampUpperUs >= range.fromUs && timestampLowerUs < range.toUs
    )
    begun.push(path)
    const file = yield* copy(rewriting, reaching, range, path)
    yield* verify(rewriting, path, {
      rows: range.rows,
      hash: measured
        .filter(({ fromUs }) => fromUs >= range.fromUs && fromUs < range.toUs)
        .reduce((sum, it) => sum + it.hash, 0n)
    })
    written.push(file)
  }
  const rows = written.reduce((sum, { recordCount }) => sum + recordCount, 0)
  if (rows !== request.rows) yield* differ(inputs[0]!.path, `${request.rows} rows`, `${rows} rows`)
  return written
})

const differ = (path: string, expected: string, found: string) =>
  Effect.fail(new RowsDiffer({ path, expected, found }))

interface MeasuredBucket extends TimeBucket {
  /** Sum of the hashes of its rows. */
  readonly hash: bigint
}

/** (2) */
const measure = Effect.fnUntraced(function* (
  { connection, columns, fieldIds, timeColumn }: Rewriting,
  { inputs, rows, bucketUs }: RewriteRequest
) {
  const path = inputs[0]?.path ?? ''
  const buckets = yield* duckdbCall(connection, async (): Promise<MeasuredBucket[]> => {
    // In whole numbers, and floored before 1970, too.
    const sql = `SELECT us - ((us % ${bucketUs}) + ${bucketUs}) % ${bucketUs} AS from_us,
        count(*), sum(hash)
      FROM (
        SELECT epoch_us(${identifier(timeColumn)}) AS us, ${rowHashSql(columns)} AS hash
        FROM ${filesByIdSql(columns, fieldIds)}
      ) GROUP BY from_us ORDER BY from_us`
    const found = await rowsOf(connection, sql, inputs)
    return found.map(([fromUs, count, hash]) => ({
      fromUs: Number(fromUs),
      rows: Number(count),
      hash: hash as bigint
    }))
  }).pipe(Effect.mapError(failedAt('measure', path)))
  const found = buckets.reduce((sum, it) => sum + it.rows, 0)
  if (found !== rows) yield* differ(path, `${rows} rows in ${inputs.length} files`, `${found} rows`)
  return buckets
})

/** Its sum does not depend on the order of the rows. */
const rowHashSql = (columns: readonly Column[]): string =>
  `hash(${columns.map(({ name }) => identifier(name)).join(', ')})::HUGEINT`

const rowsOf = async (
  connection: DuckDBConnection,
  sql: string,
  files: readonly { readonly path: string }[]
) => {
  const statement = await connection.prepare(sql)
  try {
    const paths = listValue(files.map(({ path }) => path))
    statement.bindValue(statement.parameterIndex('files'), paths, LIST(VARCHAR))
    const result = await statement.runAndReadAll()
    return result.getRows()
  } finally {
    statement.destroySync()
  }
}

const rowGroupRowsMax = 8_192

/** (4) By those columns that the table has. */
const orderSql = ({ columns, timeColumn }: Rewriting): string =>
  ['symbol', timeColumn, 'source_sequence', 'k2_offset', 'message_id']
    .filter((name) => columns.some((column) => column.name === name))
    .map((name) => `${identifier(name)} ASC NULLS LAST`)
    .join(', ')

/** Under its own name at once: nobody looks for it before the commit that names it. */
const copySql = (
  rewriting: Rewriting,
  { fromUs, toUs }: TimeRange,
  path: string
): string => {
  const { columns, fieldIds } = rewriting
  const time = identifier(rewriting.timeColumn)
  return `COPY (
    SELECT ${columns.map(({ name }) => identifier(name)).join(', ')}
    FROM ${filesByIdSql(columns, fieldIds)}
    WHERE ${time} >= make_timestamptz(${fromUs}) AND ${time} < make_timestamptz(${toUs})
    ORDER BY ${orderSql(rewriting)}
  ) TO ${textLiteral(path)} (
    FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2,
    ROW_GROUP_SIZE ${rowGroupRowsMax}, FIELD_IDS ${fieldIdsSql(columns, fieldIds)}, RETURN_STATS,
    USE_TMP_FILE false
  )`
}

const copy = (
  rewriting: Rewriting,
  inputs: readonly InputFile[],
  range: TimeRange,
  path: string
): Effect.Effect<RewrittenFile, RewriteFailed> => {
  const { connection, columns, fieldIds } = rewriting
  return duckdbCall(connection, async () => {
    const statement = await connection.prepare(copySql(rewriting, range, path))
    try {
      const paths = listValue(inputs.map((it) => it.path))
      statement.bindValue(statement.parameterIndex('files'), paths, LIST(VARCHAR))
      const result = await statement.runAndReadAll()
      const [row] = result.getRowObjects()
      if (row === undefined) throw new Error('COPY returned no statistics')
      return {
        path,
        recordCount: Number(row['count']),
        fileSizeBytes: Number(row['file_size_bytes']),
        splitOffsets: await splitOffsetsOf(connection, path),
        columns: columnStatsOf(columns, fieldIds, row['column_statistics'] ?? null, new Map())
      }
    } finally {
      statement.destroySync()
    }
  }).pipe(Effect.mapError(failedAt('copy', path)))
}

/** COPY does not tell where row groups begin; the footer does. */
export const splitOffsetsOf = async (
  connection: DuckDBConnection,
  path: string
): Promise<readonly number[]> => {
  const result = await connection.runAndReadAll(
    `SELECT min(least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset)))
     FROM parquet_metadata(${textLiteral(path)}) GROUP BY row_group_id ORDER BY row_group_id`
  )
  return result.getRows().map(([offset]) => Number(offset))
}

const verify = Effect.fnUntraced(function* (
  { connection, columns, fieldIds }: Rewriting,
  path: string,
  expected: { readonly rows: number; readonly hash: bigint }
) {
  const source = filesByIdSql(columns, fieldIds)
  const sql = `SELECT count(*), sum(${rowHashSql(columns)}) FROM ${source}`
  const [row] = yield* duckdbCall(connection, () => rowsOf(connection, sql, [{ path }])).pipe(
    Effect.mapError(failedAt('verify', path))
  )
  const [rows, hash] = [Number(row?.[0] ?? 0), row?.[1] ?? 0n]
  if (rows === expected.rows && hash === expected.hash) return
  yield* differ(
    path,
    `${expected.rows} rows with hash ${expected.hash}`,
    `${rows} rows with hash ${String(hash)}`
  )
})
