/** `npm run k2` in the test's own process. */
import { runK2 } from '../../src/cli/k2.ts'
import { until } from './until.ts'

export interface CommandOutcome {
  readonly code: number
  readonly printed: string
  readonly complaints: string
}

/** What a command line prints, complains about and ends with. */
export const k2 = async (...args: readonly string[]): Promise<CommandOutcome> => {
  const printed: string[] = []
  const complaints: string[] = []
  const code = await runK2(
    args,
    {},
    { print: (text) => printed.push(text), complain: (text) => complaints.push(text) }
  )
  return { code, printed: printed.join('\n'), complaints: complaints.join('\n') }
}

const wholeMsMax = 60_000

/** As `k2`, asked again while its answer lacks what a busy machine was too slow to look at. */
export const wholeK2 = (...args: readonly string[]): Promise<CommandOutcome> =>
  until(
    async () => {
      const outcome = await k2(...args)
      return outcome.complaints.startsWith('missing: ') ? undefined : outcome
    },
    { what: `an answer to ${args.join(' ')} that lacks nothing`, msMax: wholeMsMax }
  )
