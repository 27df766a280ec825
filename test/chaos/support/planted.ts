/** K2 with a bug on purpose: a copy of the built one with a line of it changed. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

export interface Bug {
  /** Below `src/`. */
  readonly file: string
  /** Occurs once in it, as written and as built. */
  readonly from: string
  readonly to: string
}

const projectRoot = resolve(import.meta.dirname, '..', '..', '..')

/** Folder of the copy, for as long as the test runs. */
export const planted = ({ file, from, to }: Bug): string => {
  const root = mkdtempSync(join(tmpdir(), 'k2-planted-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const name of ['dist', 'package.json']) {
    cpSync(join(projectRoot, name), join(root, name), { recursive: true })
  }
  for (const name of ['node_modules', 'deploy']) {
    symlinkSync(join(projectRoot, name), join(root, name))
  }
  const built = join(root, 'dist', file.replace(/\.ts$/, '.js'))
  const parts = readFileSync(built, 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`"${from}" occurs ${parts.length - 1} times in ${file}`)
  writeFileSync(built, parts.join(to))
  return root
}
