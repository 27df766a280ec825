/** `npm run present -- [flags]`; `--help` explains them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { readRehearsed } from '../rehearse/results.ts'
import { messageOf, runProgram } from '../show/program.ts'
import { attachStage, openStage, type Stage } from '../show/stage.ts'
import { type PresentFlags, readPresentFlags, usage } from './flags.ts'
import { openPresenter } from './presenter.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')
const rateMs = 3_000
const seedMax = 2 ** 31

const present = async (flags: PresentFlags): Promise<number> => {
  const ended = signalled()
  const folder = mkdtempSync(join(tmpdir(), 'k2-present-'))
  // Ended while it is opened, it is not waited for: what was started ends with this process.
  const stage = await Promise.race([stageOf(flags, folder), ended])
  if (stage === undefined) return 0
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
    await stage.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return 0
}

const stageOf = (flags: PresentFlags, folder: string): Promise<Stage> => {
  if (flags.url !== undefined) return attachStage(flags.url)
  const variant = flags.isKafka ? 'kafka' : 'embedded'
  const seed = randomInt(1, seedMax)
  const note = (text: string) => console.log(`present: ${text}`)
  return openStage({ projectRoot, folder, variant, seed, note })
}

/** Also the end of `scripts/run.mjs`, which started it. */
const signalled = (): Promise<void> =>
  new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done())
    process.on('disconnect', () => done())
  })

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
  run: present,
  failureCode: 2,
  reasonOf
})
