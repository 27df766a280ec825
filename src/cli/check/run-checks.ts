/**
 * Runs the checks one after the other, so that none disturbs what another one measures.
 *
 * 1. A check that cannot be made is a line that says why; the others go on.
 */
import { apiChecks } from './api-checks.ts'
import { backupChecks } from './backup-checks.ts'
import { type CheckContext, reasonOf } from './check-context.ts'
import { type CheckGroup, type CheckLine, type CheckReport, reportOf } from './check-report.ts'
import { composeChecks } from './compose-checks.ts'
import { doctorChecks } from './doctor-checks.ts'
import { flowChecks } from './flow-checks.ts'
import { machineChecks } from './machine-checks.ts'
import { metricChecks } from './metric-checks.ts'
import { alertChecks, dashboardChecks } from './monitoring-checks.ts'
import { recordChecks } from './record-checks.ts'
import { serviceChecks } from './service-checks.ts'
import { stackChecks } from './stack-checks.ts'
import { tableChecks } from './table-checks.ts'

interface Check {
  readonly group: CheckGroup
  /** Whether it asks a K2 that runs. */
  readonly needsK2: boolean
  readonly run: (context: CheckContext) => Promise<readonly CheckLine[]>
}

const everyRun: readonly Check[] = [
  { group: 'machine', needsK2: false, run: machineChecks },
  { group: 'services', needsK2: false, run: serviceChecks },
  { group: 'stack', needsK2: false, run: stackChecks },
  { group: 'feeds', needsK2: true, run: flowChecks },
  { group: 'tables', needsK2: true, run: tableChecks },
  { group: 'metrics', needsK2: true, run: metricChecks },
  { group: 'compose', needsK2: false, run: composeChecks },
  { group: 'dashboards', needsK2: false, run: dashboardChecks },
  { group: 'alerts', needsK2: false, run: alertChecks }
]

const fullRun: readonly Check[] = [
  ...everyRun,
  { group: 'api', needsK2: true, run: apiChecks },
  { group: 'records', needsK2: true, run: recordChecks },
  { group: 'records', needsK2: false, run: doctorChecks },
  { group: 'backup', needsK2: false, run: backupChecks }
]

export const runChecks = async (
  context: CheckContext,
  tell: (about: string) => void,
  isFull: boolean
): Promise<CheckReport> => {
  const { url, isRunning } = context
  const startedMs = performance.now()
  const at = new Date().toISOString()
  const lines: CheckLine[] = []
  const checks = isFull ? fullRun : everyRun
  for (const check of checks.filter(({ needsK2 }) => isRunning || !needsK2)) {
    tell(`checks ${check.group}`)
    lines.push(...(await made(check, context)))
  }
  const seconds = (performance.now() - startedMs) / 1_000
  return reportOf({ url, isRunning, at, seconds }, lines)
}

/** (1) */
const made = async (
  { group, run }: Check,
  context: CheckContext
): Promise<readonly CheckLine[]> => {
  try {
    return await run(context)
  } catch (error) {
    const figure = `could not be asked: ${reasonOf(error)}`
    // At the last level reads are refused by rule.
    const isRefused = figure.includes('answers 503')
    const remedy = `npm run k2 -- ${isRefused ? 'level show' : 'actors --unwell'}`
    return [{ group, name: group, state: 'failed', figure, remedy }]
  }
}
