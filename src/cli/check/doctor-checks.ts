/** What `k2 doctor` finds in each table of the data folder; a K2 may go on meanwhile. */
import { maintainedTables } from '../../actors/operator/maintain-tables.ts'
import { doctorCommand } from '../doctor-command.ts'
import { type CheckContext, plural } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'

interface Report {
  readonly ok: boolean
  readonly rows?: number
  readonly files?: number
  readonly couldNotRun?: string
  readonly checks?: readonly { readonly ok: boolean; readonly name: string }[]
}

export const doctorChecks = async ({ config }: CheckContext): Promise<readonly CheckLine[]> => {
  const lines: CheckLine[] = []
  for (const table of Object.keys(maintainedTables)) {
    const printed: string[] = []
    const values = new Map([
      ['--json', ''],
      ['--table', table]
    ])
    const print = (text: string) => void printed.push(text)
    await doctorCommand.run({ config, values }, { print, complain: () => undefined })
    lines.push(doctorLine(table, JSON.parse(printed.join('\n')) as Report))
  }
  return lines
}

export const doctorLine = (table: string, report: Report): CheckLine => {
  const { ok, rows = 0, files = 0, couldNotRun, checks = [] } = report
  const name = `doctor of ${table}`
  if (couldNotRun !== undefined) return notConfigured('records', name, couldNotRun)
  const faults = checks.filter((it) => !it.ok)
  return line('records', name, {
    figure: ok
      ? `${plural(checks.length, 'check')} without a fault, ${rows} rows in ${files} files`
      : `faults in ${faults.map((it) => it.name).join(', ')}`,
    values: { rows, files, faults: faults.length },
    ...(ok ? {} : { remedy: `npm run k2 -- doctor --table ${table}`, isFailure: true })
  })
}
