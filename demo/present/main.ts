/** `npm run present -- [flags]`; `--help` explains them. */
import { randomInt } from 'node:crypto'
import { resolve } from 'node:path'
import { readRehearsed } from '../rehearse/results.ts'
import { closedInTime, inFolder, messageOf, runProgram, stopSignal } from '../show/program.ts'
import { aborted } from '../show/aborted.ts'
import { attachStage, openStage, type Stage } from '../show/stage.ts'
import { type PresentFlags, readPresentFlags, usage } from './flags.ts'
import { openPresenter } from './presenter.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')
const rateMs = 3_000
const seedMax = 2 ** 31

const present = async (flags: PresentFlags, folder: string): Promise<void> => {
  const signal = stopSignal()
  const ended = aborted(signal).catch(() => undefined)
  const stage = await stageOf(flags, folder, signal).catch((error: unknown) => {
    if (signal.aborted) return undefined
    throw error
  })
  if (stage === undefined) return
  try {
    const { port } = flags
    const rehearsed = readRehearsed(projectRoot)
    const options = { projectRoot, stage, port, rateMs }
    const presenter = await openPresenter(
      rehearsed === undefined ? options : { ...options, rehearsed }
    )
    for (const problem of presenter.backup.problems) console.error(`present: ${problem}`)
    const { size } = presenter.backup.files
    console.log(
      size === 0
        ? 'present: there is no backup material; npm run backup makes it'
        : `present: ${size} files of backup material are in memory`
    )
    console.log(`present: K2 is ${stage.url}`)
    console.log(`present: the page is ${presenter.url}; Ctrl-C ends it`)
    await ended
    await presenter.close()
  } finally {
    await closedInTime(stage)
  }
}

const stageOf = (flags: PresentFlags, folder: string, signal: AbortSignal): Promise<Stage> => {
  if (flags.url !== undefined) return attachStage(flags.url)
  const variant = flags.isKafka ? 'kafka' : 'embedded'
  const seed = randomInt(1, seedMax)
  const note = (text: string) => console.log(`present: ${text}`)
  return openStage({ projectRoot, folder, variant, seed, note, signal })
}

/** In words, with what helps. */
const reasonOf = (error: unknown): string => {
  const { code: fault, port } = error as { readonly code?: string; readonly port?: number }
  return fault === 'EADDRINUSE'
    ? `port ${port} is in use: stop its program, or name another one with --port`
    : messageOf(error)
}

await runProgram({
  name: 'present',
  usage,
  readFlags: readPresentFlags,
  run: async (flags) => {
    await inFolder('k2-present-', (folder) => present(flags, folder))
    return 0
  },
  failureCode: 2,
  reasonOf
})
