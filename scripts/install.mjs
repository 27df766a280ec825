/**
 * Makes `node_modules` match `package-lock.json`, so that every command works from a bare clone.
 * A stamp inside `node_modules` remembers which lock file it was installed from.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)))

const nodeMajorMin = 20

export const ensureInstalled = () => {
  if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
    console.error(`K2 needs Node ${nodeMajorMin} or newer, this is ${process.version}.`)
    process.exit(1)
  }
  const stampFile = join(projectRoot, 'node_modules', '.k2-installed')
  const lock = readFileSync(join(projectRoot, 'package-lock.json'))
  const lockHash = createHash('sha256').update(lock).digest('hex')
  const wanted = `${lockHash} ${process.platform} ${process.arch}`
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  console.error('Installing dependencies …')
  // Not `npm ci`: npm 11.19 refuses lock files without `resolved` addresses there. What the lock
  // file names is installed either way, and `--no-save` leaves it alone.
  const npm = spawnSync('npm', ['install', '--no-save'], {
    cwd: projectRoot,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32'
  })
  if (npm.status !== 0) {
    console.error('npm install failed; its output above says why. Mend that and run this again.')
    process.exit(1)
  }
  writeFileSync(stampFile, wanted)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureInstalled()
