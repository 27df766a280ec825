/**
 * The newest trades while more arrive, on the table of 10 M: what was landed and what is only in
 * the log. An answer is not repeatable here: each must be full, in order, without a repeat. And how
 * long a trade takes from the socket into an answer.
 */
import { atMost } from './bars.ts'
import { type BenchContext, profileFlags } from './context.ts'
import { pause, processUse } from './environment.ts'
import { ask, askMany, dataOf } from './http-load.ts'
import type { HttpClient, Reply } from './http-client.ts'
import { microsOf } from './query-answers.ts'
import type { QueryTable } from './query-table.ts'
import type { Measures } from './report.ts'
import { percentile } from './statistics.ts'
import { type K2, type Market, withK2 } from './system.ts'

const fast: Market = { speed: 1, rate: 20_000 }
/** So that each answer has all that came since the last one. */
const slow: Market = { speed: 1, rate: 500 }
const question = { path: '/v1/trades?limit=100' }
const requests = 1_000
const warmUpRequests = 100
/** Commits have been made, and compilers are warm. */
const warmUpMs = 12_000
/** Trades that arrive are in the answers. */
const ageMsMax = 10_000
const [p50Bar, p99Bar] = [atMost(8), atMost(40)]
const visibilityMs = 20_000
const visibleBar = atMost(100)

export const measureWhileTradesArrive = async (
  context: BenchContext,
  table: QueryTable,
  measures: Measures
): Promise<void> => {
  await whileTradesArrive(context, table, fast, async ({ client, running }) => {
    await askMany(client, question, warmUpRequests, faultOf)
    const load = await askMany(client, question, requests, faultOf)
    const [p50, p95, p99] = [50, 95, 99].map((percent) => load.percentileMs(percent))
    measures.add('recent, 20,000 trades/s arrive, p50', 'ms', p50!, p50Bar)
    measures.add('recent, 20,000 trades/s arrive, p95', 'ms', p95!)
    measures.add('recent, 20,000 trades/s arrive, p99', 'ms', p99!, p99Bar)
    measures.histogram('recent', load.json)
    const { peakBytes } = await processUse(running.pid)
    measures.add('memory (RSS) peak of K2 meanwhile', 'MiB', peakBytes / 1_024 ** 2)
    context.progress(`queries: recent: p50 ${p50!.toFixed(2)} ms, p99 ${p99!.toFixed(2)} ms`)
  })
  await whileTradesArrive(context, table, slow, async ({ client }) => {
    const delaysMs = await visibilityDelays(client)
    measures.add('trades that were seen to become visible', '', delaysMs.length)
    for (const [name, share] of [['p50', 0.5], ['p95', 0.95]] as const)
      measures.add(`visible after the socket, ${name}`, 'ms', percentile(delaysMs, share))
    measures.add('visible after the socket, p99', 'ms', percentile(delaysMs, 0.99), visibleBar)
  })
}

const whileTradesArrive = (
  { workspace, profile }: BenchContext,
  { folder }: QueryTable,
  market: Market,
  use: (k2: K2) => Promise<void>
): Promise<void> =>
  withK2(workspace, folder, { market, nodeFlags: profileFlags({ profile }) }, async (k2) => {
    await pause(warmUpMs)
    await use(k2)
  })

interface Row {
  readonly message_id: string
  readonly timestamp: string
  readonly ingestion_timestamp: string
}

/**
 * Of each trade: from when its frame was received to when the first answer that has it is here.
 * One question follows the other, so up to a whole answer's time is in it. Answers hold more trades
 * than arrive between two.
 */
const visibilityDelays = async (client: HttpClient): Promise<readonly number[]> => {
  const seen = new Set<string>()
  const delaysMs: number[] = []
  const endMs = performance.now() + visibilityMs
  for (let isFirst = true; performance.now() < endMs; isFirst = false) {
    const data = dataOf(await ask(client, question))
    const nowMs = performance.timeOrigin + performance.now()
    const rows = JSON.parse(data) as readonly Row[]
    for (const { message_id: id, ingestion_timestamp: received } of rows) {
      if (!isFirst && !seen.has(id)) delaysMs.push(nowMs - Number(microsOf(received)) / 1_000)
      seen.add(id)
    }
  }
  return delaysMs
}

const faultOf = (reply: Reply): string | undefined => {
  const data = dataOf(reply)
  if (data === '') return `status ${reply.status}: ${reply.text.slice(0, 300)}`
  const rows = JSON.parse(data) as readonly Row[]
  if (rows.length !== 100 || new Set(rows.map((row) => row.message_id)).size !== 100)
    return `${rows.length} rows, or repeats`
  if (rows.some((row, index) => index > 0 && row.timestamp > rows[index - 1]!.timestamp))
    return 'not newest first'
  const ageMs = Date.now() - Date.parse(rows[0]!.timestamp)
  return ageMs > ageMsMax ? `the newest trade is ${ageMs} ms old` : undefined
}
