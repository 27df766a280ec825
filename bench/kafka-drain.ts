/**
 * How fast the spool leaves once the broker is back, beside live trades (R46): K2 on its default
 * settings, fed by the exchange's clock at about a quarter of what K2 carries through this broker
 * (the figure `kafka`); the broker is killed, the spool fills, the broker returns.
 *
 * 1. What is counted as drained is acknowledged by the broker while the spool has anything: live
 *    trades go behind it, lane by lane, so the rate includes them.
 * 2. A run counts only if everything that was sent is in the table once, as in `flow.ts`.
 */
import { atLeast, atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { pause } from './environment.ts'
import { quantileMax, type Sample, sumOf } from './exposition.ts'
import { everySecond, type Flow, runFlow, tradesReceived } from './flow.ts'
import { type Broker, openBroker } from './kafka-broker.ts'
import { Measures, type Outcome } from './report.ts'

const tradesPerSecond = 15_000
const warmUpSeconds = 8
const awaySeconds = 15
const drainMsMax = 120_000
const lookMs = 250

const ratioBar = atLeast(2)
const publishBar = atMost(1)

export const measureKafkaDrain = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  const measures = new Measures()
  for (let run = 1; run <= runs; run += 1) {
    await settle()
    const broker = await openBroker(await workspace.folder('broker'))
    const folder = await workspace.folder('kafka-drain')
    try {
      const result = await runFlow(context, {
        folder,
        market: { speed: 1, rate: tradesPerSecond },
        settings: { K2_KAFKA_BOOTSTRAP_SERVERS: broker.bootstrap },
        isStruck: true,
        during: (flow) => strike(flow, broker)
      })
      measures.failures.push(...result.faults.map((fault) => `run ${run}: ${fault}`))
      if (result.faults.length > 0) break
      report(measures, result.during)
    } finally {
      await broker.close()
    }
    progress(`kafka-drain run ${run}: ${measures.last('drained, over live').toFixed(2)} × live`)
    await workspace.discard(folder)
  }
  return measures.outcome
}

interface Drain {
  readonly spooled: number
  readonly awaySeconds: number
  /** From the broker's return until the spool was empty. */
  readonly seconds: number
  readonly drainedPerSecond: number
  readonly livePerSecond: number
  /** Upper bound of the bucket in which the 99th percentile lies, seconds. */
  readonly publishP99Max: number
}

const strike = async ({ look }: Flow, broker: Broker): Promise<Drain> => {
  await everySecond(warmUpSeconds, async () => void (await look()))
  const killedMs = performance.now()
  await broker.kill()
  await pause(awaySeconds * 1_000)
  await broker.start()
  const awayMs = performance.now() - killedMs
  let before = await look()
  let beforeMs = performance.now()
  const spooled = spooledNow(before)
  const publishedBefore = published(before)
  // K2 looks for the broker with backoff: what is measured begins with the first that leaves.
  const startedMs = beforeMs
  let now = before
  while (published(now) === publishedBefore || spooledNow(now) > 0) {
    if (performance.now() - startedMs > drainMsMax) throw new Error('the spool did not drain')
    await pause(lookMs)
    now = await look()
    if (published(now) > publishedBefore) continue
    before = now
    beforeMs = performance.now()
  }
  const seconds = (performance.now() - beforeMs) / 1_000
  return {
    spooled,
    awaySeconds: awayMs / 1_000,
    seconds,
    drainedPerSecond: (published(now) - published(before)) / seconds,
    livePerSecond: (tradesReceived(now) - tradesReceived(before)) / seconds,
    publishP99Max: quantileMax(
      'k2_publish_duration_seconds',
      [before, now],
      0.99
    )
  }
}

const spooledNow = (samples: readonly Sample[]): number => sumOf(samples, 'k2_spool_records')
const published = (samples: readonly Sample[]): number =>
  sumOf(samples, 'k2_published_records_total')

const report = (measures: Measures, drain: Drain): void => {
  const ratio = drain.drainedPerSecond / drain.livePerSecond
  measures.add('broker away', 's', drain.awaySeconds)
  measures.add('spooled when it was back', 'records', drain.spooled)
  measures.add('spool empty after', 's', drain.seconds)
  measures.add('live meanwhile', 'trades/s', drain.livePerSecond)
  measures.add('drained', 'records/s', drain.drainedPerSecond)
  measures.add('drained, over live', '×', ratio, ratioBar)
  measures.add('publish duration p99, at most', 's', drain.publishP99Max, publishBar)
}
