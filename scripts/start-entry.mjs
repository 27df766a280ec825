/**
 * Installs and builds what is missing, then runs an entry point: of `src/` as built, of other
 * folders straight from TypeScript.
 *
 * A child process, because UV_THREADPOOL_SIZE is read before any script runs: DuckDB blocks libuv
 * threads, and the default of four would let queries starve file I/O and commits. Its flags are
 * those of `node-flags.mjs`.
 * The child drains on SIGINT and SIGTERM, and on losing this process (its IPC channel closes).
 * npm passes a signal to the shell that it runs scripts in, and that shell passes it to nobody: who
 * kills npm means this, so the shell's end counts as SIGTERM.
 */
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { ensureBuilt } from './build.mjs'
import { ensureInstalled, projectRoot } from './install.mjs'
import { nodeFlags } from './node-flags.mjs'

export const makeReady = () => {
  ensureInstalled()
  ensureBuilt()
}

const shellLookMs = 500

/** Where what was built of a source lies. */
export const builtPath = (entry) =>
  join(projectRoot, entry.replace(/^src/, 'dist').replace(/\.ts$/, '.js'))

/** Of what is ready; ends this process with the exit code of the entry. */
export const startEntry = (entry, args) => {
  const program = entry.startsWith('src/')
    ? [builtPath(entry)]
    : ['--import', 'tsx', resolve(projectRoot, entry)]
  const child = spawn(process.execPath, [...nodeFlags, ...program, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { UV_THREADPOOL_SIZE: '16', ...process.env }
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  const shell = process.ppid
  const watching =
    process.env['npm_lifecycle_event'] === undefined
      ? undefined
      : setInterval(() => {
          if (process.ppid === shell) return
          clearInterval(watching)
          child.kill('SIGTERM')
        }, shellLookMs)
  child.on('exit', (code, signal) => {
    clearInterval(watching)
    if (signal !== null) console.error(`ended by ${signal}`)
    // Not by running out of work: Node takes the handlers away first, and a late signal kills.
    process.exit(code ?? 1)
  })
}
