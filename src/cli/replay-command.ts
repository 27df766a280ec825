/**
 * `k2 replay`: records in the order of time as lines of JSON, from the data folder or from a
 * running K2.
 *
 * 1. Lines go out as they came, no faster than whoever reads them takes them.
 * 2. A stream that was cut, or says that it failed, is told, and ends the command with 3: what was
 *    printed is then not all.
 */
import * as Effect from 'effect/Effect'
import type * as Scope from 'effect/Scope'
import { openAnswer, runCommand, urlFlag, urlOrFolderFlag } from './ask-api.ts'
import {
  ArgumentsRejected,
  type Command,
  type CommandIo,
  type Flag,
  type Given
} from './command-line.ts'

type Filter = Flag & { readonly parameter: string }

const filters: readonly Filter[] = [
  {
    name: '--symbols',
    parameter: 'symbols',
    value: 'BTCUSDT,ETHUSDT',
    about: 'Only those of these symbols.'
  },
  {
    name: '--exchanges',
    parameter: 'exchanges',
    value: 'binance',
    about: 'Only those of these exchanges.'
  },
  {
    name: '--start',
    parameter: 'start_time',
    value: 'TIME',
    about: 'From then on: ISO 8601, or microseconds since 1970.'
  },
  { name: '--end', parameter: 'end_time', value: 'TIME', about: 'Before then.' },
  {
    name: '--fields',
    parameter: 'fields',
    value: 'A,B',
    about: 'These fields, in this order; all unless told.'
  },
  {
    name: '--speed',
    parameter: 'speed',
    value: 'max',
    about: 'max (the preset), or how many times as fast as they came.'
  },
  {
    name: '--data-type',
    parameter: 'data_type',
    value: 'trades',
    about: 'trades (the preset) or quotes.',
    values: ['trades', 'quotes']
  }
]

const liveFlag: Flag = {
  name: '--live',
  about: 'Go on with what comes; with --url only.'
}

export const replayCommand: Command = {
  name: 'replay',
  about: 'Print trades or quotes in the order of time, a line of JSON each.',
  flags: [urlOrFolderFlag, ...filters, liveFlag],
  examples: [
    'npm run k2 -- replay --symbols BTCUSDT,ETHUSDT --fields timestamp,symbol,price',
    'npm run k2 -- replay --url http://127.0.0.1:8000 --speed 10 --live'
  ],
  exitCodes: {
    0: 'all of it was printed',
    2: 'the folder cannot be read, K2 does not answer, or the question is refused',
    3: 'not all of it was printed'
  },
  run: async (given, io) => {
    if (given.values.has(liveFlag.name) && !given.values.has(urlFlag.name))
      throw new ArgumentsRejected('--live needs --url: only a running K2 has what comes')
    return runCommand(io, replay(given, io))
  }
}

const replay = (
  given: Given,
  io: CommandIo
): Effect.Effect<number, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const response = yield* openAnswer(given, io, {
      path: '/v1/replay/stream',
      asks: 'folder',
      filters,
      parameters: {
        format: 'ndjson',
        ...(given.values.has(liveFlag.name) ? { live: 'true' } : {})
      }
    })
    const progress = lineProgress(io)
    const end = yield* Effect.promise(() => printed(response, io, progress.add))
    progress.end()
    if (end === undefined) return 0
    io.complain(end)
    return 3
  })

/** Prints lines; what is wrong with their end, undefined where nothing is (2). */
const printed = async (
  { body }: Response,
  { print, output }: CommandIo,
  add: (lines: number) => void
): Promise<string | undefined> => {
  let end = ''
  try {
    for await (const chunk of body ?? []) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      if (output === undefined) print(bytes.toString().trimEnd())
      else await output.write(bytes)
      add(linesIn(bytes))
      const last = bytes.toString('latin1', Math.max(0, bytes.length - endBytes))
      end = `${end}${last}`.slice(-endBytes)
    }
  } catch (error) {
    return `the replay was cut: ${error instanceof Error ? error.message : String(error)}`
  }
  return faultOf(end.trimEnd().split('\n').at(-1) ?? '')
}

/** More than the last line of a replay has. */
const endBytes = 4_096

const faultOf = (last: string): string | undefined => {
  try {
    const { type, detail, missing = [] } = JSON.parse(last) as {
      readonly type?: string
      readonly detail?: string
      readonly missing?: readonly string[]
    }
    if (type === 'replay.failed') return `the replay failed: ${detail ?? ''}`
    if (type === 'replay.completed')
      return missing.length === 0 ? undefined : `not all could be had: ${missing.join('; ')}`
  } catch {
    // No whole line, then.
  }
  return 'the replay was cut'
}

const lineEnd = 10

const linesIn = (bytes: Buffer): number => {
  let lines = 0
  for (let at = bytes.indexOf(lineEnd); at !== -1; at = bytes.indexOf(lineEnd, at + 1)) lines++
  return lines
}

/** Shown to somebody who looks: a terminal, and then only where the lines go elsewhere. */
const lineProgress = ({ progress, output }: CommandIo) => {
  let [lines, shownMs] = [0, performance.now()]
  const isShown = output?.isWatched === true
  return {
    add: (more: number) => {
      lines += more
      if (!isShown || progress === undefined) return
      if (performance.now() - shownMs < progress.everyMs) return
      shownMs = performance.now()
      progress.show(`${lines} lines`)
    },
    end: () => {
      if (isShown) progress?.end()
    }
  }
}
