/**
 * The independent checker: what the exchange issued, what the log holds and what PyIceberg reads
 * from the table. It shares no code with K2 (no module of `src/` is imported here), so that a
 * mistake of K2 cannot excuse itself.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Explanation, type IssueSpan, openEvidence } from './evidence.ts'
import { dumpEmbeddedLog, type DumpedLog, dumpKafkaTopic } from './log-dump.ts'
import { dumpPlainTable, type PlainTable } from './table-files.ts'
import { judge, type Verdict } from './verdict.ts'

/** Which log; `python` below must have `confluent_kafka` for Kafka. */
export type LogSource =
  | { readonly folder: string; readonly topic: string }
  | { readonly brokers: string; readonly topic: string }

/**
 * Which table: its metadata file, or a catalog in PyIceberg's own properties; or one whose files
 * lie on this machine, which is read without Python.
 */
export type TableSource =
  | { readonly plain: PlainTable }
  | { readonly metadata: string }
  | { readonly catalog: Readonly<Record<string, string>>; readonly name: string }

export interface OracleInput {
  /** Folder of the exchange's record. */
  readonly issued: string
  readonly log: LogSource | undefined
  readonly table: TableSource
  readonly explanations?: readonly Explanation[]
  readonly whole?: IssueSpan
  readonly cutGraceMs?: number
  /** An interpreter with PyIceberg; of use for a plain table with no log of Kafka to none. */
  readonly python?: string
}

const cutGraceMsDefault = 2_000
const outputBytesMax = 16 * 1_024 ** 2

/** @throws EvidenceIncomplete, LogUnreadable, or what the tools say where nothing can be judged */
export const examineDelivery = async (input: OracleInput): Promise<Verdict> => {
  const work = mkdtempSync(join(tmpdir(), 'oracle-'))
  try {
    const csv = join(work, 'log.csv')
    const log = input.log === undefined ? undefined : await dumpLog(input.log, csv, input.python)
    const table = await dumpTable(input, join(work, 'table.parquet'))
    const evidence = await openEvidence(work, {
      issued: input.issued,
      log: log === undefined ? undefined : csv,
      table: table.rows === 0 ? undefined : join(work, 'table.parquet'),
      explanations: input.explanations ?? [],
      whole: input.whole,
      cutGraceMs: input.cutGraceMs ?? cutGraceMsDefault,
      partitionCounts: partitionCountsOf(table.summary, input.log?.topic)
    })
    try {
      return await judge(evidence, log?.identity)
    } finally {
      evidence.close()
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const dumpLog = (
  source: LogSource,
  csv: string,
  python = 'python3'
): DumpedLog | Promise<DumpedLog> =>
  'folder' in source
    ? dumpEmbeddedLog(source.folder, source.topic, csv)
    : dumpKafkaTopic(python, { ...source, csv })

interface DumpedTable {
  readonly rows: number
  readonly summary: Readonly<Record<string, string>>
}

const dumpTable = async (
  { table, python = 'python3' }: OracleInput,
  path: string
): Promise<DumpedTable> => {
  if ('plain' in table) return dumpPlainTable(table.plain, path)
  const source =
    'metadata' in table ? [table.metadata] : [JSON.stringify(table.catalog), table.name]
  const script = join(dirname(fileURLToPath(import.meta.url)), 'dump_table.py')
  const output = execFileSync(python, [script, ...source, path], {
    encoding: 'utf8',
    maxBuffer: outputBytesMax,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  return JSON.parse(output) as DumpedTable
}

/** By topic; of the topic asked for, or of all. */
const partitionCountsOf = (
  summary: DumpedTable['summary'],
  only: string | undefined
): ReadonlyMap<string, number> => {
  const recorded = JSON.parse(summary['k2.partitions'] ?? '{}') as Readonly<
    Record<string, Readonly<Record<string, number>>>
  >
  return new Map(
    Object.values(recorded)
      .flatMap((topics) => Object.entries(topics))
      .filter(([topic]) => only === undefined || topic === only)
  )
}
