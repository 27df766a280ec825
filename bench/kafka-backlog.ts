/**
 * The lander alone on a backlog in a real Kafka: its real worker thread, in a process that does
 * nothing else, consumes and lands what stands in a topic. Timed and verified as in `lander.ts`;
 * the broker has the same cores.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { atLeast, atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { requireRoom } from './environment.ts'
import { appendTrades, TradeCounts } from './event-log.ts'
import { type Broker, openBroker, openTopic } from './kafka-broker.ts'
import { landingFaults, landOnce } from './lander.ts'
import { topic } from './landing.ts'
import { openMarket } from './market.ts'
import { Measures, type Outcome } from './report.ts'
import type { SentBySymbol } from './run-check.ts'

const recordsTotal = 5_000_000
/** Records are made and appended in chunks, for the sake of memory. */
const chunkRecords = 100_000
const roomBytes = 6 * 1_024 ** 3
const mebibyte = 1_024 ** 2

const rateBar = atLeast(300_000)
const peakBar = atMost(800)

export const measureKafkaBacklog = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  await requireRoom(workspace.root, roomBytes)
  const measures = new Measures()
  const broker = await openBroker(await workspace.folder('broker'))
  try {
    const appended = await fillTopic(broker, recordsTotal)
    progress(`kafka-backlog: ${recordsTotal.toLocaleString('en-US')} records stand in the topic`)
    for (let run = 1; run <= runs; run += 1) {
      await settle()
      const folder = await workspace.folder('kafka-backlog')
      const brokerBefore = await broker.cpuSeconds()
      const report = await landTopic(context, broker, folder)
      const brokerSeconds = (await broker.cpuSeconds()) - brokerBefore
      const faults = await landingFaults(report, folder, appended)
      await workspace.discard(folder)
      measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
      if (faults.length > 0) break
      const seconds = (report.landedMs - report.startedMs) / 1_000
      measures.add('backlog landed', 'rows/s', report.rows / seconds, rateBar)
      measures.add('rows', 'rows', report.rows)
      measures.add('commits', 'commits', report.commits)
      measures.add('CPU per row', 'µs', (report.cpuSeconds * 1e6) / report.rows)
      measures.add('CPU per row in the broker', 'µs', (brokerSeconds * 1e6) / report.rows)
      measures.add('RSS peak', 'MiB', report.peakBytes / mebibyte, peakBar)
      const rate = Math.round(measures.last('backlog landed'))
      progress(`kafka-backlog run ${run}: ${rate.toLocaleString('en-US')} rows/s`)
    }
  } finally {
    await broker.close()
  }
  return measures.outcome
}

/** Lands the topic into a new table, as a group of its own. */
export const landTopic = (
  context: Pick<BenchContext, 'workspace' | 'profile'>,
  broker: Broker,
  folder: string
) =>
  landOnce(context, {
    folder,
    topic,
    watermarks: [],
    kafka: {
      connection: broker.connection('fast'),
      groupId: randomUUID(),
      isCompacted: false,
      registry: undefined
    }
  })

/** What the topic holds afterwards, by symbol. */
export const fillTopic = (broker: Broker, records: number): Promise<SentBySymbol> =>
  Effect.gen(function* () {
    const log = yield* openTopic(broker, topic, 'fast')
    const market = openMarket()
    const counts = new TradeCounts()
    for (let left = records; left > 0; left -= chunkRecords) {
      const trades = market.trades(Math.min(left, chunkRecords))
      counts.add(trades)
      yield* appendTrades(log, topic, trades)
    }
    return counts.bySymbol
  }).pipe(Effect.scoped, Effect.runPromise)
