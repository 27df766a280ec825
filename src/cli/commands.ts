/** All commands of `k2`, in the order of its help. */
import { actorsCommand } from './actors-command.ts'
import { adoptLogCommand } from './adopt-log-command.ts'
import { checkCommand } from './check-command.ts'
import { checklistCommand } from './checklist-command.ts'
import type { Command } from './command-line.ts'
import { completionCommand } from './completion-command.ts'
import { conservationCommand } from './conservation-command.ts'
import { costCommand } from './cost/cost-command.ts'
import { demoModeCommands } from './demo-mode-commands.ts'
import { doctorCommand } from './doctor-command.ts'
import { drainCommand } from './drain-command.ts'
import { gapsCommand } from './gaps-command.ts'
import { levelCommands } from './level-commands.ts'
import { loadCommands } from './load-command.ts'
import { compactCommand, expireCommand } from './maintain-commands.ts'
import { maintainOrphansCommand } from './maintain-orphans-command.ts'
import { metricsCommand } from './metrics-command.ts'
import { queryCommands } from './query-commands.ts'
import { rebuildStateCommand } from './rebuild-state-command.ts'
import { replayCommand } from './replay-command.ts'
import { sqlCommand } from './sql-command.ts'
import { statusCommand } from './status-command.ts'

const others: readonly Command[] = [
  statusCommand,
  checkCommand,
  checklistCommand,
  ...queryCommands,
  replayCommand,
  sqlCommand,
  gapsCommand,
  ...loadCommands,
  ...levelCommands,
  actorsCommand,
  metricsCommand,
  conservationCommand,
  drainCommand,
  doctorCommand,
  ...demoModeCommands,
  compactCommand,
  expireCommand,
  maintainOrphansCommand,
  rebuildStateCommand,
  adoptLogCommand,
  costCommand
]

export const commands: readonly Command[] = [...others, completionCommand(others)]

/** The command whose words the arguments begin with, and what follows them: the longest such. */
export const commandOf = (args: readonly string[]) => {
  const named = commands.flatMap((command) =>
    [command.name, ...(command.aliases ?? [])].map((name) => ({ command, words: name.split(' ') }))
  )
  const [found] = named
    .filter(({ words }) => words.every((word, index) => args[index] === word))
    .toSorted((left, right) => right.words.length - left.words.length)
  return found && { command: found.command, rest: args.slice(found.words.length) }
}

/** Commands of two words of which this is the first, by the names that begin with it. */
export const commandsBelow = (word: string): ReadonlyArray<Pick<Command, 'name' | 'about'>> =>
  commands.flatMap(({ name, aliases = [], about }) => {
    const found = [name, ...aliases].find((it) => it.startsWith(`${word} `))
    return found === undefined ? [] : [{ name: found, about }]
  })

/** What an unknown command may have been meant to be. */
export const commandNames = (): ReadonlySet<string> =>
  new Set(commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]))
