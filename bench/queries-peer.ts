/**
 * The seed's five queries to K2 over HTTP and to PyIceberg with DuckDB in Python, in turn over the
 * same table.
 *
 * 1. Both answer the same, line by line; `queries` holds what K2 answers against DuckDB.
 * 2. A round asks each once in Python and `requestsEach` times of K2, one after the other; the
 *    ratio is of the medians. Both are warm.
 */
import { join } from 'node:path'
import { pythonWith } from '../test/support/python/venv.ts'
import { atLeast } from './bars.ts'
import type { BenchContext } from './context.ts'
import type { HttpClient } from './http-client.ts'
import { ask, dataOf } from './http-load.ts'
import { LineProcess } from './line-process.ts'
import { type RecordQuery, recordQueries } from './query-answers.ts'
import { lendQueryTable, openQueryTable, type QueryTable } from './query-table.ts'
import { Measures, type Outcome } from './report.ts'
import { median } from './statistics.ts'
import { silent, withK2 } from './system.ts'
import { newestMetadata } from './table-check.ts'
import { projectRoot } from './workspace.ts'

const packages = ['pyiceberg[pyarrow,pyiceberg-core]==0.12.0', 'duckdb==1.4.3']
const rounds = 3
const requestsEach = 50
const warmUpRequests = 50
const ratioBar = atLeast(10)

export const measureQueriesPeer = async (context: BenchContext): Promise<Outcome> => {
  const python = pythonWith('pyiceberg-queries-1', packages)
  const table = await openQueryTable(context.progress, context.tableRows)
  const measures = new Measures()
  measures.add('rows', '', table.rows)
  for (let run = 1; run <= context.runs && measures.failures.length === 0; run += 1) {
    await lendQueryTable(table, async () => {
      await context.settle()
      await measureRun(context, { python, table }, measures)
    })
  }
  return measures.outcome
}

interface Asked {
  readonly python: string
  readonly table: QueryTable
}

const measureRun = async (
  { workspace, progress }: BenchContext,
  { python, table }: Asked,
  measures: Measures
): Promise<void> => {
  const script = join(projectRoot, 'bench', 'pyiceberg_queries.py')
  const metadataFile = await newestMetadata(table.folder)
  const peer = new LineProcess('PyIceberg', python, [script, metadataFile])
  try {
    const { rows } = await peer.answer<{ readonly rows: number }>()
    if (rows !== table.rows) throw new Error(`PyIceberg sees ${rows} rows`)
    await withK2(workspace, table.folder, silent, async ({ client }) => {
      for (const query of recordQueries(table.newestUs))
        await measureOne({ client, peer, query }, measures, progress)
    })
  } catch (error) {
    measures.failures.push(error instanceof Error ? error.message : String(error))
  } finally {
    await peer.end()
  }
}

interface Both {
  readonly client: HttpClient
  readonly peer: LineProcess
  readonly query: RecordQuery
}

const measureOne = async (
  { client, peer, query }: Both,
  measures: Measures,
  progress: (text: string) => void
): Promise<void> => {
  const { name, question, asked, linesOf } = query
  const { symbols, fromUs, limit } = asked
  const line = JSON.stringify({ symbols, from_us: fromUs, limit })
  const inPython = () => peer.ask<{ tookMs: number; lines: readonly string[] }>(line)
  const overHttp = async () => {
    const reply = await ask(client, question)
    return { tookMs: reply.tookMs, lines: linesOf(dataOf(reply)) }
  }
  const { lines } = await inPython()
  if (lines.length !== limit) throw new Error(`${name}: PyIceberg has ${lines.length} rows`)
  for (let request = 0; request < warmUpRequests; request += 1) await overHttp()
  const took = { k2: [] as number[], python: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    took.python.push((await inPython()).tookMs)
    for (let request = 0; request < requestsEach; request += 1) {
      const answer = await overHttp()
      if (answer.lines.join('\n') !== lines.join('\n'))
        throw new Error(`${name}: K2 and PyIceberg answer differently`)
      took.k2.push(answer.tookMs)
    }
  }
  const [k2, python] = [median(took.k2), median(took.python)]
  measures.add(`${name}: K2 over HTTP, p50`, 'ms', k2)
  measures.add(`${name}: PyIceberg and DuckDB, p50`, 'ms', python)
  measures.add(`${name}: PyIceberg over K2`, '×', python / k2, ratioBar)
  progress(`queries-peer: ${name}: ${k2.toFixed(1)} ms and ${python.toFixed(0)} ms`)
}
