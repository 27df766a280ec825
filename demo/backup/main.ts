/** `npm run backup -- [flags]`; `--help` explains them. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describeEnvironment } from '../../bench/environment.ts'
import { problemOf } from '../present/backup-files.ts'
import { castFile, screenshots, videoFile, walkthroughFile } from '../show/material.ts'
import { closedInTime, inFolder, runProgram, stopSignal } from '../show/program.ts'
import { openStage } from '../show/stage.ts'
import { type BackupFlags, readBackupFlags, usage } from './flags.ts'
import { indexOf } from './index-page.ts'
import { type Recording, recordRun } from './run.ts'
import { makeVideo } from './video.ts'
import { walkthroughOf } from './walkthrough.ts'

const projectRoot = resolve(import.meta.dirname, '..', '..')
const manifestFile = 'backup.json'

const say = (text: string): void => console.log(`backup: ${text}`)

const refusalsOf = ({ out }: BackupFlags): readonly string[] =>
  isForeign(out) ? [`--out is ${out}, which has files that are no backup: name another`] : []

/** A folder is only ever replaced if a backup has made it. */
const isForeign = (folder: string): boolean =>
  existsSync(folder) &&
  readdirSync(folder).length > 0 &&
  !existsSync(join(folder, manifestFile))

const make = async (flags: BackupFlags, command: string, work: string): Promise<number> => {
  const signal = stopSignal()
  mkdirSync(dirname(flags.out), { recursive: true })
  const made = mkdtempSync(`${flags.out}.new-`)
  chmodSync(made, 0o755)
  try {
    const environment = await describeEnvironment(made)
    const recording = await record(flags, { work, made, signal })
    const problems = recording.walked.flatMap(({ step, result: { problem } }) =>
      problem === undefined ? [] : [`${step.id} was not shown: ${problem}`]
    )
    if (problems.length === 0)
      await keep(recording, { work, made, environment, command, signal })
    for (const problem of problems) console.error(`backup: ${problem}`)
    if (problems.length > 0) return 1
    replace(made, flags.out)
    const others = [videoFile, walkthroughFile, castFile].join(', ')
    say(`${screenshots.length} pictures, ${others}, in ${flags.out}`)
    return 0
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

interface Folders {
  readonly work: string
  readonly made: string
  readonly signal: AbortSignal
}

const record = async (
  { isKafka, isFast, seed }: BackupFlags,
  { work, made, signal }: Folders
): Promise<Recording> => {
  const variant = isKafka ? 'kafka' : 'embedded'
  say(`${variant}, seed ${seed}`)
  const folder = join(work, 'stage')
  mkdirSync(folder)
  const stage = await openStage({ projectRoot, folder, variant, seed, note: say, signal })
  try {
    const framesFolder = join(work, 'frames')
    const isPaced = !isFast
    return await recordRun({ projectRoot, stage, folder: made, framesFolder, isPaced, signal, say })
  } finally {
    await closedInTime(stage)
  }
}

interface Keeping extends Folders {
  readonly environment: Readonly<Record<string, unknown>>
  readonly command: string
}

/** What else is made of a recording; each file is what its name says, or this rejects. */
const keep = async (recording: Recording, keeping: Keeping): Promise<void> => {
  const { work, made, environment, command, signal } = keeping
  const { walked } = recording
  say('the video')
  const videoSeconds = await makeVideo({ ...recording, folder: work, file: join(made, videoFile) })
  writeFileSync(join(made, walkthroughFile), walkthroughOf(walked, { environment, command }))
  say('a session at a terminal')
  await terminal(join(made, castFile), signal)
  writeFileSync(join(made, 'README.md'), indexOf(walked, { environment, command, videoSeconds }))
  const files = readdirSync(made).map((name) => {
    const bytes = readFileSync(join(made, name))
    const problem = name.endsWith('.md') ? undefined : problemOf(name, bytes)
    if (problem !== undefined) throw new Error(`${name} ${problem}`)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { name, bytes: bytes.length, sha256 }
  })
  const steps = walked.map(({ section, step, result: { startedAt, ms, figures } }) => ({
    section: section.id, step: step.id, startedAt, ms, figures
  }))
  const manifest = { environment, command, videoSeconds, steps, files }
  writeFileSync(join(made, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

const terminal = (file: string, signal: AbortSignal): Promise<void> =>
  new Promise((done, failed) => {
    const args = [join('scripts', 'run.mjs'), join('scripts', 'record-terminal.ts'), file]
    const child = spawn(process.execPath, args, { cwd: projectRoot, stdio: 'inherit', signal })
    child.once('error', failed)
    child.once('close', (code) =>
      code === 0 ? done() : failed(new Error(`the session at a terminal ended with ${code}`))
    )
  })

/** The old one is there until the new one is. */
const replace = (made: string, out: string): void => {
  const old = `${out}.old`
  rmSync(old, { recursive: true, force: true })
  if (existsSync(out)) renameSync(out, old)
  renameSync(made, out)
  rmSync(old, { recursive: true, force: true })
}

await runProgram({
  name: 'backup',
  usage,
  readFlags: readBackupFlags,
  refusals: refusalsOf,
  needs: ['browser', 'video'],
  run: (flags, command) => inFolder('k2-backup-', (work) => make(flags, command, work)),
  failureCode: 1
})
