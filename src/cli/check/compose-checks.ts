/** The compose file: whether it is one, whether K2 takes its settings, and what of it runs. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigRejected, readConfig } from '../../adapters/config/config.ts'
import { type CheckContext, plural, reasonOf } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'
import {
  composeFaults,
  type ComposeFile,
  interpolate,
  parseEnv,
  parseYaml,
  VariableMissing
} from './compose-file.ts'

const file = 'deploy/docker-compose.yml'
const dockerMsMax = 20_000
/** As long as a key has to be: for what `.env` is to be filled in with. */
const filledIn = '0'.repeat(32)

export const composeChecks = async ({
  projectRoot
}: CheckContext): Promise<readonly CheckLine[]> => {
  const path = join(projectRoot, file)
  if (!existsSync(path)) return [notConfigured('compose', file, 'is not here')]
  const text = await readFile(path, 'utf8')
  const env = await environment(projectRoot)
  return [composeLine(text, env), envLine(env), ...(await runningLines(projectRoot))]
}

interface ComposeEnvironment {
  readonly values: Readonly<Record<string, string>>
  /** Whether the user has one: else what the example says, filled in. */
  readonly isOwn: boolean
}

const environment = async (projectRoot: string): Promise<ComposeEnvironment> => {
  const own = join(projectRoot, 'deploy', '.env')
  const isOwn = existsSync(own)
  const path = isOwn ? own : join(projectRoot, 'deploy', '.env.example')
  const values = parseEnv(await readFile(path, 'utf8'), path)
  return { values: Object.fromEntries(values), isOwn }
}

export const composeLine = (
  text: string,
  { values, isOwn }: ComposeEnvironment
): CheckLine => {
  const remedy = `mend ${file}   (npm test -- test/deploy/compose.test.ts says more)`
  const failed = (figure: string) =>
    line('compose', file, { figure, remedy, isFailure: true })
  try {
    const env = isOwn ? values : { ...values, ...blanks(text, values) }
    const compose = interpolate(parseYaml(text), env) as ComposeFile
    const faults = [...composeFaults(compose), ...settingFaults(compose)]
    if (faults.length > 0) return failed(faults.join('; '))
    const services = Object.values(compose.services)
    const settings = Object.keys(compose.services['k2']?.environment ?? {}).length
    return line('compose', file, {
      figure: `${plural(services.length, 'service')}, K2 takes its ${settings} settings`,
      values: { services: services.length, settings }
    })
  } catch (error) {
    if (error instanceof VariableMissing)
      return line('compose', file, {
        figure: `deploy/.env has no value for ${error.variable}`,
        remedy: `set ${error.variable} in deploy/.env`,
        isFailure: true
      })
    return failed(reasonOf(error))
  }
}

/** A value for each variable that the file insists on and the example leaves to the user. */
const blanks = (
  text: string,
  values: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/\$\{(\w+):\?/g)]
      .filter(([, name = '']) => (values[name] ?? '') === '')
      .map(([, name = '']) => [name, filledIn])
  )

/** What K2 has against the settings that the file gives it. */
const settingFaults = ({ services }: ComposeFile): readonly string[] => {
  const given = services['k2']?.environment
  if (given === undefined) return ['there is no service k2 with an environment']
  try {
    readConfig(given, [])
    return []
  } catch (error) {
    if (error instanceof ConfigRejected) return error.faults
    throw error
  }
}

const envLine = ({ isOwn }: ComposeEnvironment): CheckLine =>
  isOwn
    ? line('compose', 'deploy/.env', { figure: 'is there' })
    : notConfigured('compose', 'deploy/.env', 'is not there: cp deploy/.env.example deploy/.env')

const runningLines = async (projectRoot: string): Promise<readonly CheckLine[]> => {
  const ran = await docker(['compose', '-f', join(projectRoot, file), 'ps', '--all'])
  if (typeof ran === 'string') return [notConfigured('compose', 'containers', ran)]
  const lines = containerLines(ran.stdout)
  return lines.length > 0
    ? lines
    : [notConfigured('compose', 'containers', 'none runs: docker compose up -d in deploy/')]
}

interface Container {
  readonly Service: string
  readonly State: string
  readonly Health?: string
  readonly ExitCode?: number
}

/** A line for each; `docker compose` prints a document for each, or one of all. */
export const containerLines = (stdout: string): readonly CheckLine[] =>
  stdout
    .split('\n')
    .filter((it) => it.trim() !== '')
    .flatMap((it) => JSON.parse(it) as Container | Container[])
    .map(({ Service: name, State: state, Health: health = '', ExitCode: code = 0 }) => {
      const isDone = state === 'exited' && code === 0
      const isWell = isDone || (state === 'running' && (health === '' || health === 'healthy'))
      const isStarting = state === 'running' && health === 'starting'
      return line('compose', name, {
        figure: state === 'exited' ? `exited with code ${code}` : `${state} ${health}`.trim(),
        ...(isWell
          ? {}
          : { remedy: `docker compose logs ${name}   (in deploy/)`, isFailure: !isStarting })
      })
    })

/** What it printed; or why there is nothing to print. */
const docker = (args: readonly string[]): Promise<{ readonly stdout: string } | string> =>
  new Promise((resolve) => {
    const all = [...args, '--format', 'json']
    execFile('docker', all, { timeout: dockerMsMax }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout })
      else if (error.code === 'ENOENT') resolve('there is no Docker on this machine')
      // The client alone knows no `compose`, and takes its flags for its own.
      else if (/unknown (?:shorthand )?flag|is not a docker command/.test(stderr))
        resolve('this Docker has no compose plugin')
      else resolve(`Docker cannot be asked: ${(stderr || error.message).trim().split('\n')[0]}`)
    })
  })
