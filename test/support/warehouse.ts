/**
 * A table of a warehouse folder, or of a REST catalog and an object store, as others see it: the
 * catalog's pointer, then icebird and DuckDB over plain files. Nothing here is K2's own code.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { icebergManifests, icebergRead } from 'icebird'
import { pathOf, withFileFetch } from '../../chaos/oracle/local-objects.ts'

interface TableMetadata {
  readonly location: string
  readonly 'snapshot-log': readonly {
    readonly 'snapshot-id': number
    readonly 'timestamp-ms': number
  }[]
  readonly snapshots: readonly {
    readonly 'snapshot-id': number
    readonly 'parent-snapshot-id'?: number
    readonly summary: Readonly<Record<string, string>>
  }[]
  readonly 'current-snapshot-id': number | null
}

export interface OpenedTable {
  /** Path of the current metadata file. */
  readonly metadataPath: string
  readonly metadata: TableMetadata
  /** Of a table in an object store: where that keeps the objects of its buckets, as files. */
  readonly objects?: string
}

export interface DataFile {
  readonly path: string
  readonly rows: number
  readonly partition: { readonly exchange: string; readonly timestamp_day: number }
}

/** The current version of a table of `market` in a data folder; undefined where there is none. */
export const openTable = (dataFolder: string, name = 'trades'): OpenedTable | undefined => {
  const pointers = join(dataFolder, 'warehouse', '_catalog', 'market', name)
  const newest = namesIn(pointers).filter((name) => name.endsWith('.json')).sort().at(-1)
  if (newest === undefined) return undefined
  const pointer = JSON.parse(readFileSync(join(pointers, newest), 'utf8')) as {
    readonly 'metadata-location': string
  }
  const metadataPath = fileURLToPath(pointer['metadata-location'])
  const metadata = JSON.parse(readFileSync(metadataPath, 'utf8')) as TableMetadata
  return { metadataPath, metadata }
}

/** Where a stack has tables: its REST catalog, and its object store, which keeps plain files. */
export interface CatalogPlace {
  readonly catalogUri: string
  /** Folder that has a folder per bucket. */
  readonly objects: string
}

/** The current version of a table of `market` in a REST catalog; undefined where there is none. */
export const openCatalogTable = async (
  { catalogUri, objects }: CatalogPlace,
  name = 'trades'
): Promise<OpenedTable | undefined> => {
  const response = await fetch(tableAddress(catalogUri, name))
  if (response.status === 404) return undefined
  if (!response.ok) throw new Error(`the catalog answered ${response.status} for ${name}`)
  const loaded = (await response.json()) as {
    readonly 'metadata-location': string
    readonly metadata: TableMetadata
  }
  const metadataPath = pathOf(loaded['metadata-location'], objects)
  return { metadataPath, metadata: loaded.metadata, objects }
}

/** Takes a table of `market` out of a REST catalog, if it is there; its files stay. */
export const dropCatalogTable = async ({ catalogUri }: CatalogPlace, name: string) => {
  const response = await fetch(tableAddress(catalogUri, name), { method: 'DELETE' })
  if (!response.ok && response.status !== 404)
    throw new Error(`the catalog answered ${response.status} when ${name} was to be dropped`)
}

const tableAddress = (catalogUri: string, name: string): string =>
  `${catalogUri}/v1/namespaces/market/tables/${name}`

/** Summary of the current snapshot; empty where there is no snapshot. */
export const summaryOf = ({ metadata }: OpenedTable): Readonly<Record<string, string>> => {
  const current = metadata['current-snapshot-id']
  return metadata.snapshots.find((it) => it['snapshot-id'] === current)?.summary ?? {}
}

/** Live data files of the current snapshot, by icebird. */
export const dataFiles = (table: OpenedTable): Promise<readonly DataFile[]> =>
  withFileFetch(table, async () => {
    if (Object.keys(summaryOf(table)).length === 0) return []
    const manifests = await icebergManifests(table.metadata as never)
    return manifests
      .flatMap(({ entries }) => entries)
      .filter(({ status }) => status !== 2)
      .map(({ data_file: file }) => {
        const partition = file.partition as unknown as Record<string, unknown>
        return {
          path: pathOf(file.file_path, table.objects),
          rows: Number(file.record_count),
          partition: {
            exchange: String(partition['exchange']),
            timestamp_day: dayNumber(partition['timestamp_day'])
          }
        }
      })
  })

/** All rows, by icebird: decimals are doubles there. */
export const rowsByIcebird = (
  table: OpenedTable
): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  withFileFetch(table, () =>
    icebergRead({
      tableUrl: table.metadata.location,
      metadataFileName: basename(table.metadataPath)
    })
  )

/** Runs SQL in a DuckDB of its own; rows as arrays of text. */
export const runSql = async (sql: string): Promise<readonly (readonly (string | null)[])[]> => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  try {
    const connection = await instance.connect()
    await connection.run(`SET TimeZone = 'UTC'`)
    const reader = await connection.runAndReadAll(sql)
    const rows = reader
      .getRows()
      .map((row) => row.map((cell) => (cell === null ? null : String(cell))))
    connection.closeSync()
    return rows
  } finally {
    instance.closeSync()
  }
}

/** Names in a folder; none where it does not exist. */
export const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

const dayNumber = (value: unknown): number =>
  value instanceof Date ? value.getTime() / 86_400_000 : Number(value)
