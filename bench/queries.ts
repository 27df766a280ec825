/**
 * The newest 100 trades of a symbol over HTTP, on the table that a run of `throughput` left: one
 * kept connection, one request after the other, no trades flowing.
 */
import type { BenchContext } from './context.ts'
import type { HttpClient } from './http-client.ts'
import { Measures, type Outcome } from './report.ts'
import { percentile } from './statistics.ts'
import { fullSpeed, startExchange, startK2 } from './system.ts'
import { measureThroughput } from './throughput.ts'

const requests = 500
const warmUpRequests = 100
const path = '/v1/trades?symbol=BTCUSDT&limit=100'
const endMsMax = 20_000

export const measureQueries = async (context: BenchContext): Promise<Outcome> => {
  let folder = context.tradesFolder
  if (folder === undefined) {
    context.progress('queries need a table: one run of throughput first')
    const once = { ...context, runs: 1, profile: undefined }
    const { failures } = await measureThroughput(once)
    if (once.tradesFolder === undefined) return { measures: [], notes: [], failures }
    folder = once.tradesFolder
  }
  return measureOver(context, folder)
}

const measureOver = async (
  { workspace, runs, progress }: BenchContext,
  folder: string
): Promise<Outcome> => {
  const measures = new Measures()
  const exchange = await startExchange(workspace, fullSpeed, ['--fault', 'stall'])
  const k2 = await startK2(workspace, folder, { exchange })
  try {
    for (let run = 1; run <= runs; run += 1) {
      await askMany(k2.client, warmUpRequests, measures)
      const tookMs = await askMany(k2.client, requests, measures)
      if (measures.failures.length > 0) break
      for (const [name, share] of [['p50', 0.5], ['p95', 0.95], ['p99', 0.99]] as const) {
        measures.add(`newest 100 of BTCUSDT, ${name}`, 'ms', percentile(tookMs, share))
      }
      progress(`queries run ${run}: p50 ${percentile(tookMs, 0.5).toFixed(2)} ms`)
    }
    return measures.outcome
  } finally {
    k2.client.close()
    exchange.client.close()
    await k2.running.end(endMsMax)
    await exchange.running.end(endMsMax)
  }
}

const askMany = async (
  client: HttpClient,
  count: number,
  { failures }: Measures
): Promise<readonly number[]> => {
  const tookMs: number[] = []
  for (let index = 0; index < count && failures.length === 0; index += 1) {
    const reply = await client.get(path)
    const rows = reply.status === 200 ? (JSON.parse(reply.text) as { data: unknown[] }).data : []
    if (rows.length !== 100) failures.push(`status ${reply.status} with ${rows.length} rows`)
    tookMs.push(reply.tookMs)
  }
  return tookMs
}
