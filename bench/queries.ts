/**
 * Queries over HTTP on 10 M trades, three days of ten symbols, laid out by maintenance: the seed's
 * five and ours, on one kept connection, one request after the other.
 *
 * 1. Every answer is compared: the first with DuckDB's own over the same files, all others with the
 *    first, byte by byte.
 * 2. "cold" is the first request of a K2 that has just started; files lie in the page cache.
 * 3. K2 works on a copy of the table: the next run finds it as it was. It has no table of candles
 *    yet, which K2 would make of all trades at once while they are asked for: not in `queries`.
 */
import { DuckDBInstance } from '@duckdb/node-api'
import { type BenchContext, profileFlags } from './context.ts'
import { ask, askMany, dataOf } from './http-load.ts'
import type { HttpClient } from './http-client.ts'
import { probeFlags } from './probe.ts'
import { candlesQuery, type MeasuredQuery, recordQueries, rowsOf } from './query-answers.ts'
import { measureWhileTradesArrive } from './query-recent.ts'
import { measureScan } from './query-scan.ts'
import { lendQueryTable, openQueryTable, type QueryTable } from './query-table.ts'
import { Measures, type Outcome } from './report.ts'
import { type K2, silent, withK2 } from './system.ts'
import { tableFiles } from './table-check.ts'

const requests = 1_000
const warmUpRequests = 100

export const measureQueries = (context: BenchContext): Promise<Outcome> =>
  measureOnTable(context, {
    queriesOf: recordQueries,
    settings: { K2_ROLLUP_INTERVAL: 'off' }, // (3)
    further: async (table, k2, measures) => measureScan(k2, table, measures)
  })

/** While trades arrive: with K2s of its own, and nothing that DuckDB could say first. */
export const measureRecent = (context: BenchContext): Promise<Outcome> =>
  onTable(context, (table, measures) => measureWhileTradesArrive(context, table, measures))

/** Apart from the others, which are shown where this one fails. */
export const measureCandles = (context: BenchContext): Promise<Outcome> =>
  measureOnTable(context, { queriesOf: (newestUs) => [candlesQuery(newestUs)] })

interface Plan {
  readonly queriesOf: (newestUs: number) => readonly MeasuredQuery[]
  readonly settings?: Readonly<Record<string, string>>
  /** With the same K2. */
  readonly further?: (table: QueryTable, k2: K2, measures: Measures) => Promise<void>
}

const measureOnTable = (context: BenchContext, plan: Plan): Promise<Outcome> =>
  onTable(context, async (table, measures) => {
    const queries = await answered(table, plan.queriesOf(table.newestUs), measures)
    await context.settle()
    await measureRun(context, table, { ...plan, queries }, measures)
  })

/** As often as is asked for, each time on the table as it was. */
const onTable = async (
  context: BenchContext,
  measure: (table: QueryTable, measures: Measures) => Promise<void>
): Promise<Outcome> => {
  const table = await openQueryTable(context.progress, context.tableRows)
  const measures = new Measures()
  measures.add('rows', '', table.rows)
  measures.add('data files', '', table.files)
  for (let run = 1; run <= context.runs && measures.failures.length === 0; run += 1) {
    await lendQueryTable(table, async () => {
      try {
        await measure(table, measures)
      } catch (error) {
        measures.failures.push(error instanceof Error ? error.message : String(error))
      }
    })
  }
  return measures.outcome
}

interface Expected extends MeasuredQuery {
  readonly lines: readonly string[]
}

/** (1) */
const answered = async (
  table: QueryTable,
  queries: readonly MeasuredQuery[],
  { failures }: Measures
): Promise<readonly Expected[]> => {
  const files = await tableFiles(table.folder)
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const expected: Expected[] = []
    for (const query of queries) {
      const lines = (await rowsOf(connection, query.sql, files)).map(([line]) => line!)
      if (lines.length !== query.rows) failures.push(`${query.name}: DuckDB has ${lines.length}`)
      expected.push({ ...query, lines })
    }
    return expected
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const measureRun = async (
  { workspace, progress, profile }: BenchContext,
  table: QueryTable,
  { queries, further, settings }: Omit<Plan, 'queriesOf'> & { queries: readonly Expected[] },
  measures: Measures
): Promise<void> => {
  const nodeFlags = [...probeFlags, ...profileFlags({ profile })]
  const options = { ...silent, nodeFlags, ...(settings && { settings }) }
  for (const [name, value] of Object.entries(settings ?? {}))
    measures.note(`K2 ran with ${name}=${value}`)
  await withK2(workspace, table.folder, options, async (k2) => {
    for (const query of queries) await measureOne(k2.client, query, measures, progress)
    await further?.(table, k2, measures)
  })
}

const measureOne = async (
  client: HttpClient,
  { name, seedName, question, lines, linesOf, p50, p99 }: Expected,
  measures: Measures,
  progress: (text: string) => void
): Promise<void> => {
  const first = await ask(client, question)
  const { status, text, tookMs } = first
  if (status === 400 || status === 404) {
    measures.note(`${name} was not asked: this K2 does not take ${question.path}`)
    return
  }
  const data = dataOf(first)
  if (data === '') throw new Error(`${name}: status ${status}: ${text.slice(0, 500)}`)
  const told = linesOf(data)
  const differs = told.findIndex((line, index) => line !== lines[index])
  if (told.length !== lines.length)
    throw new Error(`${name}: ${told.length} rows, DuckDB has ${lines.length}`)
  if (differs >= 0) throw new Error(`${name}: ${told[differs]}, DuckDB has ${lines[differs]}`)
  const faultOf = (reply: Parameters<typeof dataOf>[0]) =>
    dataOf(reply) === data ? undefined : `${name}: an answer differs from the first`
  measures.add(`${name}, cold`, 'ms', tookMs)
  await askMany(client, question, warmUpRequests, faultOf)
  const load = await askMany(client, question, requests, faultOf)
  // Of so many values these differ, or it was not the latency that was measured.
  if (load.fault !== undefined) measures.failures.push(`${name}: ${load.fault}`)
  const [p50Ms, p99Ms] = [load.percentileMs(50), load.percentileMs(99)]
  measures.add(`${name}, p50`, 'ms', p50Ms, p50)
  measures.add(`${name}, p95`, 'ms', load.percentileMs(95))
  measures.add(`${name}, p99`, 'ms', p99Ms, p99)
  measures.add(`${name}, max`, 'ms', load.maxMs)
  measures.histogram(seedName ?? name, load.json)
  measures.sampling = { requests, warmUpRequests }
  progress(`queries: ${name}: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`)
}
