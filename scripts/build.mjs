/**
 * Makes `dist/` match `src/`: plain JavaScript starts five times as fast as sources that are
 * translated while they are loaded, in the main thread and again in each worker.
 *
 * The translation goes to a folder of its own and is renamed into place, so that a build that is
 * interrupted, or two at once, never leave a half-written one.
 */
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectRoot } from './install.mjs'

const dist = join(projectRoot, 'dist')
const stamp = join(dist, '.built')

const newestMs = (path) =>
  statSync(path).isDirectory()
    ? Math.max(
        statSync(path).mtimeMs,
        ...readdirSync(path).map((name) => newestMs(join(path, name)))
      )
    : statSync(path).mtimeMs

const inputs = ['src', 'tsconfig.json', 'tsconfig.build.json'].map((name) =>
  join(projectRoot, name)
)

const isFresh = () =>
  existsSync(stamp) && statSync(stamp).mtimeMs > Math.max(...inputs.map(newestMs))

export const ensureBuilt = () => {
  if (isFresh()) return
  const fresh = `${dist}.${process.pid}`
  const tsc = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc')
  const build = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh], {
    cwd: projectRoot,
    stdio: ['ignore', 2, 2]
  })
  if (build.status !== 0) {
    rmSync(fresh, { recursive: true, force: true })
    console.error('The sources could not be translated; `npm run check` says more.')
    process.exit(1)
  }
  const style = join('visualizer', 'page.css')
  copyFileSync(join(projectRoot, 'src', style), join(fresh, style))
  writeFileSync(join(fresh, '.built'), '')
  const old = `${fresh}.old`
  if (existsSync(dist)) renameSync(dist, old)
  try {
    renameSync(fresh, dist)
  } catch {
    // Another build was faster; both are of the same sources.
    rmSync(fresh, { recursive: true, force: true })
  }
  rmSync(old, { recursive: true, force: true })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureBuilt()
