/**
 * `npm run k2 -- demo-mode`: puts a data folder into a state that a demonstration can rely on, in
 * under a minute: empties it, fills it through K2 itself, and says whether all is there.
 */
import * as Effect from 'effect/Effect'
import { integer } from '../adapters/config/values.ts'
import { LogInUse } from '../adapters/log/writer-lock.ts'
import { runCommand, urlOrFolderFlag } from './ask-api.ts'
import { asker } from './check/check-context.ts'
import { reportOf, reportText } from './check/check-report.ts'
import { ArgumentsRejected, type Command, type CommandIo, type Given } from './command-line.ts'
import {
  demoFolderFlag,
  demoFolderOf,
  emptyDemoFolder,
  FolderRefused,
  yesFlag
} from './demo-mode/demo-folder.ts'
import { loadDemo, LoadFailed } from './demo-mode/load-demo.ts'
import { type Ask, validateDemo } from './demo-mode/validate-demo.ts'
import { version } from './version.ts'

const readySecondsMax = 60
const tradesFlag = {
  name: '--trades',
  value: '100000',
  about: 'How many trades are to land at least (preset 100000).'
}
const jsonFlag = { name: '--json', about: 'Print the report as one JSON document.' }
const exitCodes = {
  0: 'done, and all that is needed is there',
  1: 'something that is needed is not there',
  2: 'the folder may not be used so, or K2 could not do it'
}

const all: Command = {
  name: 'demo-mode',
  about: 'Reset, load and validate the data folder of a demonstration, and say how long it took.',
  notes: [
    'The folder is .k2-demo unless told. What fills it is a K2 that captures from the simulated ' +
      'exchange, so that log, tables, snapshots and candles are those of a run; npm start -- ' +
      '--data-dir .k2-demo then goes on with it.'
  ],
  flags: [demoFolderFlag, tradesFlag, yesFlag],
  examples: ['npm run k2 -- demo-mode', 'npm run k2 -- demo-mode --trades 200000'],
  exitCodes: { ...exitCodes, 1: `something that is needed is not there, or it took too long` },
  run: (given, io) =>
    attempted(io, async () => {
      const startedMs = performance.now()
      await reset(given, io)
      await load(given, io)
      const code = await validate(given, io)
      const seconds = (performance.now() - startedMs) / 1_000
      io.print(`reset, load and validate took ${seconds.toFixed(1)} s`)
      if (seconds <= readySecondsMax) return code
      io.complain(`that is more than ${readySecondsMax} s: --trades with fewer takes less`)
      return 1
    })
}

const resetCommand: Command = {
  name: 'demo-mode reset',
  about: 'Empty the data folder of a demonstration; a folder that is none of K2 is refused.',
  flags: [demoFolderFlag, yesFlag],
  examples: ['npm run k2 -- demo-mode reset'],
  exitCodes: { 0: 'it is empty', 2: 'it may not be emptied' },
  run: (given, io) => attempted(io, async () => reset(given, io))
}

const loadCommand: Command = {
  name: 'demo-mode load',
  about: 'Fill it: K2 captures from a busy simulated exchange, lands, and drains.',
  flags: [demoFolderFlag, tradesFlag],
  examples: ['npm run k2 -- demo-mode load', 'npm run k2 -- demo-mode load --trades 20000'],
  exitCodes: { 0: 'so many have landed', 2: 'K2 could not do it' },
  run: (given, io) => attempted(io, async () => load(given, io))
}

const validateCommand: Command = {
  name: 'demo-mode validate',
  about: 'Say whether rows, symbols, span, snapshots and each query of a demonstration are there.',
  flags: [demoFolderFlag, urlOrFolderFlag, jsonFlag],
  examples: [
    'npm run k2 -- demo-mode validate',
    'npm run k2 -- demo-mode validate --url http://127.0.0.1:8000'
  ],
  exitCodes,
  run: (given, io) => attempted(io, async () => validate(given, io))
}

export const demoModeCommands: readonly Command[] = [
  all,
  resetCommand,
  loadCommand,
  validateCommand
]

/** What it says, or 2 once it is told why it could not be done. */
const attempted = async (io: CommandIo, run: () => Promise<number>): Promise<number> => {
  try {
    return await run()
  } catch (error) {
    io.progress?.end()
    if (!isRefusal(error)) throw error
    io.complain(error.message)
    return 2
  }
}

/** What somebody can mend; all else is a fault of this program, or a flag. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof FolderRefused ||
  error instanceof LoadFailed ||
  error instanceof LogInUse ||
  (error instanceof Error && 'syscall' in error)

const reset = async (given: Given, io: CommandIo): Promise<number> => {
  const folder = demoFolderOf(given)
  const startedMs = performance.now()
  const removed = await emptyDemoFolder(folder, given.values.has(yesFlag.name))
  const seconds = (performance.now() - startedMs) / 1_000
  io.print(
    removed === 0
      ? `reset: ${folder} was empty`
      : `reset: ${folder} emptied in ${seconds.toFixed(1)} s`
  )
  return 0
}

const load = async (given: Given, io: CommandIo): Promise<number> => {
  const folder = demoFolderOf(given)
  const asked = given.values.get(tradesFlag.name) ?? tradesFlag.value
  const trades = integer(1, 10_000_000, 'trades').parse(asked)
  if (!('value' in trades))
    throw new ArgumentsRejected(`${tradesFlag.name} is "${asked}", but must be ${trades.allowed}`)
  let shownMs = 0
  const loaded = await loadDemo({
    folder,
    tradesMin: trades.value,
    tell: (text) => {
      if (io.progress === undefined || performance.now() - shownMs < io.progress.everyMs) return
      shownMs = performance.now()
      io.progress.show(text)
    }
  })
  io.progress?.end()
  io.print(
    `load: ${loaded.trades} trades and ${loaded.quotes} quotes landed in ${folder} in ` +
      `${loaded.loadSeconds.toFixed(1)} s, drained in ${loaded.drainSeconds.toFixed(1)} s`
  )
  return 0
}

const validate = async (given: Given, io: CommandIo): Promise<number> => {
  const { config, values } = given
  const url = values.get(urlOrFolderFlag.name)
  const startedMs = performance.now()
  const folder = demoFolderOf(given)
  return runCommand(
    io,
    Effect.gen(function* () {
      const ask = url === undefined ? yield* folderAsker(given, io) : asker(url, config)
      const lines = yield* Effect.tryPromise({
        try: () => validateDemo(ask),
        catch: (error) => new Error(`${url ?? folder}: ${(error as Error).message}`)
      })
      const report = reportOf(
        {
          url: url ?? folder,
          isRunning: url !== undefined,
          at: new Date().toISOString(),
          seconds: (performance.now() - startedMs) / 1_000
        },
        lines
      )
      io.print(
        values.has(jsonFlag.name)
          ? JSON.stringify(report, undefined, 2)
          : `validate: ${url ?? folder}\n${reportText(report, true)}`
      )
      return report.ok ? 0 : 1
    })
  )
}

const folderAsker = (given: Given, io: CommandIo) =>
  Effect.gen(function* () {
    const { openLocalApi } = yield* loadLocalApi
    const { request } = yield* openLocalApi({
      config: { ...given.config, dataDir: demoFolderOf(given) },
      version,
      run: (effect, options) => Effect.runPromiseExit(effect, options),
      complain: (text) => io.complain(text.trimEnd())
    })
    const ask: Ask = async (path, init) => {
      const startedMs = performance.now()
      const response = await request(new Request(new URL(path, 'http://127.0.0.1'), init))
      const text = await response.text()
      const { status, headers } = response
      return { status, text, headers, ms: performance.now() - startedMs }
    }
    return ask
  })

// Loaded only where it is used: who asks a running K2 needs no DuckDB.
const loadLocalApi = Effect.promise(() => import('../actors/reading/local-api.ts'))
