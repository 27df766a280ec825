/** The simulation over sources with a bug on purpose: a copy of them with a line of one changed. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'

export interface SourceBug {
  /** Below `src/`. */
  readonly file: string
  /** Occurs once in it. */
  readonly from: string
  readonly to: string
  /** What the changed line needs, at the end of the file. */
  readonly more?: string
}

const projectRoot = resolve(import.meta.dirname, '..', '..', '..', '..')

/** Folder of the copy, for as long as the test runs. */
const planted = ({ file, from, to, more = '' }: SourceBug): string => {
  const root = mkdtempSync(join(tmpdir(), 'k2-simulation-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const name of ['src', 'chaos', 'package.json', 'tsconfig.json']) {
    cpSync(join(projectRoot, name), join(root, name), { recursive: true })
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'))
  const path = join(root, 'src', file)
  const parts = readFileSync(path, 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`"${from}" occurs ${parts.length - 1} times in ${file}`)
  writeFileSync(path, parts.join(to) + more)
  return root
}

export interface SimulationRun {
  readonly code: number
  readonly output: string
}

/** Runs the simulation of this project, or of a copy with a bug. */
export const simulate = (args: readonly string[], bug?: SourceBug): Promise<SimulationRun> => {
  const root = bug === undefined ? projectRoot : planted(bug)
  const program = ['--import', 'tsx', join(root, 'chaos', 'simulation', 'main.ts'), ...args]
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1_024 ** 2 } as const
  return new Promise((settle) => {
    const child = execFile(process.execPath, program, options, (_error, stdout, stderr) => {
      settle({ code: child.exitCode ?? -1, output: stdout + stderr })
    })
  })
}
