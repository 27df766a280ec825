/**
 * Rules, dashboards and runbook against a K2 that goes through everything at once
 * (`demo/storm.ts`): whatever they ask for is there, under these names, with these labels.
 *
 * 1. Names and labels are held against the live `/metrics`, so that a rename silences nothing.
 * 2. The first look of every section of the runbook is run as it is written, one by a shell.
 * 3. With services, a real Prometheus scrapes it all: every rule evaluates, no panel is empty, and
 *    alerts fire that should.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readRunbook } from '../../chaos/runbook.ts'
import { withoutSettings } from '../../chaos/without-settings.ts'
import { storm, stormSettings } from '../../demo/storm.ts'
import { dashboards } from '../../deploy/grafana/source/all.ts'
import { grafanaJson } from '../../deploy/grafana/source/dashboard.ts'
import { openStack, type Stack } from '../../deploy/local/stack.ts'
import { runK2 } from '../../src/cli/k2.ts'
import { rules } from '../deploy/alert-files.ts'
import { expanded, labelFaults, selectorsOf } from '../deploy/promql.ts'
import { k2Fixture } from '../support/k2-process.ts'
import { areServicesRequired, serviceStartMsMax } from '../support/kafka/kafka-stack.ts'
import { queryRange, ruleStates } from '../../demo/pictures/prometheus.ts'
import { until } from '../support/until.ts'

const projectRoot = fileURLToPath(new URL('../..', import.meta.url))
const partMs = 4_000
const commandMsMax = 60_000
const firingMsMax = 30_000
const k2s = k2Fixture()
let stack: Stack | undefined

afterAll(() => stack?.destroy())

interface Board {
  readonly title: string
  readonly panels: readonly {
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

const panels = Object.values(dashboards)
  .map((dashboard) => JSON.parse(grafanaJson(dashboard)) as Board)
  .flatMap(({ title, panels: all }) =>
    all.flatMap(({ title: panel, targets = [] }) =>
      targets.map(({ expr }) => ({ name: `${title} / ${panel}`, expr }))
    )
  )
const expressions = [...rules, ...panels].map(({ expr }) => expanded(expr))

/** Metrics that are told, and the labels of their series; those that have none yet, have none. */
const liveLabels = (exposition: string): ReadonlyMap<string, ReadonlySet<string>> => {
  const live = new Map<string, Set<string>>()
  const labelsOf = (name: string) => live.get(name) ?? live.set(name, new Set()).get(name)!
  for (const line of exposition.split('\n')) {
    const [, name = '', type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    const endings = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
    if (type !== undefined) for (const ending of endings) labelsOf(`${name}${ending}`)
    const [, series, labels = ''] = /^([a-zA-Z_]\w*)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    if (series === undefined) continue
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) labelsOf(series).add(label)
  }
  return live
}

/** (1) What has no series yet says nothing about its labels: `test/deploy` asks its declaration. */
const expectLive = (exposition: string): void => {
  const live = liveLabels(exposition)
  const asked = new Set(expressions.flatMap(selectorsOf).map(({ name }) => name))
  expect([...asked].filter((name) => !live.has(name))).toEqual([])
  const silent = [...asked].filter((name) => live.get(name)?.size === 0)
  const faults = expressions.flatMap((expr) => labelFaults(expr, live))
  const isSilent = (fault: string) => silent.some((name) => fault.startsWith(`${name} has no`))
  expect([...new Set(faults)].filter((fault) => !isSilent(fault))).toEqual([])
}

type Settings = Readonly<Record<string, string>>

interface Ran {
  readonly code: number
  readonly output: string
}

/** As somebody types it who has K2's settings in the environment. */
const typed = (command: string, settings: Settings): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { ...withoutSettings(process.env), ...settings }
    const options = { cwd: projectRoot, env, timeout: commandMsMax }
    execFile('bash', ['-c', command], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? -1)
      resolve({ code, output: code === 0 || code === 1 ? stdout : `${stdout}${stderr}` })
    })
  })

/** The same without a process of its own. */
const ran = async (command: string, settings: Settings): Promise<Ran> => {
  expect(command).toMatch(/^npx k2 [\w -]+$/)
  const output: string[] = []
  const print = (text: string) => output.push(text)
  const code = await runK2(command.split(' ').slice(2), settings, { print, complain: print })
  return { code, output: output.join('\n') }
}

/** (2) Exit code 1 says that something is not well: that is what is looked for. */
const expectRunbook = async (settings: Settings): Promise<void> => {
  const commands = new Set(readRunbook(projectRoot).flatMap(({ firstLook }) => firstLook))
  expect(commands.size).toBeGreaterThan(10)
  const outcomes = new Map<string, Ran>()
  for (const command of commands) outcomes.set(command, await ran(command, settings))
  const [first = ''] = commands
  outcomes.set(`${first}, typed`, await typed(first, settings))
  const failed = [...outcomes].filter(
    ([, { code, output }]) => (code !== 0 && code !== 1) || output.trim() === ''
  )
  expect(failed).toEqual([])
}

/** (3) */
const expectPrometheus = async (base: string, fromSeconds: number): Promise<void> => {
  const sick = (await ruleStates(base)).filter(({ health }) => health !== 'ok')
  expect(sick.map(({ name, lastError }) => `${name}: ${lastError}`)).toEqual([])
  const span = [fromSeconds, Date.now() / 1_000] as const
  const empty: string[] = []
  for (const { name, expr } of panels) {
    const asked = expr.replaceAll('$__rate_interval', '5s').replaceAll('$instance', '.+')
    if ((await queryRange(base, asked, span)).length === 0) empty.push(`${name}: ${asked}`)
  }
  expect(empty.filter((it) => !it.includes('> 0:') && !it.endsWith('> 0'))).toEqual([])
  for (const happened of [
    'k2_spool_records > 0',
    'k2_gaps_open_trades{reason="shed"} > 0',
    'k2_messages_shed_total{symbol_tier="3"} > 0',
    'k2_degradation_level == 3',
    'ALERTS{alertname="K2DeadLetters",alertstate="firing"}',
    'ALERTS{alertname="K2RecordsShed"}',
    'ALERTS{alertname="K2Degraded"}'
  ]) {
    await until(
      async () => {
        const found = await queryRange(base, happened, [fromSeconds, Date.now() / 1_000])
        return found.length > 0 ? true : undefined
      },
      { what: happened, msMax: firingMsMax, everyMs: 500 }
    )
  }
}

test(
  'what rules, dashboards and runbook ask of K2 is there',
  async () => {
    const folder = k2s.dataFolder()
    const k2 = k2s.start({ ...stormSettings, K2_DATA_DIR: folder })
    const url = await k2.ready()
    const { port, host } = new URL(url)
    if (areServicesRequired) {
      stack = await openStack({
        folder: mkdtempSync(join(tmpdir(), 'k2-prometheus-')),
        services: ['prometheus'],
        metricsAddress: host
      })
    }
    const fromSeconds = Date.now() / 1_000
    await storm({ url, partMs, say: () => undefined })
    expectLive((await k2.get('/metrics')).text)
    await expectRunbook({ K2_HTTP_PORT: port, K2_DATA_DIR: folder })
    if (stack !== undefined) await expectPrometheus(stack.addresses.prometheusUrl, fromSeconds)
  },
  serviceStartMsMax
)
