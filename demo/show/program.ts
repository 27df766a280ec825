/**
 * What the programs on stage have in common: flags that are refused before anything is begun, what
 * the machine lacks, being broken off, and an exit code.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ensureBuilt } from '../../scripts/build.mjs'
import { missingPrograms, type Need } from '../prerequisites.ts'

interface StageFlags {
  readonly isKafka: boolean
  /** What is missing is installed. */
  readonly installs: boolean
}

interface StageProgram<F extends StageFlags> {
  /** Of `npm run`. */
  readonly name: string
  readonly usage: string
  readonly readFlags: (
    args: readonly string[]
  ) => F | { readonly problems: readonly string[] } | 'help'
  /** Lines that say why it is not begun with such flags. */
  readonly refusals?: (flags: F) => readonly string[]
  /** Beside Node, and what Kafka needs where that is asked for. */
  readonly needs?: readonly Need[]
  /** The exit code; `command` is what its user has typed. */
  readonly run: (flags: F, command: string) => Promise<number>
  /** Exit code where that fails. */
  readonly failureCode: number
  /** Why it failed, in words; by default what the error says. */
  readonly reasonOf?: (error: unknown) => string
}

/** Ends this process, and with it what it has started. */
export const runProgram = async <F extends StageFlags>(
  program: StageProgram<F>
): Promise<never> => {
  const { name, failureCode, reasonOf = messageOf } = program
  const code = await begun(program, process.argv.slice(2)).catch((error: unknown) => {
    console.error(`${name}: ${reasonOf(error)}`)
    return failureCode
  })
  process.exit(code)
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

const begun = async <F extends StageFlags>(
  program: StageProgram<F>,
  args: readonly string[]
): Promise<number> => {
  const { name, usage, readFlags, refusals, run } = program
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
  const refused = refusals?.(flags) ?? []
  const lacks = refused.length > 0 ? refused : await missingFor(program, flags)
  for (const line of lacks) console.error(`${name}: ${line}`)
  if (lacks.length > 0) return 2
  ensureBuilt()
  return run(flags, `npm run ${name}${args.length === 0 ? '' : ` -- ${args.join(' ')}`}`)
}

const missingFor = <F extends StageFlags>(
  { name, needs = [] }: StageProgram<F>,
  { isKafka, installs }: F
): Promise<readonly string[]> => {
  const install = `npm run ${name} -- ${isKafka ? '--kafka ' : ''}--install`
  return missingPrograms({
    needs: [...needs, ...(isKafka ? (['kafka'] as const) : [])],
    installs,
    note: (text) => console.log(`${name}: ${text}`),
    otherwise: [
      [install, 'does just that'],
      ...(needs.length === 0 ? [[`npm run ${name}`, 'needs Node alone'] as const] : [])
    ]
  })
}

/** Aborted once this process is asked to end, or `scripts/run.mjs`, which started it, has ended. */
export const stopSignal = (): AbortSignal => {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`it was ended by ${signal}`)))
  process.on('disconnect', () => stop.abort(new Error('what started it has ended')))
  return stop.signal
}

/** A folder for as long as it is used. */
export const inFolder = async <A>(
  prefix: string,
  use: (folder: string) => Promise<A>
): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const closeMsMax = 20_000

/** What does not close in time ends with this process. */
export const closedInTime = (stage: { readonly close: () => Promise<void> }): Promise<void> =>
  Promise.race([stage.close(), delay(closeMsMax, undefined, { ref: false })])
