/**
 * `npm run k2 -- <command> [flags]`: what an operator does to a table beside running K2.
 *
 * 1. An unknown command or flag is named together with the nearest one; nothing runs then.
 * 2. Exit codes: each command documents its own; 2 is always that it could not run.
 */
import { realpathSync } from 'node:fs'
import { suggestion } from '../adapters/config/suggestion.ts'
import {
  ArgumentsRejected,
  type Command,
  type CommandIo,
  type Progress,
  readArguments
} from './command-line.ts'
import { adoptLogCommand } from './adopt-log-command.ts'
import { conservationCommand } from './conservation-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { gapsCommand } from './gaps-command.ts'
import { loadQuotesCommand, loadTradesCommand } from './load-command.ts'
import { maintainOrphansCommand } from './maintain-orphans-command.ts'
import { pressureClearCommand, pressureInjectCommand } from './pressure-commands.ts'
import { queryCommands } from './query-commands.ts'
import { sqlCommand } from './sql-command.ts'
import { rebuildStateCommand } from './rebuild-state-command.ts'

const commands: readonly Command[] = [
  doctorCommand,
  rebuildStateCommand,
  adoptLogCommand,
  maintainOrphansCommand,
  loadTradesCommand,
  loadQuotesCommand,
  ...queryCommands,
  pressureInjectCommand,
  pressureClearCommand,
  gapsCommand,
  sqlCommand,
  conservationCommand
]

/** The command whose words the arguments begin with, and what follows them. */
const commandOf = (args: readonly string[]) => {
  for (const command of commands) {
    const words = command.name.split(' ')
    if (words.every((word, index) => args[index] === word))
      return { command, rest: args.slice(words.length) }
  }
  return undefined
}

const usage = (): string => `usage: npm run k2 -- <command> [flags]

${commands.map(({ name, about }) => `  ${name.padEnd(22)}${about}`).join('\n')}

  npm run k2 -- <command> --help   its flags, examples and exit codes

Every command takes the settings of K2 too, as flags or variables (npm start -- --help):
${commands.flatMap(({ examples }) => examples.slice(0, 1).map((it) => `  ${it}`)).join('\n')}`

const usageOf = ({ name, about, flags, operands, examples, exitCodes }: Command): string =>
  `usage: npm run k2 -- ${name} ${operands === undefined ? '' : `${operands} `}[flags]

${about}

${flags.map(flagText).join('\n')}
  every setting of K2, for example --data-dir .k2

Examples:
${examples.map((it) => `  ${it}`).join('\n')}

Exit codes:
${Object.entries(exitCodes)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join('\n')}`

const flagText = ({ name, value, about }: Command['flags'][number]): string =>
  `  ${`${name}${value === undefined ? '' : ` ${value}`}`.padEnd(28)}${about}`

/** Runs a command line; the exit code. */
export const runK2 = async (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  io: CommandIo
): Promise<number> => {
  const [name] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.print(usage())
    return name === undefined ? 2 : 0
  }
  const found = commandOf(args)
  if (found === undefined) {
    const known = new Set(commands.map((it) => it.name))
    io.complain(`${name} is not a command of k2${suggestion(name, known)}`)
    io.complain(`commands: ${[...known].join(', ')}; npm run k2 -- --help explains them`)
    return 2
  }
  const { command, rest } = found
  if (rest.includes('--help') || rest.includes('-h')) {
    io.print(usageOf(command))
    return 0
  }
  try {
    return await command.run(readArguments(command, rest, env), io)
  } catch (error) {
    if (!(error instanceof ArgumentsRejected)) throw error
    io.complain(`${error.message}\nnpm run k2 -- ${command.name} --help lists the flags`)
    return 2
  }
}

const progressOn = (stream: NodeJS.WriteStream): Progress =>
  stream.isTTY
    ? {
        everyMs: 200,
        show: (line) => void stream.write(`\r\u001B[K${line}`),
        end: () => void stream.write('\r\u001B[K')
      }
    : { everyMs: 5_000, show: (line) => void stream.write(`${line}\n`), end: () => undefined }

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  process.exitCode = await runK2(process.argv.slice(2), process.env, {
    print: (text) => process.stdout.write(`${text}\n`),
    complain: (text) => process.stderr.write(`k2: ${text}\n`),
    progress: progressOn(process.stderr)
  })
}
