/**
 * Trades/s from socket to table: the real process, its default settings, fsync on, fed by the
 * simulated exchange as fast as it reads.
 *
 * 1. Counted are rows of the finished table, over the time from the first trade's receipt (its
 *    `ingestion_timestamp`) to the commit of the last row.
 * 2. A run counts only if the table holds exactly what the exchange sent: nothing missing, nothing
 *    twice, no dead letter, K2 ended with 0.
 */
import type { BenchContext } from './context.ts'
import { busyCoreSeconds, pause, processUse } from './environment.ts'
import { parseExposition, type Sample, sumOf } from './exposition.ts'
import { Measures, type Outcome } from './report.ts'
import { faultsOf, type SentBySymbol } from './run-check.ts'
import { median } from './statistics.ts'
import { type Exchange, type K2, startExchange, startK2 } from './system.ts'
import { deadLetterLines, readTable } from './table-check.ts'

const pollMs = 100
const firstTradeMsMax = 30_000
const landedMsMax = 120_000
const endMsMax = 20_000
/** Rows of half a commit: with less to land K2 may be asked to end. */
const backlogRowsMax = 65_536

export const measureThroughput = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  for (let run = 1; run <= context.runs; run += 1) {
    await context.settle()
    const folder = await context.workspace.folder('throughput')
    const faults = await runOnce(context, folder, measures)
    measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
    if (faults.length > 0) break
    const rate = measures.outcome.measures[0]!.values.at(-1)!
    context.progress(`throughput run ${run}: ${Math.round(rate).toLocaleString('en-US')} trades/s`)
    if (context.tradesFolder !== undefined) await context.workspace.discard(context.tradesFolder)
    context.tradesFolder = folder
  }
  return measures.outcome
}

const runOnce = async (
  context: BenchContext,
  folder: string,
  measures: Measures
): Promise<readonly string[]> => {
  const { workspace, seconds, profile } = context
  const exchange = await startExchange(workspace)
  const nodeFlags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const k2 = await startK2(workspace, folder, { exchange, nodeFlags })
  try {
    await until('the first trade', firstTradeMsMax, async () => published(await scrape(k2)) > 0)
    const flowing = await observeFlow({ k2, exchange, seconds })
    const stalled = await exchange.client.post('/control/faults', { stall: true })
    if (stalled.status !== 200) throw new Error(`the exchange did not stall: ${stalled.text}`)
    const samples = await untilLanded(k2)
    const sent = await sentBy(exchange)
    const { peakBytes } = await processUse(k2.running.pid)
    const exitCode = await k2.running.end(endMsMax)
    const table = await readTable(folder)
    const landedSeconds = table.committedMs / 1e3 - table.firstReceivedUs / 1e6
    const receivedSeconds = (table.lastReceivedUs - table.firstReceivedUs) / 1e6
    measures.add('socket to table', 'trades/s', table.rows / landedSeconds)
    measures.add('read from the socket', 'trades/s', table.rows / receivedSeconds)
    measures.add('landed', 'rows', table.rows)
    measures.add('first trade to last commit', 's', landedSeconds)
    measures.add('commits', 'commits', sumOf(samples, 'k2_commits_total', { outcome: 'landed' }))
    measures.add('CPU of K2', 'cores', flowing.cores)
    measures.add('CPU per trade', 'µs', (flowing.cores * receivedSeconds * 1e6) / table.rows)
    measures.add('CPU of exchange', 'cores', flowing.exchangeCores)
    measures.add('CPU of others', 'cores', flowing.otherCores)
    measures.add('RSS peak', 'MiB', peakBytes / 1_024 ** 2)
    measures.add('event-loop delay p99, median second', 'ms', median(flowing.delaysMs))
    measures.add('event-loop delay p99, worst second', 'ms', Math.max(...flowing.delaysMs))
    return faultsOf({
      table,
      sent,
      exitCode,
      received: sumOf(samples, 'k2_feed_frames_total', { kind: 'trade' }),
      rejected: sumOf(samples, 'k2_feed_rejected_frames_total'),
      deadLetters: await deadLetterLines(folder)
    })
  } finally {
    k2.client.close()
    exchange.client.close()
    await k2.running.end(endMsMax)
    await exchange.running.end(endMsMax)
  }
}

interface Flow {
  /** Mean over the whole flow. */
  readonly cores: number
  readonly exchangeCores: number
  /** Everything that is neither K2, the exchange nor this process. */
  readonly otherCores: number
  /** 99th percentile of each second, as K2 itself measures it. */
  readonly delaysMs: readonly number[]
}

/** Lets trades flow, looking once a second: as often as K2 samples itself. */
const observeFlow = async ({
  k2,
  exchange,
  seconds
}: {
  readonly k2: K2
  readonly exchange: Exchange
  readonly seconds: number
}): Promise<Flow> => {
  const used = async () => ({
    at: performance.now() / 1_000,
    k2: (await processUse(k2.running.pid)).cpuSeconds,
    exchange: (await processUse(exchange.running.pid)).cpuSeconds,
    own: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    all: busyCoreSeconds()
  })
  const before = await used()
  const delaysMs: number[] = []
  while (performance.now() / 1_000 - before.at < seconds) {
    await pause(Math.min(1_000, (before.at + seconds) * 1_000 - performance.now()))
    delaysMs.push(sumOf(await scrape(k2), 'k2_event_loop_delay_seconds', { quantile: 'p99' }) * 1e3)
  }
  const after = await used()
  const cores = (of: 'k2' | 'exchange' | 'own' | 'all') =>
    (after[of] - before[of]) / (after.at - before.at)
  return {
    cores: cores('k2'),
    exchangeCores: cores('exchange'),
    otherCores: Math.max(0, cores('all') - cores('k2') - cores('exchange') - cores('own')),
    delaysMs
  }
}

const scrape = async ({ client }: K2): Promise<readonly Sample[]> =>
  parseExposition((await client.get('/metrics')).text)

const published = (samples: readonly Sample[]): number =>
  sumOf(samples, 'k2_published_records_total')

/** Waits until all that was received is durable and nearly all of it landed; the metrics then. */
const untilLanded = async (k2: K2): Promise<readonly Sample[]> => {
  let last: readonly Sample[] = []
  let receivedBefore = -1
  await until('the landing of all trades', landedMsMax, async () => {
    last = await scrape(k2)
    const received = sumOf(last, 'k2_feed_frames_total', { kind: 'trade' })
    const isQuiet = received === receivedBefore && published(last) === received
    receivedBefore = received
    return isQuiet && received - sumOf(last, 'k2_landed_records') <= backlogRowsMax
  })
  return last
}

const sentBy = async ({ client }: Exchange): Promise<SentBySymbol> => {
  const status = JSON.parse((await client.get('/control')).text) as {
    readonly connections: readonly { readonly sent: SentBySymbol }[]
  }
  if (status.connections.length !== 1) {
    throw new Error(`K2 connected ${status.connections.length} times, not once`)
  }
  return status.connections[0]!.sent
}

const until = async (what: string, msMax: number, holds: () => Promise<boolean>): Promise<void> => {
  const startedMs = performance.now()
  while (!(await holds())) {
    if (performance.now() - startedMs > msMax) throw new Error(`no ${what} within ${msMax} ms`)
    await pause(pollMs)
  }
}
