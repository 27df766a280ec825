/**
 * Python packages for tests and benchmarks: installed once into a virtual environment under the
 * user's cache directory.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const installMsMax = 240_000
const lockPollMs = 250

/**
 * The interpreter that has the packages, each with its version. `name` is that of its folder in the
 * cache: other packages need another one.
 * @throws what Python, pip or the registry of packages say
 */
export const pythonWith = (name: string, packages: readonly string[]): string => {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'k2')
  const home = join(cache, name)
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
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
      execute(python, [...pip, ...packages])
      writeFileSync(marker, packages.join('\n'))
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
