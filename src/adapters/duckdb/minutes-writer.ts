/**
 * Writes files of candles of minutes: rows of older files as they are, but for minutes that have
 * changed, which are made anew of their trades (R21). What a candle is, the caller's SQL says.
 *
 * 1. A file holds whole symbols of one exchange and one UTC day, sorted by symbol and time, in
 *    small row groups: who asks for one symbol reads little else.
 * 2. Trades are summed a stretch of time at a time: memory does not grow with the day, and what
 *    exceeds the limit is spilled.
 * 3. A write that fails or is interrupted removes the files it began. What it has written is
 *    durable only once `sync` has ended, and the caller's to remove if it is never committed.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import { minuteUs } from '../../market/candle.ts'
import { type Column, type FieldIds, fieldIdsSql, identifier, textLiteral } from './columns.ts'
import { columnStatsOf } from './file-stats.ts'
import { closeInMemory, connectInMemory, isIoError } from './in-memory.ts'
import { metered } from './memory-meter.ts'
import { type RewrittenFile, splitOffsetsOf } from './parquet-rewriter.ts'
import { type DurableFiles, syncAll } from './parquet-writer.ts'
import { duckdbCall } from './statement.ts'

export interface MinutesWriterOptions {
  readonly columns: readonly Column[]
  /** Ids of the Iceberg schema. */
  readonly fieldIds: FieldIds
  readonly files: DurableFiles
  readonly memoryBytesMax: number
  /** Where DuckDB spills what exceeds its memory; a folder of its own. */
  readonly tempDirectory: string
  /** SELECT of candles by exchange, symbol and minute over a FROM item of trades. */
  readonly candlesSql: (trades: string) => string
  /** Columns of that SELECT. */
  readonly candleColumns: readonly string[]
  /** Rows of a file, about; default 131,072. */
  readonly fileRowsMax?: number
}

/** Files of a table; `source` is a table function over `$files`. */
export interface TableFiles {
  readonly source: string
  readonly paths: readonly string[]
}

interface StaleMinute {
  readonly exchange: string
  /** Start, microseconds. */
  readonly minuteUs: number
}

interface StaleSymbol {
  readonly exchange: string
  /** Days since 1970-01-01, UTC. */
  readonly day: number
  readonly symbol: string
}

export interface Stale {
  readonly minutes: readonly StaleMinute[]
  readonly symbols: readonly StaleSymbol[]
}

export interface DayRequest {
  readonly exchange: string
  readonly day: number
  /** Of the day, with whatever is not stale in them. */
  readonly kept: TableFiles
  /** Of the stale minutes: times of each stretch, and files that may have trades of it (2). */
  readonly stretches: ReadonlyArray<{
    readonly fromUs: number
    readonly toUs: number
    readonly trades: TableFiles
  }>
  readonly partition: string
  readonly offset: number
  /** Path of a file: new, and never used again. */
  readonly pathOf: (index: number) => string
}

export interface MinutesWriter {
  /** Finds the minutes in which files have trades, and keeps them for the days to be written. */
  readonly findStale: (trades: TableFiles) => Effect.Effect<Stale, MinutesWriteFailed>
  readonly writeDay: (
    request: DayRequest
  ) => Effect.Effect<readonly RewrittenFile[], MinutesWriteFailed>
  readonly sync: (paths: readonly string[]) => ReturnType<typeof syncAll>
}

/** DuckDB did not start, or a file could not be read or written. */
export class MinutesWriteFailed extends Schema.TaggedError<MinutesWriteFailed>()(
  'MinutesWriteFailed',
  { step: Schema.Literals(['open', 'compare', 'sum', 'copy']), cause: Schema.Defect() }
) {
  /** A disk passes by itself. */
  get isDependency() {
    return isIoError(this.cause)
  }
  override get message() {
    return `candles: ${this.step} failed: ${String(this.cause)}`
  }
}

const dayUs = 86_400_000_000
const fileRowsDefault = 131_072
/** The least that DuckDB writes (1). */
const rowGroupRowsMax = 2_048

/** Opens an in-memory DuckDB of one thread; it is closed with the scope. */
export const openMinutesWriter = (
  options: MinutesWriterOptions
): Effect.Effect<MinutesWriter, MinutesWriteFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => connectInMemory({ ...options, threads: 1, connections: 1 }),
      catch: failedAt('open')
    }),
    (opened) => Effect.sync(() => closeInMemory(opened))
  ).pipe(
    Effect.tap(({ instance }) => Effect.mapError(metered(instance), failedAt('open'))),
    Effect.map(({ connections: [connection] }) => ({
      findStale: (trades) => findStale(connection, trades),
      writeDay: (request) => writeDay({ ...options, connection }, request),
      sync: (paths) => syncAll(options.files, paths)
    }))
  )

const failedAt = (step: MinutesWriteFailed['step']) => (cause: unknown) =>
  new MinutesWriteFailed({ step, cause })

const filesSql = ({ source, paths }: TableFiles): string =>
  source.replaceAll('$files', `[${paths.map(textLiteral).join(', ')}]`)

const floorSql = (us: string, by: number): string => `(${us} - ((${us} % ${by}) + ${by}) % ${by})`
const minuteSql = floorSql('epoch_us("timestamp")', minuteUs)

const findStale = (connection: DuckDBConnection, trades: TableFiles) =>
  duckdbCall(connection, async (): Promise<Stale> => {
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE stale AS
       SELECT DISTINCT "exchange", "symbol", ${minuteSql} AS "minute" FROM ${filesSql(trades)}`
    )
    const minutes = await connection.runAndReadAll(
      'SELECT DISTINCT "exchange", "minute" FROM stale ORDER BY ALL'
    )
    const symbols = await connection.runAndReadAll(
      `SELECT DISTINCT "exchange", ${floorSql('"minute"', dayUs)} // ${dayUs}, "symbol"
       FROM stale ORDER BY ALL`
    )
    return {
      minutes: minutes.getRows().map(([exchange, minute]) => ({
        exchange: String(exchange),
        minuteUs: Number(minute)
      })),
      symbols: symbols.getRows().map(([exchange, day, symbol]) => ({
        exchange: String(exchange),
        day: Number(day),
        symbol: String(symbol)
      }))
    }
  }).pipe(Effect.mapError(failedAt('compare')))

interface Writing extends MinutesWriterOptions {
  readonly connection: DuckDBConnection
}

const writeDay = Effect.fnUntraced(function* (writing: Writing, request: DayRequest) {
  const begun: string[] = []
  return yield* Effect.gen(function* () {
    yield* gather(writing, request)
    const written: RewrittenFile[] = []
    for (const [index, symbols] of (yield* cutBySymbol(writing)).entries()) {
      const path = request.pathOf(index)
      begun.push(path)
      written.push(yield* copy(writing, request, { symbols, path }))
    }
    return written
  }).pipe(
    Effect.onExit((exit) =>
      exit._tag === 'Success'
        ? Effect.void
        : Effect.forEach(begun, (path) => Effect.ignore(writing.files.remove(path)), {
            discard: true
          })
    )
  )
})

/** All rows of the day's new files, as a table. */
const gather = (
  { connection, candlesSql, candleColumns }: Writing,
  { exchange, kept, stretches }: DayRequest
): Effect.Effect<void, MinutesWriteFailed> => {
  const columns = candleColumns.map(identifier).join(', ')
  const isStale = (rows: string, join: 'SEMI' | 'ANTI') =>
    `(SELECT *, ${minuteSql} AS "minute" FROM ${rows}) AS r ${join} JOIN stale
       ON r."exchange" = stale."exchange" AND r."symbol" = stale."symbol"
       AND r."minute" = stale."minute"`
  const parts = [
    ...(kept.paths.length === 0
      ? []
      : [`SELECT ${columns} FROM ${isStale(filesSql(kept), 'ANTI')}`]),
    ...stretches.map(({ fromUs, toUs, trades }) => {
      const rows = `(SELECT * FROM ${filesSql(trades)}
        WHERE "exchange" = ${textLiteral(exchange)}
          AND "timestamp" >= make_timestamptz(${fromUs})
          AND "timestamp" < make_timestamptz(${toUs}))`
      return `SELECT ${columns} FROM (${candlesSql(`(SELECT * FROM ${isStale(rows, 'SEMI')})`)})`
    })
  ]
  return duckdbCall(connection, async () => {
    for (const [index, part] of parts.entries()) {
      await connection.run(
        index === 0
          ? `CREATE OR REPLACE TEMP TABLE minutes AS ${part}`
          : `INSERT INTO minutes ${part}`
      )
    }
  }).pipe(Effect.mapError(failedAt('sum')))
}

/** Symbols of a file: from the first to the last, both inclusive. */
type SymbolRange = readonly [first: string, last: string]

const cutBySymbol = ({
  connection,
  fileRowsMax = fileRowsDefault
}: Writing): Effect.Effect<readonly SymbolRange[], MinutesWriteFailed> =>
  duckdbCall(connection, async () => {
    const counted = await connection.runAndReadAll(
      'SELECT "symbol", count(*) FROM minutes GROUP BY "symbol" ORDER BY "symbol"'
    )
    const ranges: SymbolRange[] = []
    let rows = 0
    for (const [name, count] of counted.getRows()) {
      const symbol = String(name)
      const last = ranges.at(-1)
      rows += Number(count)
      if (last !== undefined && rows <= fileRowsMax) ranges[ranges.length - 1] = [last[0], symbol]
      else {
        ranges.push([symbol, symbol])
        rows = Number(count)
      }
    }
    return ranges
  }).pipe(Effect.mapError(failedAt('sum')))

const copy = (
  { connection, columns, fieldIds, candleColumns }: Writing,
  { partition, offset }: DayRequest,
  { symbols: [first, last], path }: { readonly symbols: SymbolRange; readonly path: string }
): Effect.Effect<RewrittenFile, MinutesWriteFailed> => {
  const names = new Set(candleColumns)
  const values = columns.map(({ name }) => {
    if (names.has(name)) return identifier(name)
    const value = name === 'k2_partition' ? textLiteral(partition) : `${offset}::BIGINT`
    return `${value} AS ${identifier(name)}`
  })
  const sql = `COPY (
    SELECT ${values.join(', ')} FROM minutes
    WHERE "symbol" BETWEEN ${textLiteral(first)} AND ${textLiteral(last)}
    ORDER BY "symbol", "timestamp"
  ) TO ${textLiteral(path)} (
    FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2,
    ROW_GROUP_SIZE ${rowGroupRowsMax}, FIELD_IDS ${fieldIdsSql(columns, fieldIds)}, RETURN_STATS,
    USE_TMP_FILE false
  )`
  return duckdbCall(connection, async () => {
    const result = await connection.runAndReadAll(sql)
    const [row] = result.getRowObjects()
    if (row === undefined) throw new Error('COPY returned no statistics')
    return {
      path,
      recordCount: Number(row['count']),
      fileSizeBytes: Number(row['file_size_bytes']),
      splitOffsets: await splitOffsetsOf(connection, path),
      columns: columnStatsOf(columns, fieldIds, row['column_statistics'] ?? null, new Map())
    }
  }).pipe(Effect.mapError(failedAt('copy')))
}
