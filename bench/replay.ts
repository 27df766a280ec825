/**
 * A replay of the whole table over HTTP: six fields and all fifteen, beside DuckDB that writes the
 * same records in the same order to nowhere.
 *
 * 1. Counted are the lines that came; that these are all, and in order of time, is checked.
 * 2. Memory is that of the K2 process, sampled while it replays, over what it was before.
 */
import { DuckDBInstance } from '@duckdb/node-api'
import { Agent, request } from 'node:http'
import { atLeast, atMost } from './bars.ts'
import type { BenchContext } from './context.ts'
import { processUse } from './environment.ts'
import { lendQueryTable, openQueryTable, type QueryTable } from './query-table.ts'
import { Measures, type Outcome } from './report.ts'
import { apiUrl, type K2, silent, withK2 } from './system.ts'
import { tableFiles } from './table-check.ts'

const six = ['symbol', 'exchange', 'timestamp', 'price', 'quantity', 'side']
const MiB = 2 ** 20
const sampleMs = 100
const replayMsMax = 600_000

interface Measured {
  readonly name: string
  /** Undefined: all. */
  readonly fields: readonly string[] | undefined
  readonly rate: number
}

const all: readonly Measured[] = [
  { name: 'six fields', fields: six, rate: 800_000 },
  { name: 'all fifteen fields', fields: undefined, rate: 300_000 }
]

export const measureReplay = async (context: BenchContext): Promise<Outcome> => {
  const table = await openQueryTable(context.progress, context.tableRows)
  const measures = new Measures()
  measures.add('rows', '', table.rows)
  for (let run = 1; run <= context.runs && measures.failures.length === 0; run += 1) {
    await lendQueryTable(table, async () => {
      try {
        for (const one of all) await measureOne(context, table, one, measures)
      } catch (error) {
        measures.failures.push(error instanceof Error ? error.message : String(error))
      }
    })
  }
  return measures.outcome
}

/** A process of its own each: what the one before left in memory is not counted. */
const measureOne = async (
  context: BenchContext,
  table: QueryTable,
  { name, fields, rate }: Measured,
  measures: Measures
): Promise<void> => {
  const { workspace, progress } = context
  await withK2(workspace, table.folder, silent, async (k2) => {
    await context.settle()
    const replay = await replayed(k2, fields)
    if (replay.rows !== table.rows) throw new Error(`${name}: ${replay.rows} rows came`)
    const perSecond = (replay.rows / replay.tookMs) * 1_000
    measures.add(`replay, ${name}`, 'rows/s', perSecond, atLeast(rate))
    measures.add(`replay, ${name}: memory above idle`, 'MiB', replay.grownMiB, atMost(150))
    const cpu = (replay.cpuSeconds / replay.rows) * 1e6
    measures.add(`replay, ${name}: processor per 1 M rows`, 's', cpu)
    const raw = await rawMs(table, fields)
    measures.add(`the same by DuckDB alone, ${name}`, 'rows/s', (table.rows / raw) * 1_000)
    const grown = Math.round(replay.grownMiB)
    progress(`replay: ${name}: ${Math.round(perSecond)} rows/s, +${grown} MiB`)
  })
}

interface Replayed {
  readonly rows: number
  /** Of all threads of K2. */
  readonly cpuSeconds: number
  readonly tookMs: number
  readonly grownMiB: number
}

const replayed = async ({ running }: K2, fields: readonly string[] | undefined) => {
  const { residentBytes: before, cpuSeconds } = await processUse(running.pid)
  let most = before
  const sample = async () => {
    most = Math.max(most, (await processUse(running.pid)).residentBytes)
  }
  const sampler = setInterval(() => void sample(), sampleMs)
  try {
    const query = fields === undefined ? '' : `?fields=${fields.join(',')}`
    const url = `${await apiUrl(running)}/v1/replay/stream${query}`
    const came = await read(url)
    const after = await processUse(running.pid)
    const used = after.cpuSeconds - cpuSeconds
    return { ...came, cpuSeconds: used, grownMiB: (most - before) / MiB } satisfies Replayed
  } finally {
    clearInterval(sampler)
  }
}

/** Lines of records, once all have come in order and the last line says so. */
const read = (url: string): Promise<Pick<Replayed, 'rows' | 'tookMs'>> =>
  new Promise((resolve, reject) => {
    const startedMs = performance.now()
    const agent = new Agent()
    const sent = request(url, { agent, timeout: replayMsMax }, (response) => {
      const lines = new LineCount()
      response.on('data', (chunk: Buffer) => lines.add(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const tookMs = performance.now() - startedMs
        agent.destroy()
        const { rows, fault } = lines.told()
        if (fault === undefined) resolve({ rows, tookMs })
        else reject(new Error(fault))
      })
    })
    sent.on('error', reject)
    sent.on('timeout', () => sent.destroy(new Error('the replay stood still')))
    sent.end()
  })

const lineEnd = 10
const endChars = 400
const timeIn = /"timestamp":"([^"]+)"/

/** Counts lines; a time of each chunk shows that they come in order. */
class LineCount {
  #lines = 0
  #newest = ''
  #end = ''
  #fault: string | undefined

  add(chunk: Buffer): void {
    for (let at = chunk.indexOf(lineEnd); at !== -1; at = chunk.indexOf(lineEnd, at + 1))
      this.#lines++
    const [, time] = timeIn.exec(chunk.toString('latin1', 0, Math.min(chunk.length, 1_500))) ?? []
    if (time !== undefined) {
      if (time < this.#newest) this.#fault ??= `${time} came after ${this.#newest}`
      this.#newest = time
    }
    this.#end = `${this.#end}${chunk.toString('latin1').slice(-endChars)}`.slice(-endChars)
  }

  /** Lines of records; what is wrong where the last line does not say that these are all. */
  told(): { readonly rows: number; readonly fault: string | undefined } {
    const last = this.#end.trimEnd().split('\n').at(-1) ?? ''
    const note = JSON.parse(last) as { type?: string; count?: number; partial?: boolean }
    const rows = this.#lines - 1
    if (note.type !== 'replay.completed' || note.partial !== false || note.count !== rows)
      this.#fault ??= `${rows} lines, and then ${last}`
    return { rows, fault: this.#fault }
  }
}

/** DuckDB's own JSON, so that nothing of K2's making is compared with itself. */
const rawMs = async (
  { folder }: QueryTable,
  fields: readonly string[] | undefined
): Promise<number> => {
  const files = (await tableFiles(folder)).map((file) => `'${file}'`).join(', ')
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '1GB' })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const startedMs = performance.now()
    await connection.run(
      `COPY (SELECT ${fields?.join(', ') ?? '* EXCLUDE (k2_partition, k2_offset)'}
         FROM read_parquet([${files}])
         ORDER BY "timestamp", symbol, source_sequence, message_id) TO '/dev/null' (FORMAT json)`
    )
    return performance.now() - startedMs
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
