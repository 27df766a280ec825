/**
 * Trades/s from socket to table: the real process, its default settings, fsync on, fed by the
 * simulated exchange as fast as it reads.
 *
 * Counted are rows of the finished and verified table (`flow.ts`), over the time from the first
 * trade's receipt (its `ingestion_timestamp`) to the commit of the last row.
 */
import { atLeast, atMost } from './bars.ts'
import { type BenchContext, profileFlags } from './context.ts'
import { busyCoreSeconds, processUse } from './environment.ts'
import { sumOf } from './exposition.ts'
import { commitsLanded, everySecond, type Flow, type FlowResult, runFlow } from './flow.ts'
import { growthOf, type MemorySample, riseShareMax } from './memory.ts'
import { Measures, type Outcome } from './report.ts'
import { median } from './statistics.ts'

/** Memory is watched for growth over the end of the flow: at most this long, at most two thirds. */
const growthSecondsMax = 40
const growthShare = 2 / 3
/** Shorter runs say nothing about growth. */
const growthSamplesMin = 8

const rateBar = atLeast(500_000, 150_000)
const peakBar = atMost(1_024)
const riseBar = atMost(riseShareMax * 100)

export const measureThroughput = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  const { seconds } = context
  const nodeFlags = profileFlags(context)
  for (let run = 1; run <= context.runs; run += 1) {
    await context.settle()
    const folder = await context.workspace.folder('throughput')
    const during = (flow: Flow) => observe(flow, seconds)
    const result = await runFlow(context, { folder, nodeFlags, during })
    measures.failures.push(...result.faults.map((fault) => `run ${run}: ${fault}`))
    if (result.faults.length > 0) break
    report(measures, result, Math.min(growthSecondsMax, seconds * growthShare))
    const rate = Math.round(measures.last('socket to table'))
    context.progress(`throughput run ${run}: ${rate.toLocaleString('en-US')} trades/s`)
    if (context.tradesFolder !== undefined) await context.workspace.discard(context.tradesFolder)
    context.tradesFolder = folder
  }
  return measures.outcome
}

export interface Observed {
  /** Mean over the whole flow. */
  readonly cores: number
  readonly exchangeCores: number
  /** Everything that is neither K2, the exchange nor this process. */
  readonly otherCores: number
  /** 99th percentile of each second, as K2 itself measures it. */
  readonly delaysMs: readonly number[]
  readonly memory: readonly MemorySample[]
}

export const observe = async ({ k2, exchange, look }: Flow, seconds: number): Promise<Observed> => {
  const used = async () => ({
    at: performance.now() / 1_000,
    k2: (await processUse(k2.running.pid)).cpuSeconds,
    exchange: (await processUse(exchange.running.pid)).cpuSeconds,
    own: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    all: busyCoreSeconds()
  })
  const before = await used()
  const delaysMs: number[] = []
  const memory: MemorySample[] = []
  await everySecond(seconds, async () => {
    const { residentBytes: bytes } = await processUse(k2.running.pid)
    memory.push({ atSeconds: performance.now() / 1_000, bytes })
    const samples = await look()
    delaysMs.push(sumOf(samples, 'k2_event_loop_delay_seconds', { quantile: 'p99' }) * 1e3)
  })
  const after = await used()
  const cores = (of: 'k2' | 'exchange' | 'own' | 'all') =>
    (after[of] - before[of]) / (after.at - before.at)
  return {
    cores: cores('k2'),
    exchangeCores: cores('exchange'),
    otherCores: Math.max(0, cores('all') - cores('k2') - cores('exchange') - cores('own')),
    delaysMs,
    memory
  }
}

const report = (
  measures: Measures,
  { table, samples, peakBytes, during, levelNote }: FlowResult<Observed>,
  growthSeconds: number
): void => {
  const landedSeconds = table.committedMs / 1e3 - table.firstReceivedUs / 1e6
  const receivedSeconds = (table.lastReceivedUs - table.firstReceivedUs) / 1e6
  measures.add('socket to table', 'trades/s', table.rows / landedSeconds, rateBar)
  measures.add('read from the socket', 'trades/s', table.rows / receivedSeconds)
  measures.add('landed', 'rows', table.rows)
  measures.add('first trade to last commit', 's', landedSeconds)
  measures.add('commits', 'commits', commitsLanded(samples))
  measures.add('CPU of K2', 'cores', during.cores)
  measures.add('CPU per trade', 'µs', (during.cores * receivedSeconds * 1e6) / table.rows)
  measures.add('CPU of exchange', 'cores', during.exchangeCores)
  measures.add('CPU of others', 'cores', during.otherCores)
  measures.add('RSS peak', 'MiB', peakBytes / 1_024 ** 2, peakBar)
  if (during.memory.length >= growthSamplesMin) reportGrowth(measures, during.memory, growthSeconds)
  measures.add('event-loop delay p99, median second', 'ms', median(during.delaysMs))
  measures.add('event-loop delay p99, worst second', 'ms', Math.max(...during.delaysMs))
  measures.note(levelNote)
}

const reportGrowth = (
  measures: Measures,
  memory: readonly MemorySample[],
  growthSeconds: number
): void => {
  const { bytesPerSecond, quarterBytes, riseShare } = growthOf(memory, growthSeconds)
  const over = `over the last ${Math.round(growthSeconds)} s`
  measures.add(`RSS slope ${over}`, 'MiB/s', bytesPerSecond / 1_024 ** 2)
  measures.add('RSS, last quarter of these less first', 'MiB', quarterBytes / 1_024 ** 2)
  measures.add('RSS rise, smaller of both', '% of mean', riseShare * 100, riseBar)
  measures.note(
    `RSS is not growing if the fitted rise ${over} or the last quarter's mean less the first's ` +
      `is at most ${riseShareMax * 100} % of the mean`
  )
}
