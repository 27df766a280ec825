/**
 * K2 beside the same pipeline in Python, on the same topic of the same broker, in turns: as the
 * project that K2 rebuilds was configured (500 rows an append), and at K2's own interval of
 * commits. Both land into a table of the same schema, partitioning and sort order in a local
 * catalog of their own on the same disk.
 *
 * 1. Timed is from the first record read to the last commit; every table is read back, and has as
 *    many rows as its pipeline says.
 * 2. The pipeline in Python does less: it does not de-duplicate, look for gaps or set aside what is
 *    wrong, and its commits are not exactly once.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tradeV2Schema } from '../../src/market/records/trade-v2.ts'
import { pythonWith } from '../../test/support/python/venv.ts'
import { atLeast } from '../bars.ts'
import type { BenchContext } from '../context.ts'
import { type Broker, openBroker } from '../kafka-broker.ts'
import { fillTopic, landTopic } from '../kafka-backlog.ts'
import { landingFaults } from '../lander.ts'
import { defaults, topic } from '../landing.ts'
import { Measures, type Outcome } from '../report.ts'
import type { SentBySymbol } from '../run-check.ts'
import { newestMetadata } from '../table-check.ts'
import { projectRoot } from '../workspace.ts'

const recordsTotal = 2_000_000
/** Avro's single-object encoding: as long as no registry gives ids. */
const headerBytes = 10
const originalBatchRows = 500
/** A Python pipeline is stopped after so long: its rate has settled. */
const secondsMax = 40
const runMsMax = 600_000

const packages = [
  'confluent-kafka==2.14.2',
  'fastavro==1.13.1',
  'pyiceberg[pyarrow,pyiceberg-core,sql-sqlite]==0.12.0'
]

const originalBar = atLeast(10)
const intervalBar = atLeast(2)

export const measurePeers = async (context: BenchContext): Promise<Outcome> => {
  const { workspace, runs, settle, progress } = context
  const python = pythonWith('kafka-to-iceberg-1', packages)
  const measures = new Measures()
  const broker = await openBroker(await workspace.folder('broker'))
  try {
    const appended = await fillTopic(broker, recordsTotal)
    progress(`peers: ${recordsTotal.toLocaleString('en-US')} records stand in the topic`)
    for (let run = 1; run <= runs; run += 1) {
      await settle()
      const faults = await runOnce(context, measures, { broker, python, appended })
      measures.failures.push(...faults.map((fault) => `run ${run}: ${fault}`))
      if (faults.length > 0) break
      const ratio = (name: string) => measures.last(`K2 to ${name}`).toFixed(1)
      progress(`peers run ${run}: ${ratio(original)} and ${ratio(interval)} times as fast`)
    }
  } finally {
    await broker.close()
  }
  return measures.outcome
}

const original = `Python, ${originalBatchRows} rows an append`
const interval = `Python, an append each ${defaults.commitAgeMs / 1_000} s`

interface Course {
  readonly broker: Broker
  readonly python: string
  /** What the topic holds. */
  readonly appended: SentBySymbol
}

/** All three in turn; what was wrong. */
const runOnce = async (
  context: BenchContext,
  measures: Measures,
  { broker, python, appended }: Course
): Promise<readonly string[]> => {
  const { workspace } = context
  const folder = await workspace.folder('peers-k2')
  const report = await landTopic(context, broker, folder)
  const faults = await landingFaults(report, folder, appended)
  if (faults.length > 0) return faults
  const rate = report.rows / ((report.landedMs - report.startedMs) / 1_000)
  measures.add('K2', 'rows/s', rate)
  measures.add('K2: CPU per row', 'µs', (report.cpuSeconds * 1e6) / report.rows)
  const metadata = await newestMetadata(folder)
  const kinds = [
    { name: original, bar: originalBar, batch: { batchRows: originalBatchRows } },
    { name: interval, bar: intervalBar, batch: { batchSeconds: defaults.commitAgeMs / 1_000 } }
  ]
  for (const { name, bar, batch } of kinds) {
    const own = await workspace.folder('peers-python')
    const peer = await runPeer(python, {
      bootstrap: broker.bootstrap,
      topic,
      schema: JSON.stringify(tradeV2Schema),
      headerBytes,
      metadata,
      folder: own,
      rowsMax: recordsTotal,
      secondsMax,
      ...batch
    })
    if (peer.tableRows !== peer.rows) return [`${name}: ${peer.tableRows} rows of ${peer.rows}`]
    measures.add(name, 'rows/s', peer.rows / peer.seconds)
    measures.add(`${name}: rows`, 'rows', peer.rows)
    measures.add(`${name}: CPU per row`, 'µs', (peer.cpuSeconds * 1e6) / peer.rows)
    measures.add(`K2 to ${name}`, 'times', rate / (peer.rows / peer.seconds), bar)
    await workspace.discard(own)
  }
  await workspace.discard(folder)
  return []
}

interface PeerReport {
  readonly rows: number
  readonly appends: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly tableRows: number
}

const runPeer = async (python: string, options: object): Promise<PeerReport> => {
  const script = join(projectRoot, 'bench', 'peers', 'pipeline.py')
  const { stdout } = await promisify(execFile)(python, [script, JSON.stringify(options)], {
    encoding: 'utf8',
    timeout: runMsMax
  })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as PeerReport
}
