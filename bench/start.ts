/**
 * From `npm start` (without npm itself) to trades over HTTP: on an empty folder, again on the
 * folder that the first start left, and on one with a thousand commits behind it. "Cold" is the
 * folder; programs lie in the page cache.
 */
import { join } from 'node:path'
import { atMost, type Bar } from './bars.ts'
import type { BenchContext } from './context.ts'
import { pause } from './environment.ts'
import { buildHistory } from './history.ts'
import { HttpClient } from './http-client.ts'
import { Measures, type Outcome } from './report.ts'
import { repeatFaults } from './run-check.ts'
import { apiUrl } from './system.ts'
import { readTable } from './table-check.ts'
import { projectRoot } from './workspace.ts'

const pollMs = 5
const firstTradeMsMax = 30_000
const endMsMax = 15_000
/** The answer shows that it is live: its newest trade is at most this old. */
const ageMsMax = 10_000
const pastCommits = 1_000
/** Of five seconds at the default rate, as a default K2 commits. */
const pastCommitRows = 500

const pastBar = atMost(3)

export const measureStart = async (context: BenchContext): Promise<Outcome> => {
  const measures = new Measures()
  const past = await context.workspace.folder('past')
  await buildHistory(past, pastCommits, pastCommitRows)
  context.progress(`start: a table with ${pastCommits} commits is built`)
  for (let run = 1; run <= context.runs && measures.failures.length === 0; run += 1) {
    await context.settle()
    const folder = await context.workspace.folder('start')
    await startOnce(context, { folder, name: 'empty folder', measures })
    await startOnce(context, { folder, name: 'second start', measures })
    await context.workspace.discard(folder)
    // Always the same folder, which gets a few commits more each time: a table cannot be moved.
    const name = `start after ${pastCommits} commits`
    await startOnce(context, { folder: past, name, measures, bar: pastBar })
    const seconds = measures.last(`${name}: first trade received since, served`)
    context.progress(`start run ${run}: ${seconds.toFixed(2)} s to the first trade, ${name}`)
  }
  return measures.outcome
}

interface Attempt {
  readonly folder: string
  readonly name: string
  readonly measures: Measures
  /** For the time to the first trade. */
  readonly bar?: Bar
}

const startOnce = async (
  { workspace }: BenchContext,
  { folder, name, measures, bar }: Attempt
): Promise<void> => {
  const running = workspace.start({
    name: 'K2',
    args: [join(projectRoot, 'scripts', 'run.mjs'), 'src/main.ts'],
    env: { K2_HTTP_PORT: '0', K2_DATA_DIR: folder }
  })
  const since = () => (Date.now() - running.startedMs) / 1_000
  const client = new HttpClient(await apiUrl(running))
  measures.add(`${name}: API listens`, 's', since())
  let isRecent = false
  for (;;) {
    const newest = await newestTrade(client)
    if (!isRecent && newest !== undefined && Date.now() - newest.tradeMs < ageMsMax) {
      isRecent = true
      measures.add(`${name}: first answer with a trade of the last 10 s`, 's', since())
    }
    if (newest !== undefined && newest.receivedMs >= running.startedMs) break
    if (since() * 1_000 > firstTradeMsMax) throw new Error(`${name}: no trade was served`)
    await pause(pollMs)
  }
  measures.add(`${name}: first trade received since, served`, 's', since(), bar)
  client.close()
  const drainingMs = performance.now()
  const exitCode = await running.end(endMsMax)
  measures.add(`${name}: drained after SIGTERM`, 's', (performance.now() - drainingMs) / 1_000)
  if (exitCode !== 0) measures.failures.push(`${name}: K2 ended with ${String(exitCode)}`)
  const repeats = repeatFaults(await readTable(folder))
  measures.failures.push(...repeats.map((repeat) => `${name}: ${repeat}`))
}

const newestTrade = async (client: HttpClient) => {
  const { status, text } = await client.get('/v1/trades?limit=1')
  if (status !== 200) return undefined
  const { data } = JSON.parse(text) as {
    readonly data: readonly { readonly timestamp: string; readonly ingestion_timestamp: string }[]
  }
  const [row] = data
  if (row === undefined) return undefined
  return { tradeMs: Date.parse(row.timestamp), receivedMs: Date.parse(row.ingestion_timestamp) }
}
