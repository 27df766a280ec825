/**
 * The benchmarks: measures K2's figures, prints a table, writes JSON.
 *
 * 1. No figure is shown that was not measured and verified: a failed one says FAILED, is marked so
 *    in the JSON, and makes the exit code 1.
 * 2. Everything is bounded in time and count, talks over loopback only, and is cleaned up.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { measureClients } from './clients.ts'
import { measureCommits } from './commits.ts'
import type { BenchContext } from './context.ts'
import { awaitQuiet, describeEnvironment } from './environment.ts'
import { type BenchFlags, commandOf, type FigureId, readFlags, usage } from './flags.ts'
import { measureKafka } from './kafka.ts'
import { measureKafkaBacklog } from './kafka-backlog.ts'
import { measureKafkaClients } from './kafka-clients.ts'
import { measureKafkaDrain } from './kafka-drain.ts'
import { measureLander } from './lander.ts'
import { measurePlanning } from './planning.ts'
import { measurePeers } from './peers/peers.ts'
import { measureLevels } from './levels.ts'
import { measureMaintenance } from './maintenance.ts'
import { measureCandles, measureQueries, measureRecent } from './queries.ts'
import { measureQueriesPeer } from './queries-peer.ts'
import { measureRate } from './rate.ts'
import {
  type Figure,
  figureJson,
  isFailed,
  noteLines,
  type Outcome,
  tableLines
} from './report.ts'
import { measureReplay } from './replay.ts'
import { measureSizes } from './sizes.ts'
import { measureStages } from './stages.ts'
import { measureStart } from './start.ts'
import { measureThroughput } from './throughput.ts'
import { measureWatcher } from './watcher.ts'
import { measureWatching } from './watching.ts'
import { Workspace } from './workspace.ts'

interface FigureKind {
  readonly title: string
  readonly measure: (context: BenchContext) => Promise<Outcome>
}

const figures: Readonly<Record<FigureId, FigureKind>> = {
  throughput: { title: 'From socket to table, whole process', measure: measureThroughput },
  rate: { title: 'At 20,000 trades/s: event-loop delay and CPU', measure: measureRate },
  watcher: { title: 'What a watcher of the actor system costs', measure: measureWatcher },
  watching: { title: 'What pages cost that watch, and their delay', measure: measureWatching },
  lander: { title: 'Lander alone on a backlog', measure: measureLander },
  kafka: { title: 'From socket to table through a real Kafka', measure: measureKafka },
  'kafka-backlog': { title: 'Lander alone on a backlog in Kafka', measure: measureKafkaBacklog },
  'kafka-clients': { title: 'Kafka: producers and consumer alone', measure: measureKafkaClients },
  'kafka-drain': {
    title: 'Kafka is back: the spool beside live trades',
    measure: measureKafkaDrain
  },
  peers: { title: 'From Kafka to table: K2 and the same in Python', measure: measurePeers },
  levels: { title: 'What the levels do at the feed, in one thread', measure: measureLevels },
  stages: { title: 'Each stage alone, in one thread', measure: measureStages },
  commits: { title: 'Commits of 500 rows: Parquet, state, snapshot', measure: measureCommits },
  start: { title: 'From start to trades over HTTP', measure: measureStart },
  'queries-peer': {
    title: 'The same queries: K2, and PyIceberg with DuckDB in Python',
    measure: measureQueriesPeer
  },
  queries: { title: 'Queries over HTTP on the table of trades', measure: measureQueries },
  recent: { title: 'Newest trades over HTTP while more arrive', measure: measureRecent },
  clients: { title: '64 clients at once, on the table of trades', measure: measureClients },
  sizes: { title: 'Bytes per trade', measure: measureSizes },
  candles: { title: 'Candles over HTTP on the table of trades', measure: measureCandles },
  replay: { title: 'Replay of the table of trades over HTTP', measure: measureReplay },
  planning: { title: 'Planning: 1,000 files and 10,000', measure: measurePlanning },
  maintenance: {
    title: '10,000 commits with maintenance, against a table written at once',
    measure: measureMaintenance
  }
}

export const main = async (args: readonly string[]): Promise<number> => {
  const flags = readFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`bench: ${problem}`)
    console.error('bench: --help explains every flag')
    return 2
  }
  const workspace = await Workspace.open(flags.folder)
  const cleanUp = () => void workspace.close().then(() => process.exit(130))
  // Ctrl-C is two signals: the terminal's, and the one that the launcher passes on.
  for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.on(signal, cleanUp)
  process.channel?.unref() // to be told of the launcher's end is no reason to go on
  try {
    return await measureAll(flags, workspace)
  } finally {
    await workspace.close()
  }
}

const measureAll = async (flags: BenchFlags, workspace: Workspace): Promise<number> => {
  const environment = await describeEnvironment(workspace.root)
  console.log(`bench: ${Object.values(environment).join(' · ')}`)
  const busyShares: number[] = []
  const context: BenchContext = {
    workspace,
    runs: flags.runs,
    seconds: flags.seconds,
    profile: flags.profile === undefined ? undefined : resolve(flags.profile),
    progress: (text) => console.log(`bench: ${text}`),
    settle: async () => {
      const { isQuiet, busyShare } = await awaitQuiet(flags.quietSeconds)
      busyShares.push(busyShare)
      if (isQuiet) return
      console.log(`bench: going on beside other work: ${(busyShare * 100).toFixed(0)} % busy`)
    },
    tradesFolder: undefined,
    tableRows: flags.tableRows
  }
  const measured: Figure[] = []
  for (const id of flags.only) {
    const figure = await measureFigure(id, flags, context)
    measured.push({ ...figure, busyShares: busyShares.splice(0) })
  }
  const notes = noteLines(measured)
  const lines = [...tableLines(measured), ...(notes.length > 0 ? ['', ...notes] : [])]
  console.log(`\n${lines.join('\n')}`)
  if (flags.out !== undefined) {
    const { runs, seconds } = flags
    const results = {
      environment,
      command: commandOf(flags, environment.nice),
      settings: { runs, seconds },
      figures: measured.map(figureJson)
    }
    await mkdir(dirname(resolve(flags.out)), { recursive: true })
    await writeFile(resolve(flags.out), `${JSON.stringify(results, null, 2)}\n`)
    console.log(`\nbench: written to ${flags.out}`)
  }
  return measured.some(isFailed) ? 1 : 0
}

const measureFigure = async (
  id: FigureId,
  { quietSeconds }: BenchFlags,
  context: BenchContext
): Promise<Omit<Figure, 'busyShares'>> => {
  const { title, measure } = figures[id]
  const outsideLoad = await awaitQuiet(quietSeconds)
  const { isQuiet, busyShare, waitedSeconds, loadAverage } = outsideLoad
  context.progress(
    `${id}: ${title}; the machine is ${isQuiet ? 'quiet' : 'NOT quiet'} after ${waitedSeconds} s ` +
      `(${(busyShare * 100).toFixed(1)} % busy, load ${loadAverage.join(' ')})`
  )
  const startedAt = new Date().toISOString()
  const outcome = await measure(context).catch((error: unknown): Outcome => {
    const failure = error instanceof Error ? error.message : String(error)
    return { measures: [], failures: [failure], notes: [] }
  })
  return { id, title, startedAt, outsideLoad, ...outcome }
}
