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
 * 6. Who reads texts part by part has a connection for as long as that takes, but is one of those
 *    that run only while a part is made.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import * as Semaphore from 'effect/Semaphore'
import { textLiteral } from './columns.ts'
import { addCost, timedAs } from '../telemetry/query-cost.ts'
import { metered } from './memory-meter.ts'
import {
  endTexts,
  execute,
  openTexts,
  type Query,
  type QueryCell,
  type Session,
  withBytes
} from './query-session.ts'
import { duckdbCall } from './statement.ts'
import type { TextPart } from './text-parts.ts'

export interface QueryPoolOptions {
  readonly connections: number
  /** Statements that run at a time; default: as many as there are connections. */
  readonly runningMax?: number
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

type QueryFault = QueryTimedOut | QueryQueueFull | QueryFailed

type Rows<Cell> = Effect.Effect<ReadonlyArray<readonly Cell[]>, QueryFault>

interface OpenTexts {
  /** Undefined behind the last part; one asks at a time. */
  readonly next: Effect.Effect<TextPart | undefined, QueryFault>
}

export interface QueryPool {
  /** Rows in the order of the query; columns must be of scalar types. */
  readonly run: (query: Query) => Rows<QueryCell>
  /** The same where some columns are BLOBs: texts that nobody needs as strings. */
  readonly runBytes: (query: Query) => Rows<QueryCell | Uint8Array<ArrayBuffer>>
  /**
   * The rows of a statement with one column of texts, joined, part by part. The first part is made
   * when it is there; files are read no more from then on where the statement orders its rows.
   */
  readonly texts: (query: Query) => Effect.Effect<OpenTexts, QueryFault, Scope.Scope>
  /**
   * Runs statements of our own, on a connection that queries do not use, one `use` at a time. What
   * tables it makes in memory, queries can read.
   */
  readonly write: <A>(
    use: (connection: DuckDBConnection) => Promise<A>
  ) => Effect.Effect<A, QueryFailed>
  /** Queries that run or wait now. */
  readonly pending: () => number
  readonly connections: () => { readonly size: number; readonly active: number }
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
    const turns = yield* openTurns(options, sessions)
    const writing = yield* Semaphore.make(1)
    const run = (query: Query) =>
      turns
        .withSession((session) =>
          timedAs('readMs', turns.call(session, () => execute(session, query)))
        )
        .pipe(Effect.tap(({ length }) => addCost({ statements: 1, rows: length })))
    const texts = (query: Query) =>
      Effect.gen(function* () {
        const session = yield* turns.session
        const parts = yield* turns.inTime(turns.call(session, () => openTexts(session, query)))
        yield* addCost({ statements: 1 })
        const further = turns.inTime(turns.call(session, () => parts.next()))
        const end = Effect.succeed(undefined)
        return { next: Effect.suspend(() => (parts.isEnded ? end : further)) }
      })
    return {
      pending: turns.pending,
      connections: turns.connections,
      write: (use) =>
        writing
          .withPermits(1)(duckdbCall(writer, () => use(writer)))
          .pipe(Effect.mapError((cause) => new QueryFailed({ cause }))),
      run,
      texts,
      runBytes: (query) => Effect.map(run(query), (rows) => rows.map(withBytes))
    }
  })

/** Who has which connection, and who runs. */
const openTurns = Effect.fnUntraced(function* (
  { connections, runningMax = connections, queueMax, deadlineMsMax }: QueryPoolOptions,
  sessions: readonly Session[]
) {
  const permits = yield* Semaphore.make(connections)
  const running = yield* Semaphore.make(runningMax)
  const idle = [...sessions]
  let pending = 0
  let isOpen = true
  yield* Effect.addFinalizer(() => Effect.sync(() => void (isOpen = false)))

  const call = <A>({ connection }: Session, use: () => Promise<A>) =>
    running
      .withPermits(1)(duckdbCall(connection, use)) // (6)
      .pipe(Effect.mapError((cause) => new QueryFailed({ cause })))
  const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.timeoutOrElse(effect, {
      duration: deadlineMsMax,
      orElse: () => Effect.fail(new QueryTimedOut({ deadlineMs: deadlineMsMax }))
    })
  const admit = Effect.suspend(() => {
    if (pending >= connections + queueMax) return Effect.fail(new QueryQueueFull({ queueMax }))
    pending++
    return Effect.void
  })
  const leave = Effect.sync(() => {
    pending--
  })
  const take = Effect.sync(() => idle.pop()!)
  const giveBack = (session: Session) => Effect.sync(() => void idle.push(session))
  const withSession = <A, E>(use: (session: Session) => Effect.Effect<A, E>) =>
    Effect.acquireUseRelease(
      admit,
      () => {
        const askedMs = performance.now()
        const inTurn = Effect.suspend(() =>
          Effect.andThen(
            addCost({ waitMs: performance.now() - askedMs }),
            Effect.acquireUseRelease(take, use, giveBack)
          )
        )
        return inTime(permits.withPermits(1)(inTurn))
      },
      () => leave
    )
  /** Until the scope closes; what its texts hold is then let go. */
  const session = Effect.gen(function* () {
    yield* Effect.acquireRelease(admit, () => leave)
    yield* inTime(permits.takeScoped(1))
    return yield* Effect.acquireRelease(take, (used) =>
      Effect.andThen(
        isOpen ? Effect.promise(() => endTexts(used)) : Effect.void,
        giveBack(used)
      )
    )
  })
  return {
    pending: () => pending,
    connections: () => ({ size: connections, active: connections - idle.length }),
    call,
    inTime,
    withSession,
    session
  }
})

interface OpenPool {
  readonly instance: DuckDBInstance
  readonly sessions: readonly Session[]
  readonly writer: DuckDBConnection
}

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
