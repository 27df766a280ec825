/** `npm run k2` in the test's own process. */
import { runK2 } from '../../src/cli/k2.ts'

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
