/**
 * An aggregate over all rows: through K2's SQL over HTTP, and by DuckDB alone on the same files, in
 * turn; and how long K2's event loop is held up meanwhile.
 */
import { DuckDBInstance } from '@duckdb/node-api'
import { atMost } from './bars.ts'
import { dataOf } from './http-load.ts'
import { readLoopDelay, restartLoopDelay } from './probe.ts'
import { rowsOf } from './query-answers.ts'
import type { QueryTable } from './query-table.ts'
import type { Measures } from './report.ts'
import { median } from './statistics.ts'
import type { K2 } from './system.ts'
import { tableFiles } from './table-check.ts'

const requests = 15
const ratioBar = atMost(1.15)
const delayBar = atMost(20)

const aggregate = `symbol, count(*)::VARCHAR AS trades, sum(quantity)::VARCHAR AS volume,
  min(price)::VARCHAR AS low, max(price)::VARCHAR AS high`
const scanSql = (source: string) =>
  `SELECT ${aggregate} FROM ${source} GROUP BY symbol ORDER BY symbol`

export const measureScan = async (
  { running, client }: K2,
  { folder }: QueryTable,
  measures: Measures
): Promise<void> => {
  const files = await tableFiles(folder)
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '256MB' })
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
  const raw = async () => {
    const startedMs = performance.now()
    const rows = await rowsOf(connection, scanSql('read_parquet($files)'), files)
    return { tookMs: performance.now() - startedMs, text: JSON.stringify(rows) }
  }
  const body = { sql: scanSql('trades') }
  const ours = async () => {
    const reply = await client.post('/v1/sql', body)
    const data = dataOf(reply)
    if (data === '') throw new Error(`full scan: status ${reply.status}: ${reply.text}`)
    const rows = (JSON.parse(data) as readonly object[]).map((row) => Object.values(row))
    return { tookMs: reply.tookMs, text: JSON.stringify(rows) }
  }
  try {
    const took = { ours: [] as number[], raw: [] as number[] }
    await ours()
    await raw()
    await restartLoopDelay(running)
    for (let request = 0; request < requests; request += 1) {
      const [first, second] = [await ours(), await raw()]
      if (first.text !== second.text || first.text === '[]') {
        measures.failures.push('full scan: the answers differ, or are empty')
        return
      }
      took.ours.push(first.tookMs)
      took.raw.push(second.tookMs)
    }
    const [p50, reference] = [median(took.ours), median(took.raw)]
    measures.add('full scan of all rows by SQL, p50', 'ms', p50)
    measures.add('the same by DuckDB alone, p50', 'ms', reference)
    measures.add('full scan over DuckDB alone', '×', p50 / reference, ratioBar)
    const { p99Ms } = await readLoopDelay(running)
    measures.add('event-loop delay of K2 during full scans, p99', 'ms', p99Ms, delayBar)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
