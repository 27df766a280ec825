/** Go programs, built from their modules once for each version. */
import { join } from 'node:path'
import { StackProblem } from '../stack-problem.ts'
import { cached } from './cache.ts'
import { runProgram } from './run-program.ts'

export interface GoProgram {
  /** Path of the package whose `main` it is. */
  readonly path: string
  readonly version: string
  /** Of the executable: the last part of the path. */
  readonly name: string
  readonly goMinimum: string
}

export const ensureGoProgram = async (wanted: GoProgram): Promise<string> => {
  const { path, version, name, goMinimum } = wanted
  const folder = await cached(`${name}-${version}`, async (unfinished) => {
    await requireGo(goMinimum, name)
    await runProgram({
      program: 'go',
      args: ['install', '-trimpath', '-ldflags=-s -w', `${path}@${version}`],
      failure: `${name} ${version} cannot be built`,
      env: { GOBIN: unfinished, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' }
    })
  })
  return join(folder, name)
}

/** Debian's own Go may be too old to build it, and cannot fetch a newer one. */
const requireGo = async (minimum: string, name: string): Promise<void> => {
  const failure = `${name} is built with Go ${minimum} or newer: put that on the PATH`
  const answer = await runProgram({ program: 'go', args: ['env', 'GOVERSION'], failure })
  const [major = 0, minor = 0] = (/^go(\d+)\.(\d+)/.exec(answer) ?? []).slice(1).map(Number)
  const [majorMin = 0, minorMin = 0] = minimum.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return
  throw new StackProblem(`${failure}; found is ${answer.trim()}`)
}
