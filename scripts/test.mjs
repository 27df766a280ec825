/** `npm test [-- vitest arguments]`: installs what is missing, then runs the tests once. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureInstalled, projectRoot } from './install.mjs'

ensureInstalled()
const vitest = spawn(
  process.execPath,
  [join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)],
  { cwd: projectRoot, stdio: 'inherit', env: { UV_THREADPOOL_SIZE: '16', ...process.env } }
)
vitest.on('exit', (code) => {
  process.exitCode = code ?? 1
})
