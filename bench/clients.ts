/**
 * 64 clients at once for a minute, each on a kept connection, one request after the other, over the
 * queries of `queries`: how many are answered, how late the last of a hundred is, and K2's memory.
 *
 * 1. Every answer must be 200 and have the rows that were asked for; 429 is told apart, since a
 *    full queue is an answer, too, but none with rows.
 */
import type { BenchContext } from './context.ts'
import { processUse } from './environment.ts'
import { ask } from './http-load.ts'
import { HttpClient } from './http-client.ts'
import { Latencies } from './latencies.ts'
import { recordQueries } from './query-answers.ts'
import { lendQueryTable, openQueryTable, type QueryTable } from './query-table.ts'
import { Measures, type Outcome } from './report.ts'
import { apiUrl, silent, withK2 } from './system.ts'

const clients = 64
const warmUpSeconds = 5

export const measureClients = async (context: BenchContext): Promise<Outcome> => {
  const table = await openQueryTable(context.progress, context.tableRows)
  const measures = new Measures()
  for (let run = 1; run <= context.runs && measures.failures.length === 0; run += 1) {
    await lendQueryTable(table, async () => {
      await context.settle()
      await measureRun(context, table, measures)
    })
  }
  return measures.outcome
}

const measureRun = async (
  { workspace, seconds, progress }: BenchContext,
  table: QueryTable,
  measures: Measures
): Promise<void> => {
  await withK2(workspace, table.folder, silent, async (k2) => {
    const url = await apiUrl(k2.running)
    await load(url, table, warmUpSeconds)
    const { answered, refused, faults, latencies } = await load(url, table, seconds)
    measures.failures.push(...faults.slice(0, 3)) // (1)
    const p99Ms = latencies.percentileMs(99)
    measures.add(`${clients} clients: answers`, '1/s', answered / seconds)
    measures.add(`${clients} clients: p50`, 'ms', latencies.percentileMs(50))
    measures.add(`${clients} clients: p99`, 'ms', p99Ms)
    measures.histogram(`${clients} clients`, latencies.json)
    measures.add(`${clients} clients: refused, the queue was full`, '', refused)
    const { residentBytes, peakBytes } = await processUse(k2.running.pid)
    measures.add('memory (RSS) of K2 afterwards', 'MiB', residentBytes / 1_024 ** 2)
    measures.add('memory (RSS) of K2, peak', 'MiB', peakBytes / 1_024 ** 2)
    progress(`clients: ${(answered / seconds).toFixed(0)}/s, p99 ${p99Ms.toFixed(0)} ms`)
  })
}

const load = async (url: string, { newestUs }: QueryTable, seconds: number) => {
  const latencies = new Latencies()
  const queries = recordQueries(newestUs).filter(({ name }) => name !== 'two symbols')
  const counts = { answered: 0, refused: 0 }
  const faults: string[] = []
  const endMs = performance.now() + seconds * 1_000
  const oneClient = async (first: number) => {
    const client = new HttpClient(url)
    for (let turn = first; performance.now() < endMs && faults.length === 0; turn += 1) {
      const { name, question, rows } = queries[turn % queries.length]!
      const reply = await ask(client, question)
      const found = reply.status === 200 ? reply.text.split('"message_id":').length - 1 : 0
      if (reply.status === 429) counts.refused += 1
      else if (found !== rows) faults.push(`${name}: status ${reply.status} with ${found} rows`)
      else {
        counts.answered += 1
        latencies.record(reply.tookMs)
      }
    }
    client.close()
  }
  await Promise.all(Array.from({ length: clients }, (_, index) => oneClient(index)))
  return { ...counts, faults, latencies }
}
