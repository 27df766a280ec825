/** Command line of `npm run backup`. */
import { join, resolve } from 'node:path'
import { backupFolder } from '../show/material.ts'
import { readFlagsOf, seedOf } from '../show/read-flags.ts'

export interface BackupFlags {
  readonly isFast: boolean
  readonly isKafka: boolean
  readonly installs: boolean
  readonly seed: number
  /** Folder that what is made goes to, in place of what is there. */
  readonly out: string
}

export const usage = `usage: npm run backup [-- flags]

What there is to fall back on when the live demonstration cannot go on, made of one live run: the
seven sections, executed by the presenter's own page in Chromium. Into backup/ go a numbered picture
of each step, a video with captions, the walk-through as one HTML file, a recording of a terminal
(of a run of its own), README.md, which says what each is, and backup.json: date, commit, machine,
figures. Takes about ten minutes. What is there already stays until all of it is made anew.
Exit code: 0 made; 1 a step was not shown, or it was broken off; 2 it could not begin.

  --fast       no time to read: about five minutes, and a video that nobody can follow
  --kafka      with Kafka, natively, instead of the embedded log
  --install    install what is missing (Chromium, ffmpeg, Java for --kafka; as root, on Debian)
  --seed N     seed of the market; by default random
  --out DIR    where it goes (default backup)
  --help       this text`

const types = {
  fast: 'boolean', kafka: 'boolean', install: 'boolean', help: 'boolean', seed: 'string',
  out: 'string'
} as const

const projectRoot = resolve(import.meta.dirname, '..', '..')

export const readBackupFlags = (
  args: readonly string[]
): BackupFlags | { readonly problems: readonly string[] } | 'help' => {
  const flags = readFlagsOf(args, types)
  if (flags.has('help')) return 'help'
  const problems = [...flags.problems]
  const seed = seedOf(flags, problems)
  const out = flags.text('out')
  if (problems.length > 0) return { problems }
  return {
    isFast: flags.has('fast'),
    isKafka: flags.has('kafka'),
    installs: flags.has('install'),
    seed,
    out: out === undefined ? join(projectRoot, backupFolder) : resolve(out)
  }
}
