/**
 * Trades/s from socket to table through a real Kafka: the real process on its default settings but
 * for the brokers' address, fed by the simulated exchange as fast as it reads. Broker, exchange and
 * K2 share the machine's cores; catalog and files are local ones.
 *
 * Counted and verified is as in `throughput.ts`; CPU is told apart by who uses it.
 */
import { readdir, readFile } from 'node:fs/promises'
import { atLeast, atMost } from './bars.ts'
import { type BenchContext, profileFlags } from './context.ts'
import { commitsLanded, type Flow, type FlowResult, runFlow } from './flow.ts'
import { sumOf } from './exposition.ts'
import { openBroker } from './kafka-broker.ts'
import { Measures, type Outcome } from './report.ts'
import { median } from './statistics.ts'
import { type Observed, observe } from './throughput.ts'

const rateBar = atLeast(150_000, 50_000)
const peakBar = atMost(1_024)
const mebibyte = 1_024 ** 2

export const measureKafka = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, seconds, settle, progress } = context
  const measures = new Measures()
  const nodeFlags = profileFlags(context)
  for (let run = 1; run <= runs; run += 1) {
    await settle()
    const broker = await openBroker(await workspace.folder('broker'))
    const folder = await workspace.folder('kafka')
    const during = async (flow: Flow) => {
      const { pid } = flow.k2.running
      const before = { broker: await broker.cpuSeconds(), main: await mainThreadSeconds(pid) }
      const observed = await observe(flow, seconds)
      const brokerSeconds = (await broker.cpuSeconds()) - before.broker
      const mainSeconds = (await mainThreadSeconds(pid)) - before.main
      return { ...observed, brokerSeconds, mainSeconds }
    }
    try {
      const settings = { K2_KAFKA_BOOTSTRAP_SERVERS: broker.bootstrap }
      const result = await runFlow(context, { folder, nodeFlags, settings, during })
      measures.failures.push(...result.faults.map((fault) => `run ${run}: ${fault}`))
      if (result.faults.length > 0) break
      report(measures, result, seconds)
    } finally {
      await broker.close()
    }
    const rate = Math.round(measures.last('socket to table'))
    progress(`kafka run ${run}: ${rate.toLocaleString('en-US')} trades/s`)
    await workspace.discard(folder)
  }
  return measures.outcome
}

/** User and system time of a process' first thread, seconds; in Node it runs the main isolate. */
const mainThreadSeconds = async (pid: number): Promise<number> => {
  const [first] = (await readdir(`/proc/${pid}/task`)).map(Number).toSorted((a, b) => a - b)
  const stat = await readFile(`/proc/${pid}/task/${String(first)}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

interface Use extends Observed {
  readonly brokerSeconds: number
  readonly mainSeconds: number
}

const report = (
  measures: Measures,
  { table, samples, peakBytes, during, levelNote }: FlowResult<Use>,
  seconds: number
): void => {
  const landedSeconds = table.committedMs / 1e3 - table.firstReceivedUs / 1e6
  const receivedSeconds = (table.lastReceivedUs - table.firstReceivedUs) / 1e6
  const receivedPerSecond = table.rows / receivedSeconds
  const perTrade = (cores: number) => (cores * 1e6) / receivedPerSecond
  const [mainCores, brokerCores] = [during.mainSeconds / seconds, during.brokerSeconds / seconds]
  measures.add('socket to table', 'trades/s', table.rows / landedSeconds, rateBar)
  measures.add('read from the socket', 'trades/s', receivedPerSecond)
  measures.add('landed', 'rows', table.rows)
  measures.add('first trade to last commit', 's', landedSeconds)
  measures.add('commits', 'commits', commitsLanded(samples))
  const appends = sumOf(samples, 'k2_publish_duration_seconds_count')
  measures.add('trades per append', 'trades', table.rows / appends)
  measures.add('CPU per trade: K2, all of it', 'µs', perTrade(during.cores))
  measures.add('CPU per trade: K2, feed to producer', 'µs', perTrade(mainCores))
  const others = perTrade(during.cores - mainCores)
  measures.add('CPU per trade: K2, consumer to table, compression', 'µs', others)
  measures.add('CPU per trade: broker', 'µs', perTrade(brokerCores))
  measures.add('CPU per trade: exchange', 'µs', perTrade(during.exchangeCores))
  measures.add('CPU of all others', 'cores', Math.max(0, during.otherCores - brokerCores))
  measures.add('RSS peak of K2', 'MiB', peakBytes / mebibyte, peakBar)
  measures.add('event-loop delay p99, median second', 'ms', median(during.delaysMs))
  measures.add('event-loop delay p99, worst second', 'ms', Math.max(...during.delaysMs))
  measures.note(levelNote)
}
