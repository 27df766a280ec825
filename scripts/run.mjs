/**
 * `node scripts/run.mjs <entry.ts> [args]`: installs and builds what is missing, then runs an entry
 * point: of `src/` as built, of other folders straight from TypeScript.
 *
 * A child process, because UV_THREADPOOL_SIZE is read before any script runs: DuckDB blocks libuv
 * threads, and the default of four would let queries starve file I/O and commits. Its flags are
 * those of `node-flags.mjs`.
 * The child drains on SIGINT and SIGTERM, and on losing this process (its IPC channel closes).
 */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { ensureBuilt } from './build.mjs'
import { ensureInstalled, projectRoot } from './install.mjs'
import { nodeFlags } from './node-flags.mjs'

const [entry, ...args] = process.argv.slice(2)
if (entry === undefined) {
  console.error('usage: node scripts/run.mjs <entry.ts> [arguments]')
  process.exit(2)
}
ensureInstalled()
ensureBuilt()

const program = entry.startsWith('src/')
  ? [join(projectRoot, entry.replace(/^src/, 'dist').replace(/\.ts$/, '.js'))]
  : ['--import', 'tsx', resolve(projectRoot, entry)]
const child = spawn(process.execPath, [...nodeFlags, ...program, ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: { UV_THREADPOOL_SIZE: '16', ...process.env }
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  if (signal !== null) console.error(`ended by ${signal}`)
  process.exitCode = code ?? 1
})
