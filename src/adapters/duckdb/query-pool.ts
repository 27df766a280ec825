/**
 * Runs queries over the warehouse's Parquet files on a fixed number of connections.
 *
 * 1. A connection runs one statement at a time: a second one would silently end the first one's
 *    result.
 * 2. At most `queueMax` queries wait; the next is refused at once.
 * 3. A query ends by its deadline, waiting included, and when its Effect is interrupted; its
 *    connection is free again only when the statement has really ended.
 * 4. DuckDB sees the given directories and nothing else: no other file, no network, no extension,
 *    and no statement can change that.
 * 5. What a failure says to a client names neither SQL nor path; the cause is for the log.
 */
import {
  BIGINT,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  DuckDBTimestampTZValue,
  LIST,
  TIMESTAMPTZ,
  VARCHAR,
  listValue
} from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import * as Semaphore from 'effect/Semaphore'
import { textLiteral } from './columns.ts'
import { addCost, timedAs } from '../telemetry/query-cost.ts'
import { metered } from './memory-meter.ts'
import { duckdbCall } from './statement.ts'

export interface QueryPoolOptions {
  readonly connections: number
  /** Queries that may wait for a connection. */
  readonly queueMax: number
  /** From the call to the last row, waiting included. */
  readonly deadlineMsMax: number
  /** DuckDB worker threads, shared by all connections. */
  readonly threads: number
  readonly memoryBytesMax: number
  /** The only directories whose files can be read, absolute. */
  readonly directories: readonly string[]
  readonly tempDirectory: string
  /**
   * Whether parts of files are kept for the next query that reads them, and memory that was used
   * for the next that needs some; true unless told.
   */
  readonly keepsMemory?: boolean
}

/** A bound value; microseconds for timestamps. */
export type QueryParameter =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'long'; readonly value: number }
  | { readonly type: 'longs'; readonly value: readonly number[] }
  | { readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly type: 'timestamp'; readonly value: number }

interface Query {
  /** One SELECT; named parameters as `$name`. Few distinct texts: each is prepared and kept. */
  readonly sql: string
  readonly parameters: Readonly<Record<string, QueryParameter>>
}

type QueryCell = null | string | number | bigint | boolean

type Rows<Cell> = Effect.Effect<
  ReadonlyArray<readonly Cell[]>,
  QueryTimedOut | QueryQueueFull | QueryFailed
>

export interface QueryPool {
  /** Rows in the order of the query; columns must be of scalar types. */
  readonly run: (query: Query) => Rows<QueryCell>
  /** The same where some columns are BLOBs: texts that nobody needs as strings. */
  readonly runBytes: (query: Query) => Rows<QueryCell | Uint8Array<ArrayBuffer>>
  /**
   * Runs statements of our own, on a connection that queries do not use, one `use` at a time. What
   * tables it makes in memory, queries can read.
   */
  readonly write: <A>(
    use: (connection: DuckDBConnection) => Promise<A>
  ) => Effect.Effect<A, QueryFailed>
  /** Queries that run or wait now. */
  readonly pending: () => number
}

export class QueryPoolUnavailable extends Schema.TaggedError<QueryPoolUnavailable>()(
  'QueryPoolUnavailable',
  {
    cause: Schema.Defect()
  }
) {
  override get message() {
    return `the query engine did not start: ${String(this.cause)}`
  }
}

class QueryTimedOut extends Schema.TaggedError<QueryTimedOut>()('QueryTimedOut', {
  deadlineMs: Schema.Number
}) {
  override get message() {
    return `the query took longer than ${this.deadlineMs} ms: narrow its time range or its symbols`
  }
}

class QueryQueueFull extends Schema.TaggedError<QueryQueueFull>()('QueryQueueFull', {
  queueMax: Schema.Number
}) {
  override get message() {
    return `${this.queueMax} queries are waiting already: try again in a moment`
  }
}

export class QueryFailed extends Schema.TaggedError<QueryFailed>()('QueryFailed', {
  cause: Schema.Defect()
}) {
  override get message() {
    return 'the query engine could not answer this query'
  }
}

/** Opens the pool; it is closed with the scope, after its statements have ended. */
export const openQueryPool = (
  options: QueryPoolOptions
): Effect.Effect<QueryPool, QueryPoolUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { instance, sessions, writer } = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => openSessions(options),
        catch: (cause) => new QueryPoolUnavailable({ cause })
      }),
      close
    )
    yield* Effect.mapError(metered(instance), (cause) => new QueryPoolUnavailable({ cause }))
    const permits = yield* Semaphore.make(options.connections)
    const writing = yield* Semaphore.make(1)
    const idle = [...sessions]
    let pending = 0

    const onSession = (query: Query) =>
      Effect.acquireUseRelease(
        Effect.sync(() => idle.pop()!),
        (session) => duckdbCall(session.connection, () => execute(session, query)),
        (session) => Effect.sync(() => idle.push(session))
      ).pipe(
        Effect.mapError((cause) => new QueryFailed({ cause })),
        Effect.tap(({ length }) => addCost({ statements: 1, rows: length }))
      )
    const inTurn = (query: Query) =>
      Effect.suspend(() => {
        const askedMs = performance.now()
        const run = Effect.suspend(() =>
          Effect.andThen(
            addCost({ waitMs: performance.now() - askedMs }),
            timedAs('readMs', onSession(query))
          )
        )
        return permits.withPermits(1)(run)
      })

    const admit = Effect.suspend(() => {
      if (pending >= options.connections + options.queueMax) {
        return Effect.fail(new QueryQueueFull({ queueMax: options.queueMax }))
      }
      pending++
      return Effect.void
    })
    const run = (query: Query) =>
      Effect.acquireUseRelease(
        admit,
        () =>
          Effect.timeoutOrElse(inTurn(query), {
            duration: options.deadlineMsMax,
            orElse: () => Effect.fail(new QueryTimedOut({ deadlineMs: options.deadlineMsMax }))
          }),
        () =>
          Effect.sync(() => {
            pending--
          })
      )
    return {
      pending: () => pending,
      write: (use) =>
        writing
          .withPermits(1)(duckdbCall(writer, () => use(writer)))
          .pipe(Effect.mapError((cause) => new QueryFailed({ cause }))),
      run,
      runBytes: (query) => Effect.map(run(query), (rows) => rows.map(withBytes))
    }
  })

interface Session {
  readonly connection: DuckDBConnection
  /** By SQL text, least recently used first. */
  readonly prepared: Map<string, DuckDBPreparedStatement>
}

interface OpenPool {
  readonly instance: DuckDBInstance
  readonly sessions: readonly Session[]
  readonly writer: DuckDBConnection
}

const preparedMax = 32
/** Up to this LIMIT, columns that do not decide the order are read of the kept rows only. */
const lateRowsMax = 16_384

const givingBack = {
  enable_external_file_cache: 'false',
  allocator_flush_threshold: '1MiB',
  allocator_bulk_deallocation_flush_threshold: '1MiB'
}

const openSessions = async (options: QueryPoolOptions): Promise<OpenPool> => {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${Math.floor(options.memoryBytesMax / 2 ** 20)}MiB`,
    temp_directory: options.tempDirectory,
    preserve_insertion_order: 'false',
    ...(options.keepsMemory === false ? givingBack : {}),
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false'
  })
  const sessions: Session[] = []
  for (let index = 0; index < options.connections; index++) {
    const connection = await instance.connect()
    // Files are immutable: footers and blocks that were read once stay valid.
    await connection.run("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    sessions.push({ connection, prepared: new Map() })
  }
  const writer = await instance.connect()
  await writer.run("SET TimeZone = 'UTC'")
  await sessions[0]!.connection.run(
    `SET GLOBAL validate_external_file_cache = 'NO_VALIDATION';
     SET GLOBAL late_materialization_max_rows = ${lateRowsMax};
     SET GLOBAL allowed_directories = [${options.directories.map(textLiteral).join()}];
     SET GLOBAL enable_external_access = false;
     SET GLOBAL lock_configuration = true`
  )
  return { instance, sessions, writer }
}

const close = ({ instance, sessions, writer }: OpenPool) =>
  Effect.sync(() => {
    writer.closeSync()
    for (const { connection, prepared } of sessions) {
      for (const statement of prepared.values()) statement.destroySync()
      connection.closeSync()
    }
    instance.closeSync()
  })

const execute = async (
  session: Session,
  { sql, parameters }: Query
): Promise<ReadonlyArray<readonly QueryCell[]>> => {
  const statement = await prepare(session, sql)
  for (const [name, parameter] of Object.entries(parameters)) {
    bindParameter(statement, statement.parameterIndex(name), parameter)
  }
  const result = await statement.runAndReadAll()
  return result.getRows() as ReadonlyArray<readonly QueryCell[]>
}

const withBytes = (
  cells: readonly QueryCell[]
): readonly (QueryCell | Uint8Array<ArrayBuffer>)[] =>
  cells.map((cell: unknown) =>
    cell instanceof DuckDBBlobValue ? (cell.bytes as Uint8Array<ArrayBuffer>) : (cell as QueryCell)
  )

const prepare = async (
  { connection, prepared }: Session,
  sql: string
): Promise<DuckDBPreparedStatement> => {
  const known = prepared.get(sql)
  const statement = known ?? (await connection.prepare(sql))
  prepared.delete(sql)
  prepared.set(sql, statement)
  if (prepared.size > preparedMax) {
    const [[oldestSql, oldest] = []] = prepared
    if (oldestSql !== undefined) prepared.delete(oldestSql)
    oldest?.destroySync()
  }
  return statement
}

export const bindParameter = (
  statement: DuckDBPreparedStatement,
  index: number,
  parameter: QueryParameter
): void => {
  switch (parameter.type) {
    case 'text':
      return statement.bindValue(index, parameter.value, VARCHAR)
    case 'long':
      return statement.bindValue(index, BigInt(parameter.value), BIGINT)
    case 'longs':
      return statement.bindValue(index, listValue(parameter.value.map(BigInt)), LIST(BIGINT))
    case 'texts':
      return statement.bindValue(index, listValue(parameter.value), LIST(VARCHAR))
    case 'timestamp':
      return statement.bindValue(
        index,
        new DuckDBTimestampTZValue(BigInt(parameter.value)),
        TIMESTAMPTZ
      )
    default:
      return parameter satisfies never
  }
}
