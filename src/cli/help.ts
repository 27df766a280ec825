/** What `k2 --help`, and `--help` of each command, print. */
import type { Command } from './command-line.ts'
import { commands } from './commands.ts'
import { programs } from './programs.ts'

export const usage = (): string => `usage: npm run k2 -- <command> [flags]
       npx k2 <command> [flags]

Commands:
${linesOf([...commands, ...programs])}

  npm run k2 -- <command> --help   its flags, examples and exit codes

Every command takes the settings of K2 too, as flags or variables (npm start -- --help):
${commands.flatMap(({ examples }) => examples.slice(0, 1).map((it) => `  ${it}`)).join('\n')}`

/** Commands, and what they are for. */
export const linesOf = (
  named: ReadonlyArray<{ readonly name: string; readonly about: string }>
): string => named.map(({ name, about }) => `  ${name.padEnd(22)}${about}`).join('\n')

export const usageOf = (command: Command): string =>
  `usage: npm run k2 -- ${synopsisOf(command)}

${[command.about, ...(command.notes ?? [])].join('\n\n')}

${command.flags.map(flagText).join('\n')}
  every setting of K2, for example --data-dir .k2

Examples:
${command.examples.map((it) => `  ${it}`).join('\n')}

Exit codes:
${Object.entries(command.exitCodes)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join('\n')}`

export const synopsisOf = ({ name, operands }: Command): string =>
  `${name} ${operands === undefined ? '' : `${operands} `}[flags]`

const flagWidth = 28

const flagText = ({ name, value, about }: Command['flags'][number]): string =>
  `  ${`${name}${value === undefined ? '' : ` ${value}`}`.padEnd(flagWidth)}  ${about}`
