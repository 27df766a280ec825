/**
 * Reads Parquet files to hold them against what a table says of them, and gathers the keys of their
 * rows to find repeats, in bounded memory.
 *
 * 1. Memory stays below `memoryBytesMax`; keys lie in a database file of a folder that is removed
 *    when the audit ends.
 * 2. Values come as Iceberg compares them: microseconds, days, unscaled decimals, text by its
 *    UTF-8 bytes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { textLiteral } from './columns.ts'
import { duckdbCall } from './statement.ts'

/** A Parquet file could not be read, or DuckDB could not work. */
export class AuditFailed extends Schema.TaggedError<AuditFailed>()('AuditFailed', {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.path}: ${this.detail}`
  }
}

interface AuditOptions {
  /** An existing folder for what does not fit into memory. */
  readonly temporary: string
  readonly memoryBytesMax: number
}

/** A column, by its name in the file and its Iceberg type. */
export interface AuditColumn {
  readonly name: string
  readonly type: string
}

export type AuditValue = bigint | string

export interface ColumnAudit {
  readonly name: string
  readonly nullCount: number
  /** Absent for an empty column, and for types that are not compared. */
  readonly min?: AuditValue
  readonly max?: AuditValue
}

interface FileAudit {
  readonly recordCount: number
  /** Those that the file has. */
  readonly columns: readonly ColumnAudit[]
}

/** Where the key of a row stands in the table. */
interface RepeatedKey {
  readonly key: string
  readonly count: number
}

interface LabelAudit {
  /** `k2_partition`. */
  readonly label: string
  readonly rows: number
  readonly maxOffset: number
}

/** Consecutive ids of one sequence. */
export interface IdRun {
  readonly exchange: string
  readonly symbol: string
  /** Of a source without ids (R26); empty for all others. */
  readonly load: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  /** Exchange times, microseconds. */
  readonly oldestUs: number
  readonly newestUs: number
  readonly ids: number
  /** Of the whole sequence. */
  readonly idsInAll: number
  readonly lowest: number
}

export interface ParquetAudit {
  readonly summarise: (
    path: string,
    columns: readonly AuditColumn[]
  ) => Effect.Effect<FileAudit, AuditFailed>
  /** Distinct values of partition fields, by their SQL; a few suffice to see that one is wrong. */
  readonly partitionsOf: (
    path: string,
    fields: readonly PartitionField[]
  ) => Effect.Effect<readonly (readonly (string | null)[])[], AuditFailed>
  /** Adds the keys of a file's rows to those gathered. */
  readonly gather: (path: string) => Effect.Effect<void, AuditFailed>
  /** Values of all rows of a file, by SQL expressions, as text. */
  readonly select: (
    path: string,
    expressions: readonly string[]
  ) => Effect.Effect<readonly (readonly (string | null)[])[], AuditFailed>
  readonly repeatedIds: (max: number) => Effect.Effect<RepeatedKeys, AuditFailed>
  readonly repeatedPositions: (max: number) => Effect.Effect<RepeatedKeys, AuditFailed>
  readonly labels: Effect.Effect<readonly LabelAudit[], AuditFailed>
  /** Distinct `[symbol, k2_partition]`. */
  readonly homes: Effect.Effect<readonly (readonly [string, string])[], AuditFailed>
  /** Runs of the gathered rows in the order of sequence and id, the newest `runsMax` of each. */
  readonly runs: (runsMax: number) => Effect.Effect<readonly IdRun[], AuditFailed>
}

interface PartitionField {
  readonly column: string
  readonly transform: string
}

interface RepeatedKeys {
  readonly keys: number
  readonly examples: readonly RepeatedKey[]
}

/** Opens an audit for as long as `use` runs. */
export const withParquetAudit = <A, E>(
  options: AuditOptions,
  use: (audit: ParquetAudit) => Effect.Effect<A, E>
): Effect.Effect<A, E | AuditFailed> =>
  Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () => open(options),
      catch: (error) => failed(options.temporary, error)
    }),
    ({ connection }) => use(makeAudit(connection)),
    ({ connection, instance, folder }) =>
      Effect.promise(async () => {
        connection.closeSync()
        instance.closeSync()
        await rm(folder, { recursive: true, force: true })
      })
  )

const open = async ({ temporary, memoryBytesMax }: AuditOptions) => {
  const folder = await mkdtemp(join(temporary, 'audit-'))
  let instance: DuckDBInstance | undefined
  try {
    instance = await DuckDBInstance.create(join(folder, 'keys.duckdb'), {
      threads: '1',
      memory_limit: `${Math.floor(memoryBytesMax / 2 ** 20)}MiB`,
      temp_directory: folder,
      preserve_insertion_order: 'false',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false'
    })
    const connection = await instance.connect()
    await connection.run(`SET TimeZone = 'UTC'; CREATE TABLE keys (${keyColumns})`)
    return { instance, connection, folder }
  } catch (error) {
    instance?.closeSync()
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

const keyColumns =
  'message_id VARCHAR, exchange VARCHAR, symbol VARCHAR, id BIGINT, time_us BIGINT, ' +
  'label VARCHAR, place BIGINT'

const failed = (path: string, error: unknown): AuditFailed =>
  new AuditFailed({ path, detail: error instanceof Error ? error.message : String(error) })

type Row = readonly (string | null)[]

const makeAudit = (connection: DuckDBConnection): ParquetAudit => {
  const rows = (path: string, sql: string): Effect.Effect<readonly Row[], AuditFailed> =>
    duckdbCall(connection, async () => {
      const reader = await connection.runAndReadAll(sql)
      return reader.getRows().map((row) => row.map((it) => (it === null ? null : String(it))))
    }).pipe(Effect.mapError((error) => failed(path, error)))
  const gathered = (sql: string) => rows('keys', sql)
  /** A file of an older schema lacks columns. */
  const namesIn = (path: string) =>
    Effect.map(
      rows(path, `SELECT DISTINCT name FROM parquet_schema(${textLiteral(path)})`),
      (found) => new Set(found.map(([name]) => name))
    )
  return {
    summarise: (path, columns) =>
      Effect.gen(function* () {
        const names = yield* namesIn(path)
        const present = columns.filter(({ name }) => names.has(name))
        const [row = []] = yield* rows(path, summarySql(path, present))
        return summaryOf(row, present)
      }),
    partitionsOf: (path, fields) => {
      const values = fields.map(partitionSql).join(', ')
      return rows(path, `SELECT DISTINCT ${values} FROM ${fileSql(path)} LIMIT 8`)
    },
    gather: (path) =>
      Effect.gen(function* () {
        const names = yield* namesIn(path)
        const id = names.has('source_sequence') ? 'source_sequence' : 'NULL'
        const time = quoted(timeColumns.find((it) => names.has(it)) ?? 'at')
        // A row that is made of others is known by what it is of, and has no place in a log.
        const [key, label] = names.has('message_id')
          ? ['message_id', 'k2_partition']
          : [`concat_ws(' at ', exchange, symbol, ${time})`, 'NULL']
        yield* rows(
          path,
          `INSERT INTO keys SELECT ${key}, exchange, symbol, ${id},
             epoch_us(${time}), ${label}, k2_offset FROM ${fileSql(path)}`
        )
      }),
    select: (path, expressions) =>
      rows(path, `SELECT ${expressions.join(', ')} FROM ${fileSql(path)}`),
    repeatedIds: (max) => repeated(gathered, 'message_id', max),
    // Null, and so never repeated, where a row has no place.
    repeatedPositions: (max) => repeated(gathered, "label || ' at ' || place", max),
    labels: Effect.map(
      gathered('SELECT label, count(*), max(place) FROM keys GROUP BY label ORDER BY label'),
      (found) =>
        found.map(([label, count, maxOffset]) => ({
          label: label ?? '',
          rows: Number(count),
          maxOffset: Number(maxOffset)
        }))
    ),
    homes: Effect.map(gathered('SELECT DISTINCT symbol, label FROM keys ORDER BY ALL'), (found) =>
      found.map(([symbol, label]) => [symbol ?? '', label ?? ''] as const)
    ),
    runs: (runsMax) => Effect.map(gathered(runsSql(runsMax)), (found) => found.map(runOf))
  }
}

/** Of a record's time, in the order in which they are looked for; of events it is `at`. */
const timeColumns = ['timestamp', 'ingestion_timestamp']

const fileSql = (path: string): string => `read_parquet(${textLiteral(path)})`

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Of a decimal of DuckDB. */
const digitsMax = 38

/** A column's value in the form of its bounds; null where they are not compared. */
const valueSql = ({ name, type }: AuditColumn): string | null => {
  const column = quoted(name)
  const decimal = /^decimal\((\d+), ?(\d+)\)$/.exec(type)
  if (decimal !== null) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])]
    const exact = `${column}::DECIMAL(38, ${scale})`
    // A product of more digits than DuckDB has is refused: sums of wide columns go by their text.
    return precision + scale <= digitsMax
      ? `(${exact} * ${10n ** BigInt(scale)})::HUGEINT`
      : `replace((${exact})::VARCHAR, '.', '')::HUGEINT`
  }
  if (type === 'timestamptz' || type === 'timestamp') return `epoch_us(${column})`
  if (type === 'int' || type === 'long') return `${column}::BIGINT`
  return type === 'string' ? column : null
}

const summarySql = (path: string, columns: readonly AuditColumn[]): string => {
  const parts = columns.flatMap((column) => {
    const value = valueSql(column) ?? 'NULL'
    return [`count(${quoted(column.name)})`, `min(${value})`, `max(${value})`]
  })
  return `SELECT ${['count(*)', ...parts].join(', ')} FROM ${fileSql(path)}`
}

const summaryOf = (row: Row, columns: readonly AuditColumn[]): FileAudit => {
  const recordCount = Number(row[0])
  return {
    recordCount,
    columns: columns.map(({ name, type }, index): ColumnAudit => {
      const [present, min, max] = row.slice(1 + 3 * index, 4 + 3 * index)
      const value = (text: string) => (type === 'string' ? text : BigInt(text))
      const bounds =
        typeof min === 'string' && typeof max === 'string'
          ? { min: value(min), max: value(max) }
          : {}
      return { name, nullCount: recordCount - Number(present), ...bounds }
    })
  }
}

const partitionSql = ({ column, transform }: PartitionField): string =>
  transform === 'day'
    ? `floor(epoch_us(${quoted(column)}) / 86400000000)::BIGINT`
    : `${quoted(column)}::VARCHAR`

const repeated = (
  rows: (sql: string) => Effect.Effect<readonly Row[], AuditFailed>,
  key: string,
  max: number
): Effect.Effect<RepeatedKeys, AuditFailed> =>
  Effect.gen(function* () {
    const groups = `SELECT ${key} AS key, count(*) AS n FROM keys WHERE key IS NOT NULL
      GROUP BY ALL HAVING n > 1`
    const [total = []] = yield* rows(`SELECT count(*) FROM (${groups})`)
    const keys = Number(total[0])
    const found = keys === 0 ? [] : yield* rows(`${groups} ORDER BY key LIMIT ${max}`)
    return { keys, examples: found.map(([text, n]) => ({ key: text ?? '', count: Number(n) })) }
  })

/**
 * `{exchange}:{symbol}:{id}`, `{exchange}:{symbol}:{epoch}.{id}` or
 * `{exchange}:{symbol}:{load}-{n}` (market/instrument.ts).
 */
const runsSql = (runsMax: number): string => `
  WITH named AS (
    SELECT DISTINCT ON (message_id) exchange, symbol, id, time_us,
      substr(message_id, length(exchange) + length(symbol) + 3) AS tail
    FROM keys),
  ids AS (
    SELECT exchange, symbol, id, time_us,
      CASE WHEN contains(tail, '-') THEN split_part(tail, '-', 1) ELSE '' END AS load,
      CASE WHEN contains(tail, '.') THEN split_part(tail, '.', 1)::BIGINT ELSE 0 END AS epoch
    FROM named),
  numbered AS (
    SELECT *, id - row_number() OVER (
      PARTITION BY exchange, symbol, load, epoch ORDER BY id) AS run
    FROM ids),
  runs AS (
    SELECT exchange, symbol, load, epoch, min(id) AS first, max(id) AS last,
      min(time_us) AS oldest, max(time_us) AS newest, count(*) AS n
    FROM numbered GROUP BY exchange, symbol, load, epoch, run)
  SELECT *,
    sum(n) OVER (PARTITION BY exchange, symbol, load, epoch),
    min(first) OVER (PARTITION BY exchange, symbol, load, epoch)
  FROM runs
  QUALIFY row_number() OVER (
    PARTITION BY exchange, symbol, load, epoch ORDER BY first DESC) <= ${runsMax}
  ORDER BY exchange, symbol, load, epoch, first`

const runOf = ([exchange, symbol, load, ...numbers]: Row): IdRun => {
  const [epoch, from, to, oldestUs, newestUs, ids, idsInAll, lowest] = numbers.map(Number)
  return {
    exchange: exchange ?? '',
    symbol: symbol ?? '',
    load: load ?? '',
    epoch: epoch!,
    from: from!,
    to: to!,
    oldestUs: oldestUs!,
    newestUs: newestUs!,
    ids: ids!,
    idsInAll: idsInAll!,
    lowest: lowest!
  }
}
