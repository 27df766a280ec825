/**
 * Arguments of a command of `npm run k2`: its own flags, and the settings of K2, which every
 * command takes as `npm start` does.
 *
 * 1. All faults are reported at once, each with the nearest name that there is.
 * 2. A flag that takes no value is given by its name alone.
 */
import { type Config, ConfigRejected, readConfig } from '../adapters/config/config.ts'
import { settingFlags } from '../adapters/config/config.ts'
import { suggestion } from '../adapters/config/suggestion.ts'

export interface Flag {
  /** With its dashes. */
  readonly name: string
  /** How its value reads in the help text; absent for a flag without one. */
  readonly value?: string
  readonly about: string
  /** All that its value may be, for completion. */
  readonly values?: readonly string[]
}

export interface Command {
  readonly name: string
  /** Other names of it. */
  readonly aliases?: readonly string[]
  /** One line. */
  readonly about: string
  /** Further paragraphs of its help. */
  readonly notes?: readonly string[]
  readonly flags: readonly Flag[]
  /** How its words that are no flags read in the help text; absent where it takes none. */
  readonly operands?: string
  readonly examples: readonly string[]
  /** By exit code. */
  readonly exitCodes: Readonly<Record<number, string>>
  readonly run: (given: Given, io: CommandIo) => Promise<number>
}

export interface CommandIo {
  readonly print: (text: string) => void
  readonly complain: (text: string) => void
  /** Of a command that prints more than fits into memory; absent where texts are collected. */
  readonly output?: Output
  /** How far a long command is; absent where nobody looks. */
  readonly progress?: Progress
}

export interface Output {
  /** Resolves once there is room for more. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  /** Whether somebody looks at a terminal that the output does not go to. */
  readonly isWatched: boolean
}

export interface Progress {
  readonly everyMs: number
  readonly show: (line: string) => void
  readonly end: () => void
}

export interface Given {
  readonly config: Config
  /** Values of the command's own flags; the empty text for those without a value. */
  readonly values: ReadonlyMap<string, string>
  readonly operands?: readonly string[]
}

/** Every fault of a command line, each on a line of its own. */
export class ArgumentsRejected extends Error {}

/** @throws ArgumentsRejected */
export const readArguments = (
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>
): Given => {
  const { values, settings, operands, faults } = splitArguments(command, args)
  try {
    const config = readConfig(env, settings)
    if (faults.length === 0) return { config, values, operands }
  } catch (error) {
    if (!(error instanceof ConfigRejected)) throw error
    faults.push(...error.faults)
  }
  throw new ArgumentsRejected(faults.join('\n'))
}

const splitArguments = ({ name: of, flags, operands: taken }: Command, args: readonly string[]) => {
  const values = new Map<string, string>()
  const settings: string[] = []
  const operands: string[] = []
  const faults: string[] = []
  const known = new Set([...flags.map(({ name }) => name), ...settingFlags])
  const rest = [...args]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name = arg, attached] = /^(--[^=]+)(?:=(.*))?$/s.exec(arg) ?? []
    const flag = flags.find((it) => it.name === name)
    if (taken !== undefined && !arg.startsWith('-')) {
      operands.push(arg)
    } else if (taken === undefined && !arg.startsWith('-')) {
      faults.push(`${arg} is too much: k2 ${of} takes flags only`)
    } else if (!known.has(name)) {
      faults.push(`${arg} is not a flag of k2 ${of}${suggestion(name, known)}`)
      if (attached === undefined && rest[0]?.startsWith('-') === false) rest.shift()
    } else if (flag !== undefined && flag.value === undefined) {
      if (attached !== undefined) faults.push(`${name} takes no value`)
      values.set(name, '')
    } else {
      const value = attached ?? rest.shift()
      if (value === undefined) faults.push(`${name} needs a value`)
      else if (values.has(name)) faults.push(`${name} is given twice; give it once`)
      else if (flag === undefined) settings.push(`${name}=${value}`)
      else values.set(name, value)
    }
  }
  return { values, settings, operands, faults }
}
