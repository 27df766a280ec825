/**
 * Debian packages, installed only when a file of theirs is missing. Who comes while they are being
 * installed waits: a program may be there before it can run.
 *
 * Packages of servers start them when they are installed. A policy that forbids it is in force
 * meanwhile: the stack runs servers of its own, on its own ports and data.
 */
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StackProblem } from '../stack-problem.ts'
import { withInstallLock } from './install-lock.ts'
import { runProgram } from './run-program.ts'

export interface DebianPackage {
  readonly name: string
  /** True when what is needed of it is there, whoever has installed it. */
  readonly isThere: () => boolean
}

/** A package that is there when one of its programs is. */
export const debianPackage = (name: string, file: string): DebianPackage => ({
  name,
  isThere: () => existsSync(file)
})

const policyFile = '/usr/sbin/policy-rc.d'
const startsNothing = '#!/bin/sh\nexit 101\n'

export const ensureDebianPackages = async (wanted: readonly DebianPackage[]): Promise<void> => {
  const ensure = async () => install(wanted.filter(({ isThere }) => !isThere()))
  // Nobody else could install anything.
  return isRoot() ? withInstallLock(join(tmpdir(), 'k2-packages.lock'), ensure) : ensure()
}

const isRoot = () => process.getuid?.() === 0

const install = async (missing: readonly DebianPackage[]): Promise<void> => {
  if (missing.length === 0) return
  const names = missing.map(({ name }) => name)
  const byHand = `apt-get install -y --no-install-recommends ${names.join(' ')}`
  if (!existsSync('/usr/bin/apt-get')) {
    throw new StackProblem(`this is no Debian: install what ${names.join(', ')} contain yourself`)
  }
  if (!isRoot()) {
    throw new StackProblem(`${names.join(', ')} missing; as root, run: ${byHand}`)
  }
  const failure = `${names.join(', ')} cannot be installed`
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const isPolicyOurs = !existsSync(policyFile)
  if (isPolicyOurs) await writeFile(policyFile, startsNothing, { mode: 0o755 })
  try {
    await runProgram({ program: 'apt-get', args: ['update', '-qq'], failure, env })
    const args = ['install', '-y', '-qq', '--no-install-recommends', ...names]
    await runProgram({ program: 'apt-get', args, failure, env })
  } finally {
    if (isPolicyOurs) await rm(policyFile, { force: true })
  }
  const absent = missing.filter(({ isThere }) => !isThere()).map(({ name }) => name)
  if (absent.length > 0) {
    throw new StackProblem(`${absent.join(', ')} installed, but what is needed of it is not there`)
  }
}
