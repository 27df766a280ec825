/**
 * PyIceberg for tests and benchmarks.
 *
 * Where Python, pip or the package registry are missing, `pyIceberg()` says why, and the test that
 * needs it is skipped with that message; with K2_REQUIRE_PYTHON=1 it throws instead.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../python/venv.ts'

const version = '0.12.0'
/** The benchmarks append to a partitioned table of an SQL catalog. */
const extras = 'pyarrow,pyiceberg-core,sql-sqlite'
const readMsMax = 120_000
const outputBytesMax = 256 * 1024 * 1024

export interface ReadBack {
  readonly schema: readonly (readonly [number, string, string, boolean])[]
  readonly spec: string
  readonly sort_order: string
  /** Files that the scan would open, after pruning. */
  readonly files: readonly string[]
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly inspect_files: readonly Readonly<Record<string, unknown>>[]
  readonly inspect_entries: readonly Readonly<Record<string, unknown>>[]
  readonly inspect_partitions: readonly Readonly<Record<string, unknown>>[]
  readonly inspect_snapshots: readonly Readonly<Record<string, unknown>>[]
}

/** The interpreter with PyIceberg, or the reason why there is none. */
export const pyIceberg = (): { readonly python: string } | { readonly missing: string } => {
  try {
    return {
      python: pythonWith(`pyiceberg-${version}-writing`, [`pyiceberg[${extras}]==${version}`])
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    const missing = `PyIceberg is not available: ${reason}`
    if (process.env['K2_REQUIRE_PYTHON'] === '1') throw new Error(missing, { cause: error })
    return { missing }
  }
}

/** Reads a table by its metadata file; `filter` is an expression such as `symbol = 'BTCUSDT'`. */
export const readBack = (python: string, metadataFile: string, filter?: string): ReadBack => {
  const script = fileURLToPath(new URL('read_back.py', import.meta.url))
  const filters = filter === undefined ? [] : [filter]
  const output = execFileSync(python, [script, metadataFile, ...filters], {
    encoding: 'utf8',
    timeout: readMsMax,
    maxBuffer: outputBytesMax,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  return JSON.parse(output) as ReadBack
}

export interface CatalogRead {
  readonly location: string
  readonly snapshots: number
  readonly rows: readonly {
    readonly message_id: string
    readonly k2_partition: string
    readonly k2_offset: number
  }[]
  readonly files: readonly string[]
  readonly total_records: string | null
}

/** Reads a table such as `market.trades` through a REST catalog. */
export const readThroughCatalog = (
  python: string,
  properties: Readonly<Record<string, string>>,
  table: string
): CatalogRead => {
  const script = fileURLToPath(new URL('read_catalog.py', import.meta.url))
  const output = execFileSync(python, [script, JSON.stringify(properties), table], {
    encoding: 'utf8',
    timeout: readMsMax,
    maxBuffer: outputBytesMax,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  return JSON.parse(output) as CatalogRead
}
