/**
 * What K2 needs at a rate that it is made for: event-loop delay of its main thread and CPU, while
 * the exchange sends 20,000 trades/s by its clock whether K2 reads them or not (R17), and while the
 * lander commits. The run is verified as one of `throughput`.
 */
import { atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { processUse } from './environment.ts'
import { sumOf } from './exposition.ts'
import { commitsLanded, everySecond, type Flow, runFlow, tradesReceived } from './flow.ts'
import { type LoopDelay, probeFlags, readLoopDelay, restartLoopDelay } from './probe.ts'
import { makeGeneratorSource } from '../src/adapters/simulator/generator-source.ts'
import { Measures, type Outcome } from './report.ts'

const tradesPerSecond = 20_000
/** What is claimed of the rate must have been received, and not much more. */
const rateExcessMax = 0.15
/** The generated market has lulls and bursts of seconds to a day: it is asked for a little more. */
const headroom = 1.05
/** Commits come every five seconds: so many must fall into a run. */
const commitsMin = 3
const secondsMin = 20
/** Compilers and caches get warm, and the first commits are made. */
const warmUpSeconds = 8

const delayBar = atMost(10)
const cpuBar = atMost(30)

export const measureRate = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  const seconds = Math.max(secondsMin, context.seconds / 2)
  for (let run = 1; run <= context.runs; run += 1) {
    await context.settle()
    const market = { speed: 1, rate: rateNow(Date.now(), seconds + warmUpSeconds) } as const
    const folder = await context.workspace.folder('rate')
    const during = (flow: Flow) => observe(flow, seconds)
    const result = await runFlow(context, { folder, market, nodeFlags: probeFlags, during })
    await context.workspace.discard(folder)
    const faults = [...result.faults, ...windowFaults(result.during)]
    measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
    if (faults.length > 0) break
    report(measures, result.during, result.peakBytes)
    measures.note(result.levelNote)
    const delay = measures.last('event-loop delay p99').toFixed(2)
    const cpu = measures.last('CPU of K2').toFixed(1)
    context.progress(`rate run ${run}: event-loop delay p99 ${delay} ms, CPU ${cpu} % of a core`)
  }
  return measures.outcome
}

/** The mean rate to ask for, for the rate that the market's time of day makes of it. */
const rateNow = (nowMs: number, seconds: number): number => {
  const playback = makeGeneratorSource({ seed: 1, rate: tradesPerSecond }).play(nowMs)
  let trades = 0
  while (playback.advance(nowMs + seconds * 1_000)) trades += 1
  return Math.round((headroom * tradesPerSecond * tradesPerSecond * seconds) / trades)
}

/** What K2 did in the window that counts. */
interface Observed {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly trades: number
  readonly commits: number
  readonly delay: LoopDelay
  /** As K2 exports it: the worst second. */
  readonly exportedMsMax: number
}

const observe = async ({ k2, look }: Flow, seconds: number): Promise<Observed> => {
  await everySecond(warmUpSeconds, async () => void (await look()))
  const now = async () => {
    const samples = await look()
    return {
      at: performance.now() / 1_000,
      cpu: (await processUse(k2.running.pid)).cpuSeconds,
      trades: tradesReceived(samples),
      commits: commitsLanded(samples)
    }
  }
  await restartLoopDelay(k2.running)
  const before = await now()
  let exportedMsMax = 0
  await everySecond(seconds, async () => {
    const samples = await look()
    const p99 = sumOf(samples, 'k2_event_loop_delay_seconds', { quantile: 'p99' })
    exportedMsMax = Math.max(exportedMsMax, p99 * 1e3)
  })
  const after = await now()
  return {
    seconds: after.at - before.at,
    cpuSeconds: after.cpu - before.cpu,
    trades: after.trades - before.trades,
    commits: after.commits - before.commits,
    delay: await readLoopDelay(k2.running, 0.999),
    exportedMsMax
  }
}

/** Why a window is none of the rate that was asked for, with commits in it. */
export const windowFaults = ({
  seconds,
  trades,
  commits
}: Pick<Observed, 'seconds' | 'trades' | 'commits'>): readonly string[] => [
  ...(commits >= commitsMin ? [] : [`${commits} commits in ${seconds.toFixed(0)} s`]),
  ...(trades / seconds >= tradesPerSecond &&
  trades / seconds <= tradesPerSecond * (1 + rateExcessMax)
    ? []
    : [`${Math.round(trades / seconds)} trades/s were received, not ${tradesPerSecond}`])
]

const report = (measures: Measures, observed: Observed, peakBytes: number): void => {
  const { seconds, cpuSeconds, trades, commits, delay, exportedMsMax } = observed
  measures.add('received', 'trades/s', trades / seconds)
  measures.add('commits meanwhile', 'commits', commits)
  measures.add('event-loop delay p99', 'ms', delay.p99Ms, delayBar)
  measures.add('event-loop delay p50', 'ms', delay.p50Ms)
  measures.add('event-loop delay p99.9', 'ms', delay.p999Ms)
  measures.add('event-loop delay max', 'ms', delay.maxMs)
  measures.add('event-loop delay p99 as exported, worst second', 'ms', exportedMsMax)
  measures.add('CPU of K2', '% of a core', (cpuSeconds / seconds) * 100, cpuBar)
  measures.add('CPU per trade', 'µs', (cpuSeconds * 1e6) / trades)
  measures.add('RSS peak', 'MiB', peakBytes / 1_024 ** 2)
  measures.note(
    'event-loop delay is of the whole window, in the process, and includes the 2 ms resolution'
  )
}
