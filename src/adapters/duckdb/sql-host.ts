/**
 * The process that runs SQL of users: apart from K2, since DuckDB's memory limit does not count the
 * texts and lists that an expression makes, and a function over a chunk of rows cannot be
 * interrupted.
 *
 * 1. It ends itself once it is larger than it may be, and with K2.
 * 2. Of all processes the system takes this one first when memory is short, and runs K2 before it.
 * 3. It knows no variable of K2's environment.
 * 4. It says when it stays larger than a statement may find it: what one leaves behind is not
 *    counted against the next.
 */
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { SqlHostOptions, SqlOutcome, SqlReply, SqlRequest } from './sql-protocol.ts'
import { checkStatement, closeKept, refusalOfError, runStatement } from './sql-statement.ts'

const { processBytesMax, keptShareMax, ...limits } = JSON.parse(process.argv[2]!) as SqlHostOptions
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

const outcomeOf = async (request: SqlRequest): Promise<SqlOutcome> => {
  try {
    if (request.type === 'run') return await runStatement(request, limits, reply)
    const verdict = await checkStatement(request.sql, request.views, limits)
    leanBytes ??= process.memoryUsage.rss()
    return 'refusal' in verdict
      ? { type: 'refused', refusal: verdict.refusal }
      : { type: 'checked', tables: verdict.tables }
  } catch (error) {
    const refusal = refusalOfError(error)
    return refusal === undefined
      ? { type: 'broken', cause: error instanceof Error ? error.message : String(error) }
      : { type: 'refused', refusal }
  }
}

/** What it took before its first statement was run. */
let leanBytes: number | undefined

/** (4) */
const isFat = (): boolean => {
  const lean = leanBytes ?? 0
  return process.memoryUsage.rss() > lean + (processBytesMax - lean) * keptShareMax
}

const serve = async (request: SqlRequest): Promise<void> => {
  const outcome = await outcomeOf(request)
  if (isFat()) closeKept()
  reply({ type: 'settled', outcome, isFat: isFat() })
}

yieldToOthers()
setInterval(() => {
  if (process.memoryUsage.rss() > processBytesMax) end() // (1)
}, watchMs)
process.on('disconnect', end)
process.on('message', (request: SqlRequest) => void serve(request))
