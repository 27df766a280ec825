/**
 * What the programs on stage have in common: flags that are refused before anything is begun, what
 * the machine lacks, being broken off, and an exit code.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ensureBuilt } from '../../scripts/build.mjs'

interface StageProgram<F> {
  /** Of `npm run`. */
  readonly name: string
  readonly usage: string
  readonly readFlags: (
    args: readonly string[]
  ) => F | { readonly problems: readonly string[] } | 'help'
  /** Lines that say what is missing and what helps; none where all is there, or was installed. */
  readonly missing: (flags: F) => Promise<readonly string[]>
  /** The exit code; `command` is what its user has typed. */
  readonly run: (flags: F, command: string) => Promise<number>
  /** Exit code where that fails. */
  readonly failureCode: number
  /** Why it failed, in words; by default what the error says. */
  readonly reasonOf?: (error: unknown) => string
}

/** Ends this process, and with it what it has started. */
export const runProgram = async <F extends object>(program: StageProgram<F>): Promise<never> => {
  const { name, failureCode, reasonOf = messageOf } = program
  const code = await begun(program, process.argv.slice(2)).catch((error: unknown) => {
    console.error(`${name}: ${reasonOf(error)}`)
    return failureCode
  })
  process.exit(code)
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

const begun = async <F extends object>(
  { name, usage, readFlags, missing, run }: StageProgram<F>,
  args: readonly string[]
): Promise<number> => {
  const flags = readFlags(args)
  if (flags === 'help') {
    console.log(usage)
    return 0
  }
  if ('problems' in flags) {
    for (const problem of flags.problems) console.error(`${name}: ${problem}`)
    console.error(`${name}: --help explains every flag`)
    return 2
  }
  const lacks = await missing(flags)
  for (const line of lacks) console.error(`${name}: ${line}`)
  if (lacks.length > 0) return 2
  ensureBuilt()
  return run(flags, `npm run ${name}${args.length === 0 ? '' : ` -- ${args.join(' ')}`}`)
}

/** Aborted once this process is asked to end. */
export const stopSignal = (): AbortSignal => {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`it was ended by ${signal}`)))
  return stop.signal
}

const closeMsMax = 20_000

/** What does not close in time ends with this process. */
export const closedInTime = (stage: { readonly close: () => Promise<void> }): Promise<void> =>
  Promise.race([stage.close(), delay(closeMsMax, undefined, { ref: false })])
