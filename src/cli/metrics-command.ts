/** `npm run k2 -- metrics NAME…`: series of a running K2, those whose names begin so. */
import * as Effect from 'effect/Effect'
import { apiExitCodes, openAnswer, runCommand, urlFlag } from './ask-api.ts'
import type { Command } from './command-line.ts'

const nonzeroFlag = { name: '--nonzero', about: 'Only those that are not 0.' }

export const metricsCommand: Command = {
  name: 'metrics',
  about: 'Print series of a running K2, as Prometheus is told them: all, or those named.',
  operands: '[NAME…]',
  flags: [urlFlag, nonzeroFlag],
  notes: [
    'A name stands for all that begin with it, with k2_ or without; what buckets count is left ' +
      'out, unless a name ends with _bucket.'
  ],
  examples: ['npm run k2 -- metrics spool circuit', 'npm run k2 -- metrics --nonzero k2_gaps'],
  exitCodes: { 0: 'answered', 1: 'there is no such series', ...apiExitCodes },
  run: (given, io) =>
    runCommand(
      io,
      Effect.gen(function* () {
        const response = yield* openAnswer(given, io, { path: '/metrics' })
        const text = yield* Effect.promise(() => response.text())
        const names = given.operands ?? []
        const asked = text.split('\n').filter((line) => isAsked(line, names))
        const shown = given.values.has(nonzeroFlag.name)
          ? asked.filter((line) => !line.endsWith(' 0'))
          : asked
        for (const line of shown) io.print(line)
        if (asked.length === 0) io.complain(`there is no series ${names.join(', ')}`)
        else if (shown.length === 0) io.print('all of them are 0')
        return asked.length === 0 ? 1 : 0
      })
    )
}

const isAsked = (line: string, names: readonly string[]): boolean => {
  const series = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0]
  if (series === undefined) return false
  const isBucket = series.endsWith('_bucket')
  return names.length === 0
    ? !isBucket
    : names.some(
        (name) =>
          (series.startsWith(name) || series.startsWith(`k2_${name}`)) &&
          (!isBucket || name.endsWith('_bucket'))
      )
}
