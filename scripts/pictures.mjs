/**
 * `npm run pictures`: makes the pictures of the documents anew, all of them of real runs: the page
 * while a broker dies and the presenter's (what their tests see), the dashboards (`npm run
 * dashboards` by itself), and a session at a terminal. Installs what it needs.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from './install.mjs'

const pictures = join(projectRoot, 'docs', 'pictures')
mkdirSync(pictures, { recursive: true })
const taken = mkdtempSync(join(tmpdir(), 'k2-pictures-'))
const run = (args, env = {}) => {
  const { status } = spawnSync(process.execPath, args, {
    cwd: projectRoot,
    stdio: 'inherit',
    env: { ...process.env, ...env }
  })
  if (status !== 0) process.exit(status ?? 1)
}
run([join('scripts', 'test.mjs'), 'test/e2e/page.test.ts'], {
  K2_REQUIRE_SERVICES: '1',
  K2_SCREENSHOTS: taken
})
for (const name of ['page-kafka-killed', 'page-aggressive', 'page-data'])
  copyFileSync(join(taken, `${name}.png`), join(pictures, `${name}.png`))
run([join('scripts', 'test.mjs'), 'test/demo/present.test.ts'], {
  K2_REQUIRE_SERVICES: '1',
  K2_SCREENSHOTS: taken
})
copyFileSync(join(taken, 'present-live.png'), join(pictures, 'present.png'))
rmSync(taken, { recursive: true, force: true })
run([join('scripts', 'run.mjs'), 'demo/pictures/main.ts'])
run([join('scripts', 'run.mjs'), 'scripts/record-terminal.ts', join(pictures, 'k2.cast')])
