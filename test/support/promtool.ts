/**
 * Prometheus' own checker, from Debian's package: the one on the PATH, or unpacked once under the
 * user's cache directory.
 *
 * Where neither is to be had, `promtool()` says why, and the test that needs it is skipped with
 * that message; with K2_REQUIRE_SERVICES=1 it throws instead.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const installMsMax = 240_000
const checkMsMax = 60_000

/** Runs promtool; `output` is both streams. */
export type Promtool = (...args: string[]) => { readonly code: number; readonly output: string }

export const promtool = (): { readonly run: Promtool } | { readonly missing: string } => {
  try {
    const program = find()
    return {
      run: (...args) => {
        const done = spawnSync(program, args, { encoding: 'utf8', timeout: checkMsMax })
        if (done.error !== undefined) throw done.error
        return { code: done.status ?? 1, output: done.stdout + done.stderr }
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    const missing = `promtool is not available: ${reason}`
    if (process.env['K2_REQUIRE_SERVICES'] === '1') throw new Error(missing, { cause: error })
    return { missing }
  }
}

const find = (): string => {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool'
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'k2')
  const folder = join(cache, 'prometheus')
  const program = join(folder, 'usr', 'bin', 'promtool')
  if (existsSync(program)) return program
  mkdirSync(cache, { recursive: true })
  const unfinished = mkdtempSync(`${folder}.unfinished-`)
  try {
    const execute = (command: string, args: readonly string[]) =>
      execFileSync(command, args, { cwd: unfinished, timeout: installMsMax, stdio: 'pipe' })
    try {
      execute('apt-get', ['download', '-qq', 'prometheus'])
    } catch {
      // A machine that was never asked for packages has no list of them.
      execute('apt-get', ['update', '-qq'])
      execute('apt-get', ['download', '-qq', 'prometheus'])
    }
    const archive = readdirSync(unfinished).find((name) => name.endsWith('.deb'))
    if (archive === undefined) throw new Error('apt-get downloaded nothing')
    execute('dpkg', ['-x', archive, '.'])
    // Another test may have unpacked the same meanwhile.
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return program
}
