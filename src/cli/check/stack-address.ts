/** The stack of `npm run stack`, as its own command tells of it: what runs, and where. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface StackFacts {
  readonly services: ReadonlyArray<{
    readonly name: string
    readonly condition: string
    readonly pid?: number
    readonly memoryMiB?: number
  }>
  readonly addresses: {
    readonly kafkaBootstrap: string
    readonly registryUrl: string
    readonly catalogUri: string
    readonly prometheusUrl: string
    readonly s3: { readonly endpoint: string }
    readonly postgres: { readonly host: string; readonly port: number }
  }
}

const answerMsMax = 60_000

/** Undefined where none was ever brought up; a text says why it cannot be asked. */
export const readStack = (projectRoot: string): Promise<StackFacts | string | undefined> => {
  if (!existsSync(join(projectRoot, '.k2-stack', 'stack.json'))) return Promise.resolve(undefined)
  const args = [join('scripts', 'run.mjs'), join('deploy', 'local', 'main.ts'), 'status', '--json']
  const options = { cwd: projectRoot, timeout: answerMsMax }
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as StackFacts)
      else resolve((stderr || error.message).trim())
    })
  })
}

/** Whether a service of it runs: what a stack that is down says is no fault. */
export const isUp = ({ services }: StackFacts, name: string): boolean =>
  services.some((it) => it.name.startsWith(name) && it.condition === 'running')
