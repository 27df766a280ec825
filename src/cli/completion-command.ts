/** `npm run k2 -- completion bash|zsh|fish`: completion of `k2` for a shell, to be sourced. */
import { settingFlags } from '../adapters/config/config.ts'
import { ArgumentsRejected, type Command } from './command-line.ts'
import { bashCompletion, fishCompletion, zshCompletion } from './completion.ts'
import { programs } from './programs.ts'

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const
const isShell = (name: string): name is keyof typeof shells => Object.hasOwn(shells, name)

/** @param others all other commands */
export const completionCommand = (others: readonly Command[]): Command => ({
  name: 'completion',
  about: 'Print a script that has a shell complete commands, flags and values of k2.',
  notes: ['It completes the word k2: alias k2="npx k2" makes that one, in this repository.'],
  operands: Object.keys(shells).join('|'),
  flags: [],
  examples: [
    'source <(npm run --silent k2 -- completion bash)',
    'npm run --silent k2 -- completion fish > ~/.config/fish/completions/k2.fish'
  ],
  exitCodes: { 0: 'printed', 2: 'there is no completion for that shell' },
  run: async ({ operands = [] }, io) => {
    const [shell = ''] = operands
    if (operands.length !== 1 || !isShell(shell))
      throw new ArgumentsRejected(`name one shell of ${Object.keys(shells).join(', ')}`)
    const words = [
      ...others.map(({ name, about, flags, operands: taken }) => ({
        name,
        about,
        flags,
        takesFiles: taken?.includes('FILE') === true,
        takesSettings: true
      })),
      ...programs.map(({ name, about, takesSettings = false }) => ({
        ...completed(name, about),
        takesFiles: true,
        takesSettings
      })),
      ...Object.keys(shells).map((it) => completed(`completion ${it}`, `For ${it}.`))
    ]
    io.print(shells[shell](words, settingFlags))
    return 0
  }
})

const completed = (name: string, about: string) => ({
  name,
  about,
  flags: [],
  takesFiles: false,
  takesSettings: false
})
