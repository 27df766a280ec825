/**
 * PyIceberg for tests and benchmarks: installed once into a virtual environment under the user's
 * cache directory.
 *
 * Where Python, pip or the package registry are missing, `pyIceberg()` says why, and the test that
 * needs it is skipped with that message; with K2_REQUIRE_PYTHON=1 it throws instead.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const version = '0.12.0'
/** The benchmarks append to a partitioned table of an SQL catalog. */
const extras = 'pyarrow,pyiceberg-core,sql-sqlite'
const installMsMax = 240_000
const lockPollMs = 250
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
    return { python: install() }
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

const install = (): string => {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'k2')
  const home = join(cache, `pyiceberg-${version}-writing`)
  const python = join(home, 'bin', 'python')
  const marker = join(home, 'installed')
  const lock = `${home}.lock`
  mkdirSync(cache, { recursive: true })
  while (!existsSync(marker)) {
    if (!lockTaken(lock)) continue
    try {
      if (existsSync(marker)) break
      rmSync(home, { recursive: true, force: true })
      execute('python3', ['-m', 'venv', home])
      execute(python, [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        `pyiceberg[${extras}]==${version}`
      ])
      writeFileSync(marker, version)
    } finally {
      rmSync(lock, { recursive: true })
    }
  }
  return python
}

const execute = (command: string, args: readonly string[]): void => {
  execFileSync(command, args, { timeout: installMsMax, stdio: ['ignore', 'pipe', 'pipe'] })
}

/**
 * Whether the lock is ours now; else waits a little. A lock older than any install is left over.
 */
const lockTaken = (lock: string): boolean => {
  try {
    mkdirSync(lock)
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    const ageMs = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (ageMs > 2 * installMsMax) rmSync(lock, { recursive: true, force: true })
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockPollMs)
    return false
  }
}
