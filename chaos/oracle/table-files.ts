/**
 * The rows of a table without Python: icebird reads which files the current snapshot has, DuckDB
 * reads the files. For a table whose files lie on this machine, also those of an object store.
 */
import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import { icebergManifests } from 'icebird'
import { pathOf, TableUnsupported, withFileFetch } from './local-objects.ts'

export interface PlainTable {
  /** Path of the table's metadata file. */
  readonly metadataFile: string
  /** Of tables in an object store: the folder that has a folder per bucket. */
  readonly objects?: string | undefined
}

interface Metadata {
  readonly 'current-snapshot-id'?: number | null
  readonly snapshots?: readonly {
    readonly 'snapshot-id': number
    readonly summary: Readonly<Record<string, string>>
  }[]
}

const columns = [
  'message_id',
  'symbol',
  'exchange',
  '"timestamp"',
  'price',
  'quantity',
  'source_sequence',
  'k2_partition',
  'k2_offset'
]
const filesPerRead = 500
const dayMs = 86_400_000

/** Writes the rows into one Parquet file, with the partition of the data file of each. */
export const dumpPlainTable = async (table: PlainTable, path: string) => {
  const metadata = JSON.parse(readFileSync(table.metadataFile, 'utf8')) as Metadata
  const current = metadata['current-snapshot-id']
  const snapshot = metadata.snapshots?.find((it) => it['snapshot-id'] === current)
  if (snapshot === undefined) return { rows: 0, summary: {} }
  const files = await filesOf(metadata, table)
  const rows = files.length === 0 ? 0 : await copyRows(files, path)
  return { rows, summary: snapshot.summary }
}

interface DataFile {
  readonly path: string
  readonly exchange: string
  readonly day: number
}

const filesOf = async (metadata: Metadata, table: PlainTable): Promise<readonly DataFile[]> => {
  const manifests = await withFileFetch(table, () => icebergManifests(metadata as never))
  const entries = manifests.flatMap(({ entries }) => entries).filter(({ status }) => status !== 2)
  return entries.map(({ data_file: file }) => {
    if (file.content !== 0) throw new TableUnsupported(`${file.file_path} deletes rows`)
    const partition = file.partition as unknown as Readonly<Record<string, unknown>>
    const day = partition['timestamp_day']
    return {
      path: pathOf(file.file_path, table.objects),
      exchange: String(partition['exchange']),
      day: day instanceof Date ? day.getTime() / dayMs : Number(day)
    }
  })
}

const copyRows = async (files: readonly DataFile[], path: string): Promise<number> => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  try {
    const connection = await instance.connect()
    await connection.run(
      `SET TimeZone = 'UTC'; CREATE TABLE files (filename VARCHAR, file_exchange VARCHAR,
         file_day INTEGER)`
    )
    const reads: string[] = []
    for (let at = 0; at < files.length; at += filesPerRead) {
      const some = files.slice(at, at + filesPerRead)
      const values = some.map((it) => `(${text(it.path)}, ${text(it.exchange)}, ${it.day})`)
      await connection.run(`INSERT INTO files VALUES ${values.join()}`)
      const paths = some.map((it) => text(it.path)).join()
      const from = `read_parquet([${paths}], filename = true)`
      reads.push(`SELECT ${columns.join()}, filename FROM ${from}`)
    }
    const all = reads.join(' UNION ALL ')
    await connection.run(
      `COPY (SELECT * EXCLUDE (filename) FROM (${all}) JOIN files USING (filename))
       TO ${text(path)} (FORMAT parquet)`
    )
    const count = `SELECT count(*) FROM read_parquet(${text(path)})`
    const reader = await connection.runAndReadAll(count)
    connection.closeSync()
    return Number(reader.getRows()[0]?.[0])
  } finally {
    instance.closeSync()
  }
}

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`
