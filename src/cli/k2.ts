/**
 * `npm run k2 -- <command> [flags]`: what is done beside running K2.
 *
 * 1. An unknown command or flag is named together with the nearest one; nothing runs then.
 * 2. Exit codes: each command documents its own; 2 is always that it could not run.
 * 3. A reader that has enough (`| head`) ends it without a word.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { suggestion } from '../adapters/config/suggestion.ts'
import {
  ArgumentsRejected,
  type CommandIo,
  type Output,
  type Progress,
  readArguments
} from './command-line.ts'
import { commandNames, commandOf, commandsBelow } from './commands.ts'
import { linesOf, usage, usageOf } from './help.ts'
import { type Program, programs } from './programs.ts'
import { version } from './version.ts'

/** Runs a command line; the exit code. */
export const runK2 = async (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  io: CommandIo
): Promise<number> => {
  const [name] = args
  if (name === 'help' && args.length > 1) return runK2([...args.slice(1), '--help'], env, io)
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.print(usage())
    return name === undefined ? 2 : 0
  }
  if (name === '--version') {
    io.print(version)
    return 0
  }
  const program = programs.find((it) => it.name === name)
  if (program !== undefined) return runProgram(program, args.slice(1), io)
  const found = commandOf(args)
  // As in `k2 level x`: `level` alone is a command, and the first word of others.
  const isFirstWord = found?.rest.length === args.length - 1 && commandsBelow(name).length > 0
  if (found === undefined || (isFirstWord && args[1]?.startsWith('-') === false))
    return notFound(name, args, io)
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

/** A word that several commands begin with, or one that none does. */
const notFound = (name: string, args: readonly string[], io: CommandIo): number => {
  const isHelp = args.includes('--help') || args.includes('-h')
  const group = commandsBelow(name)
  const [, second] = args.filter((it) => !it.startsWith('-'))
  if (group.length > 0 && second === undefined) {
    const tell = isHelp ? io.print : io.complain
    tell(`${name} is the first word of several commands:\n${linesOf(group)}`)
    return isHelp ? 0 : 2
  }
  const known = commandNames()
  const words = second === undefined ? name : `${name} ${second}`
  if (group.length > 0) {
    const nearest = suggestion(words, new Set(group.map((it) => it.name)))
    io.complain(`${words} is not a command of k2${nearest}\nthere are:\n${linesOf(group)}`)
    return 2
  }
  const nearest = suggestion(words, known) || suggestion(name, known)
  io.complain(`${name} is not a command of k2${nearest}; npm run k2 -- --help lists them`)
  return 2
}

/** Where `scripts/k2.mjs` did not start it: of what was built, as an image has it. */
const runProgram = async (
  { name, entry }: Program,
  args: readonly string[],
  io: CommandIo
): Promise<number> => {
  if (!entry.startsWith('src/')) {
    io.complain(`${name} is part of the repository: npm run k2 -- ${name}`)
    return 2
  }
  const built = new URL(`..${entry.replace(/^src/, '').replace(/\.ts$/, '.js')}`, import.meta.url)
  const child = fork(built, args)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

const outputTo = (stream: NodeJS.WriteStream): Output => ({
  write: async (bytes) => {
    if (!stream.write(bytes)) await once(stream, 'drain')
  },
  isWatched: process.stderr.isTTY && !stream.isTTY
})

const progressOn = (stream: NodeJS.WriteStream): Progress =>
  stream.isTTY
    ? {
        everyMs: 200,
        show: (line) => void stream.write(`\r\u001B[K${line.slice(0, stream.columns - 1)}`),
        end: () => void stream.write('\r\u001B[K')
      }
    : { everyMs: 5_000, show: (line) => void stream.write(`${line}\n`), end: () => undefined }

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  // What is told takes the place of how far the command is.
  const lineStart = process.stderr.isTTY ? '\r\u001B[K' : ''
  // (3)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 2)
  })
  process.exitCode = await runK2(process.argv.slice(2), process.env, {
    print: (text) => process.stdout.write(`${text}\n`),
    complain: (text) => process.stderr.write(`${lineStart}k2: ${text}\n`),
    output: outputTo(process.stdout),
    progress: progressOn(process.stderr)
  })
}
