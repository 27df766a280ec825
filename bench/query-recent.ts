/**
 * The newest trades while 20,000 a second arrive, on the table of 10 M: what was landed and what is
 * only in the log. An answer is not repeatable here: each must be full, in order, without a repeat.
 */
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { pause, processUse } from './environment.ts'
import { askMany, dataOf } from './http-load.ts'
import type { Reply } from './http-client.ts'
import type { QueryTable } from './query-table.ts'
import type { Measures } from './report.ts'
import { startExchange, startK2 } from './system.ts'

const market = { speed: 1, rate: 20_000 } as const
const question = { path: '/v1/trades?limit=100' }
const requests = 1_000
const warmUpRequests = 100
/** Commits have been made, and compilers are warm. */
const warmUpMs = 12_000
/** Trades that arrive are in the answers. */
const ageMsMax = 10_000
const endMsMax = 20_000
const [p50Bar, p99Bar] = [atMost(8), atMost(40)]

export const measureRecent = async (
  { workspace, progress }: BenchContext,
  { folder }: QueryTable,
  measures: Measures
): Promise<void> => {
  const exchange = await startExchange(workspace, market)
  const k2 = await startK2(workspace, folder, { exchange })
  try {
    await pause(warmUpMs)
    await askMany(k2.client, question, warmUpRequests, faultOf)
    const load = await askMany(k2.client, question, requests, faultOf)
    measures.add('recent, 20,000 trades/s arrive, p50', 'ms', load.p50Ms, p50Bar)
    measures.add('recent, 20,000 trades/s arrive, p95', 'ms', load.p95Ms)
    measures.add('recent, 20,000 trades/s arrive, p99', 'ms', load.p99Ms, p99Bar)
    const { peakBytes } = await processUse(k2.running.pid)
    measures.add('memory (RSS) peak of K2 meanwhile', 'MiB', peakBytes / 1_024 ** 2)
    progress(`queries: recent: p50 ${load.p50Ms.toFixed(2)} ms, p99 ${load.p99Ms.toFixed(2)} ms`)
  } finally {
    k2.client.close()
    exchange.client.close()
    await k2.running.end(endMsMax)
    await exchange.running.end(endMsMax)
  }
}

const faultOf = (reply: Reply): string | undefined => {
  const data = dataOf(reply)
  if (data === '') return `status ${reply.status}: ${reply.text.slice(0, 300)}`
  const rows = JSON.parse(data) as readonly {
    readonly message_id: string
    readonly timestamp: string
  }[]
  if (rows.length !== 100 || new Set(rows.map((row) => row.message_id)).size !== 100)
    return `${rows.length} rows, or repeats`
  if (rows.some((row, index) => index > 0 && row.timestamp > rows[index - 1]!.timestamp))
    return 'not newest first'
  const ageMs = Date.now() - Date.parse(rows[0]!.timestamp)
  return ageMs > ageMsMax ? `the newest trade is ${ageMs} ms old` : undefined
}
