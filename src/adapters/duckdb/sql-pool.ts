/**
 * Runs SQL of users, each statement in a process that runs nothing else meanwhile.
 *
 * 1. A statement ends by its deadline, waiting included, and when its Effect is interrupted: its
 *    process is killed, whatever it is doing. So is one that failed in a way that is not the
 *    statement's fault, and one that has grown fat. The next statement gets a new one.
 * 2. At most `processes` run, and `queueMax` statements wait; the next is refused at once.
 * 3. A process is started when a statement needs it, and ends with the scope.
 * 4. Killed by itself or by the system, or out of heap, it needed too much memory.
 * 5. Nothing of K2's environment is handed to it.
 */
import { type ChildProcess, fork } from 'node:child_process'
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import type * as Scope from 'effect/Scope'
import * as Semaphore from 'effect/Semaphore'
import { addCost, timedAs } from '../telemetry/query-cost.ts'
import type {
  SqlColumn,
  SqlHostOptions,
  SqlOutcome,
  SqlRefusal,
  SqlReply,
  SqlRequest,
  SqlSource
} from './sql-protocol.ts'
import { memoryExceeded } from './sql-statement.ts'

export interface SqlPoolOptions {
  readonly processes: number
  readonly queueMax: number
  /** From the call to the last row, waiting included. */
  readonly deadlineMsMax: number
  /** Of one process. */
  readonly memoryBytesMax: number
  readonly threads: number
  /** For files that come and go; default: none. */
  readonly directories?: readonly string[]
  /** Of the room for statements: a process that keeps more gets no further one. Default a half. */
  readonly keptShareMax?: number
}

/** A statement that is not answered, for a reason that its author is told. */
interface SqlRefused {
  readonly refusal: SqlRefusal
}

interface SqlRows {
  readonly columns: readonly SqlColumn[]
  /** JSON objects, comma-separated. */
  readonly rows: string
  readonly rowCount: number
  /** Which cap ended the reading before the last row. */
  readonly cutBy: 'rows' | 'bytes' | null
}

type Answered = Effect.Effect<SqlRows | SqlRefused, QueryFailed>

interface SqlSession {
  /** The views, of these, that the statement reads. */
  readonly check: (
    sql: string,
    views: readonly string[]
  ) => Effect.Effect<{ readonly tables: readonly string[] } | SqlRefused, QueryFailed>
  readonly run: (request: {
    readonly sql: string
    readonly sources: readonly SqlSource[]
    readonly rowsMax: number
    readonly bytesMax: number
  }) => Effect.Effect<SqlRows | SqlRefused, QueryFailed>
}

export interface SqlPool {
  readonly use: <A, E>(
    statement: (session: SqlSession) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | QueryTimedOut | QueryQueueFull>
  /** Statements that run or wait now. */
  readonly pending: () => number
  /** Processes so far. */
  readonly started: () => number
}

class QueryTimedOut extends Schema.TaggedError<QueryTimedOut>()('QueryTimedOut', {
  deadlineMs: Schema.Number
}) {
  override get message() {
    return `the statement took longer than ${this.deadlineMs} ms`
  }
}

class QueryQueueFull extends Schema.TaggedError<QueryQueueFull>()('QueryQueueFull', {
  queueMax: Schema.Number
}) {
  override get message() {
    return `${this.queueMax} statements are waiting already: try again in a moment`
  }
}

class QueryFailed extends Schema.TaggedError<QueryFailed>()('QueryFailed', {
  detail: Schema.String
}) {
  override get message() {
    return `the statement failed: ${this.detail}`
  }
}

export const openSqlPool = (
  options: SqlPoolOptions
): Effect.Effect<SqlPool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const idle: SqlProcess[] = []
    const all = new Set<SqlProcess>()
    const permits = yield* Semaphore.make(options.processes)
    let [pending, startedCount] = [0, 0]
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all([...all].map((process) => process.kill())))
    )
    const take = Effect.sync(() => {
      for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
        if (kept.isUsable) return kept
      }
      const started = new SqlProcess(options)
      startedCount += 1
      all.add(started)
      void started.exited.then(() => all.delete(started))
      return started
    })
    const giveBack = (process: SqlProcess) =>
      Effect.promise(async () => {
        if (process.isUsable) idle.push(process)
        else await process.kill() // (1)
      })
    const admit = Effect.suspend(() => {
      if (pending >= options.processes + options.queueMax)
        return Effect.fail(new QueryQueueFull({ queueMax: options.queueMax }))
      pending++
      return Effect.void
    })
    const leave = Effect.sync(() => {
      pending--
    })
    return {
      pending: () => pending,
      started: () => startedCount,
      use: (statement) =>
        Effect.acquireUseRelease(
          admit,
          () =>
            permits
              .withPermits(1)(Effect.acquireUseRelease(take, (it) => statement(it), giveBack))
              .pipe(
                Effect.timeoutOrElse({
                  duration: options.deadlineMsMax,
                  orElse: () =>
                    Effect.fail(new QueryTimedOut({ deadlineMs: options.deadlineMsMax }))
                })
              ),
          () => leave
        )
    }
  })

/** DuckDB's share; the rest is for what it does not count, and for Node. */
const duckdbShare = 0.5
const heapMiB = 128
const stderrMax = 4_000
const outOfHeap = /heap out of memory|ineffective mark-compacts/i

const startProcess = (options: SqlPoolOptions): ChildProcess => {
  const { memoryBytesMax: processBytesMax, threads, directories = [], keptShareMax = 0.5 } = options
  const duckdbBytesMax = processBytesMax * duckdbShare
  const told: SqlHostOptions = {
    processBytesMax,
    duckdbBytesMax,
    threads,
    directories,
    keptShareMax
  }
  const isBuilt = import.meta.url.endsWith('.js')
  const entry = new URL(`./sql-host.${isBuilt ? 'js' : 'ts'}`, import.meta.url)
  return fork(entry, [JSON.stringify(told)], {
    env: {}, // (5)
    execArgv: [`--max-old-space-size=${heapMiB}`, ...(isBuilt ? [] : ['--import', 'tsx'])],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
}

class SqlProcess implements SqlSession {
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  #stderr = ''
  #onReply: ((reply: SqlReply) => void) | undefined
  /** It gets no further statement. */
  #isSpent = false
  #isKilled = false
  #hasEnded = false

  constructor(options: SqlPoolOptions) {
    const child = startProcess(options)
    this.#child = child
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = `${this.#stderr}${String(text)}`.slice(-stderrMax)
    })
    child.on('message', (reply: SqlReply) => this.#onReply?.(reply))
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => this.#ended(error.message, resolve))
      child.once('exit', (code, signal) =>
        this.#ended(signal ?? `exit code ${code}: ${this.#stderr}`, resolve)
      )
    })
  }

  get isUsable(): boolean {
    return !this.#isSpent && this.#onReply === undefined
  }

  kill(): Promise<void> {
    this.#isSpent = true
    this.#isKilled = true
    this.#child.kill('SIGKILL')
    return this.exited
  }

  check(
    sql: string,
    views: readonly string[]
  ): Effect.Effect<{ readonly tables: readonly string[] } | SqlRefused, QueryFailed> {
    return this.#ask({ type: 'check', sql, views }).pipe(
      Effect.flatMap(({ last }) =>
        last.type === 'checked' || last.type === 'refused'
          ? Effect.succeed(last.type === 'checked' ? { tables: last.tables } : last)
          : failed(last)
      )
    )
  }

  run(
    request: Parameters<SqlSession['run']>[0]
  ): Answered {
    return timedAs('readMs', this.#ask({ type: 'run', ...request })).pipe(
      Effect.tap(() => addCost({ statements: 1 })),
      Effect.flatMap(({ last, texts, rowCount }): Answered => {
        if (last.type === 'refused') return Effect.succeed(last)
        if (last.type !== 'ended') return failed(last)
        const { columns, cutBy } = last
        const answer = { columns, rows: texts.join(','), rowCount, cutBy }
        return Effect.as(addCost({ rows: rowCount }), answer)
      })
    )
  }

  /** One at a time; interrupted, it leaves the process unusable (1). */
  #ask(request: SqlRequest) {
    return Effect.callback<{
      readonly last: SqlOutcome
      readonly texts: readonly string[]
      readonly rowCount: number
    }>((resume) => {
      const texts: string[] = []
      let rowCount = 0
      this.#onReply = (reply) => {
        if (reply.type === 'rows') {
          texts.push(reply.text)
          rowCount += reply.count
          return
        }
        this.#onReply = undefined
        if (reply.outcome.type === 'broken' || reply.isFat) this.#isSpent = true
        resume(Effect.succeed({ last: reply.outcome, texts, rowCount }))
      }
      if (this.#hasEnded) this.#settle({ type: 'broken', cause: 'its process has ended' })
      else
        this.#child.send(request, (error) => {
          if (error !== null) this.#settle({ type: 'broken', cause: error.message })
        })
      return Effect.sync(() => {
        this.#isSpent = true
      })
    })
  }

  #ended(how: string, resolve: () => void): void {
    this.#isSpent = true
    this.#hasEnded = true
    const isOutOfMemory = how === 'SIGKILL' ? !this.#isKilled : outOfHeap.test(this.#stderr)
    this.#settle(
      isOutOfMemory // (4)
        ? { type: 'refused', refusal: memoryExceeded }
        : { type: 'broken', cause: how }
    )
    resolve()
  }

  #settle(outcome: SqlOutcome): void {
    this.#onReply?.({ type: 'settled', outcome, isFat: false })
  }
}

const failed = (last: SqlOutcome): Effect.Effect<never, QueryFailed> =>
  Effect.fail(
    new QueryFailed({ detail: last.type === 'broken' ? last.cause : `unexpected ${last.type}` })
  )
