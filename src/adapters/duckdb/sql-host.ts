/**
 * The process that runs SQL of users: apart from K2, since DuckDB's memory limit does not count the
 * texts and lists that an expression makes, and a function over a chunk of rows cannot be
 * interrupted.
 *
 * 1. It ends itself once it is larger than it may be, and with K2.
 * 2. Of all processes the system takes this one first when memory is short, and runs K2 before it.
 * 3. It knows no variable of K2's environment.
 */
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { SqlReply, SqlRequest } from './sql-protocol.ts'
import { checkStatement, refusalOfError, runStatement } from './sql-statement.ts'

const [processBytesMax, duckdbBytesMax, threads] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number
]
const limits = { duckdbBytesMax, threads }
const watchMs = 10
const nice = 10

const yieldToOthers = (): void => {
  try {
    setPriority(nice)
    if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // (2) is a courtesy: where the system forbids it, (1) holds alone.
  }
}

/** Leaving in order would wait for a statement that runs, or crash in it. */
const end = (): void => {
  process.kill(process.pid, 'SIGKILL')
}

const reply = (message: SqlReply): void => {
  process.send?.(message)
}

const serve = async (request: SqlRequest): Promise<void> => {
  try {
    if (request.type === 'run') {
      await runStatement(request, limits, reply)
      return
    }
    const verdict = await checkStatement(request.sql, request.views, limits)
    reply(
      'refusal' in verdict
        ? { type: 'refused', refusal: verdict.refusal }
        : { type: 'checked', tables: verdict.tables }
    )
  } catch (error) {
    const refusal = refusalOfError(error)
    reply(
      refusal === undefined
        ? { type: 'broken', cause: error instanceof Error ? error.message : String(error) }
        : { type: 'refused', refusal }
    )
  }
}

yieldToOthers()
setInterval(() => {
  if (process.memoryUsage.rss() > processBytesMax) end() // (1)
}, watchMs)
process.on('disconnect', end)
process.on('message', (request: SqlRequest) => void serve(request))
