/**
 * PostgreSQL from Debian's package, on a data folder of the stack's own, over TCP only.
 *
 * It refuses to be run by root: started by root it runs as the package's user `postgres`, who has
 * to be able to reach the folder.
 */
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ensureDebianPackages } from '../install/debian-packages.ts'
import { runProgram } from '../install/run-program.ts'
import { reasonOf } from '../readiness.ts'
import { StackProblem } from '../stack-problem.ts'
import type { Command, ServiceSpec } from './service-spec.ts'

export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly username: string
  readonly password: string
}

const readyMsMax = 60_000
const stopMsMax = 15_000
const installRoot = '/usr/lib/postgresql'

export const postgresSpec = (folder: string, address: PostgresAddress): ServiceSpec => ({
  name: 'postgres',
  service: 'postgres',
  folder,
  ports: [address.port],
  prepare: async () => prepare(folder, address),
  notReadyBecause: async () => {
    const { host, port, database, username, password } = address
    const target = `host=${host} port=${port} user=${username} dbname=${database}`
    try {
      await runProgram({
        program: join(binaries() ?? '', 'psql'),
        args: ['-X', '-q', '-c', 'select 1', `${target} connect_timeout=3`],
        env: { PGPASSWORD: password },
        failure: 'it answers no query'
      })
      return undefined
    } catch (error) {
      return reasonOf(error)
    }
  },
  readyMsMax,
  // "Fast": connections are ended, not waited for.
  stopSignal: 'SIGINT',
  stopMsMax
})

const prepare = async (folder: string, { port, username, password }: PostgresAddress) => {
  await ensureDebianPackages([{ name: 'postgresql', isThere: () => binaries() !== undefined }])
  const programs = binaries()!
  const user = await serverUser()
  await mkdir(folder, { recursive: true })
  if (user !== undefined) await hand(folder, user)
  const data = join(folder, 'data')
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const passwordFile = join(folder, 'password')
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (user !== undefined) await chown(passwordFile, user.uid, user.gid)
    const locale = ['--encoding=UTF8', '--locale=C']
    const login = ['-U', username, '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
    await runProgram({
      program: join(programs, 'initdb'),
      args: ['-D', data, ...locale, ...login],
      failure: 'the database cannot be made',
      cwd: folder,
      ...(user !== undefined && { user })
    })
    await rm(passwordFile)
  }
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100']
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
  const command: Command = { program: join(programs, 'postgres'), args }
  return user === undefined ? command : { ...command, user }
}

/** Of the newest version installed. */
const binaries = (): string | undefined => {
  if (!existsSync(installRoot)) return undefined
  return readdirSync(installRoot)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(installRoot, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'postgres')))
}

interface User {
  readonly uid: number
  readonly gid: number
}

/** Undefined: whoever runs this may run the server. */
const serverUser = async (): Promise<User | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  const users = await readFile('/etc/passwd', 'utf8')
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? []
  if (uid === undefined || gid === undefined) {
    throw new StackProblem('PostgreSQL refuses root, and there is no user postgres: add one')
  }
  return { uid: Number(uid), gid: Number(gid) }
}

const hand = async (folder: string, user: User): Promise<void> => {
  await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o700)
  // The stack's own: others may enter it, not list it. What is secret in it only its owner reads.
  await chmod(dirname(folder), 0o711)
  await runProgram({
    program: 'test',
    args: ['-w', folder],
    user,
    cwd: '/',
    failure:
      `the user postgres cannot reach ${folder}: choose a --folder whose parents others may ` +
      'enter, or do not run this as root'
  })
}
