/**
 * `npm run dashboards`: the dashboards as pictures, `docs/pictures/*.svg`, of a real run: K2 goes
 * through a storm (`demo/storm.ts`), a Prometheus of its own scrapes it and is asked what the
 * panels ask. Grafana is not needed; its JSON says what is drawn and where.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { K2Member } from '../../chaos/k2-member.ts'
import { dashboards } from '../../deploy/grafana/source/all.ts'
import { grafanaJson } from '../../deploy/grafana/source/dashboard.ts'
import { openStack } from '../../deploy/local/stack.ts'
import { ensureBuilt } from '../../scripts/build.mjs'
import { storm, stormSettings } from '../storm.ts'
import { type Board, dashboardSvg } from './dashboard-svg.ts'
import { queryRange } from './prometheus.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')
const pictures = join(projectRoot, 'docs', 'pictures')
const partMs = 10_000
const readyMsMax = 120_000
const off = 'off,off,off,off'
/** How fast the event loop of this machine turns is not what is shown. */
const unhurried = { K2_DEGRADATION_LOOP_DELAY_ENTER: off, K2_DEGRADATION_LOOP_DELAY_LEAVE: off }

const say = (text: string): void => console.log(`dashboards: ${text}`)

const main = async (folder: string): Promise<void> => {
  ensureBuilt()
  const k2 = new K2Member({
    name: 'k2',
    cwd: projectRoot,
    outputFile: join(folder, 'k2.log'),
    env: { ...stormSettings, ...unhurried, K2_DATA_DIR: join(folder, 'data') }
  })
  k2.start()
  await k2.ready(readyMsMax)
  const url = await k2.url()
  const stack = await openStack({
    folder: join(folder, 'stack'),
    services: ['prometheus'],
    metricsAddress: new URL(url).host
  })
  try {
    const fromSeconds = Math.floor(Date.now() / 1_000)
    await storm({ url, partMs, say })
    await draw(stack.addresses.prometheusUrl, [fromSeconds, Math.floor(Date.now() / 1_000)])
  } finally {
    await stack.close()
    await k2.end('SIGTERM')
  }
}

const draw = async (base: string, span: readonly [number, number]): Promise<void> => {
  mkdirSync(pictures, { recursive: true })
  for (const [name, dashboard] of Object.entries(dashboards)) {
    const board = JSON.parse(grafanaJson(dashboard)) as Board
    const answers = new Map<number, Awaited<ReturnType<typeof queryRange>>[]>()
    for (const { id, targets = [] } of board.panels) {
      const asked = targets.map(({ expr }) =>
        expr.replaceAll('$__rate_interval', '5s').replaceAll('$instance', '.+')
      )
      answers.set(id, await Promise.all(asked.map((expr) => queryRange(base, expr, span))))
    }
    writeFileSync(join(pictures, `${name}.svg`), dashboardSvg(board, answers, span))
    say(`docs/pictures/${name}.svg`)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'k2-pictures-'))
try {
  await main(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
