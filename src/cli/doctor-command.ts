/** `npm run k2 -- doctor`: examines a table and its log, and says what is wrong. */
import * as Effect from 'effect/Effect'
import { examine } from '../actors/operator/doctor.ts'
import type { Check, DoctorReport } from '../actors/operator/doctor-report.ts'
import { duration } from '../adapters/config/values.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import { FlagRejected, logFactsOf, openOperatorTable, tableFlag } from './operator-context.ts'

const dayMs = 86_400_000
const ageFlag = '--age-guard'

export const doctorCommand: Command = {
  name: 'doctor',
  about: 'Check a table, its files and the log against each other; reads only.',
  flags: [
    tableFlag,
    { name: '--json', about: 'Print the report as one JSON document.' },
    { name: '--quick', about: 'Leave out what needs reading the data files.' },
    {
      name: ageFlag,
      value: '3d',
      about: 'Files that nothing names are listed as orphans from this age on (preset 3d).'
    }
  ],
  examples: ['npm run k2 -- doctor', 'npm run k2 -- doctor --table market.quotes --quick --json'],
  exitCodes: { 0: 'no fault', 1: 'faults were found', 2: 'the examination could not be made' },
  run: (given, io) =>
    Effect.runPromise(
      examination(given).pipe(
        Effect.match({
          onSuccess: (report) => {
            io.print(
              given.values.has('--json') ? JSON.stringify(report, undefined, 2) : text(report)
            )
            return report.ok ? 0 : 1
          },
          onFailure: ({ message }) => couldNot(given, io, message)
        })
      )
    )
}

const examination = (given: Given) =>
  Effect.gen(function* () {
    const { values, config } = given
    const orphanAgeMsMin = yield* ageOf(values.get(ageFlag) ?? '3d')
    const context = yield* openOperatorTable(given)
    const log = logFactsOf(config, context)
    const isQuick = values.has('--quick')
    const { table, listBelow, spec } = context
    const isLedger = spec.name === 'gaps'
    const nowMs = Date.now()
    return yield* examine({ table, listBelow, log, orphanAgeMsMin, isQuick, isLedger, nowMs })
  })

const ageOf = (value: string) => {
  const parsed = duration(0, 3_650 * dayMs).parse(value)
  return 'value' in parsed
    ? Effect.succeed(parsed.value)
    : Effect.fail(new FlagRejected({ flag: ageFlag, value, allowed: parsed.allowed }))
}

const couldNot = ({ values }: Given, io: CommandIo, reason: string): number => {
  if (values.has('--json')) io.print(JSON.stringify({ ok: false, couldNotRun: reason }))
  io.complain(reason)
  return 2
}

const text = ({ ok, table, snapshotId, rows, files, checks }: DoctorReport): string => {
  const found = checks.reduce((sum, it) => sum + (it.ok ? 0 : it.count), 0)
  return [
    `${table}, snapshot ${snapshotId ?? 'none'}: ${rows} rows in ${files} files`,
    ...checks.flatMap(linesOf),
    ok ? 'no fault' : `${found} ${found === 1 ? 'fault' : 'faults'}`
  ].join('\n')
}

const linesOf = (check: Check): readonly string[] => {
  const { name, ok, count, checked, skipped, examples } = check
  const mark = skipped !== undefined ? '-' : !ok ? 'FAULT' : count > 0 ? 'note' : 'ok'
  const figures = skipped ?? (count === 0 ? `${checked} looked at` : `${count} of ${checked}`)
  return [
    `  ${mark.padEnd(6)}${name.padEnd(20)}${figures}`,
    ...examples.map((it) => `          ${it}`)
  ]
}
