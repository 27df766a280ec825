/** Programs that end: installers, builders, key makers. Their output is shown when they fail. */
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { StackProblem } from '../stack-problem.ts'

export interface Program {
  readonly program: string
  readonly args: readonly string[]
  /** What it does, for the message: `Kafka cannot be fetched`. */
  readonly failure: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly msMax?: number
}

const msMaxDefault = 900_000
const linesShown = 20
const outputCharactersMax = 1_024 * 1_024
/** Builds give way to what runs beside them. */
const niceness = 10

/** What it printed, both streams as one. */
export const runProgram = async ({
  program,
  args,
  failure,
  cwd,
  env,
  user,
  msMax = msMaxDefault
}: Program): Promise<string> =>
  new Promise((resolve, reject) => {
    let output = ''
    const child = spawn(program, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      timeout: msMax,
      ...user
    })
    if (child.pid !== undefined) setPriority(child.pid, niceness)
    const fail = (reason: string) => {
      const lines = output.trimEnd().split('\n').slice(-linesShown).join('\n')
      reject(new StackProblem(`${failure}: ${program} ${reason}\n${lines}`))
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        output = (output + bytes.toString('utf8')).slice(-outputCharactersMax)
      })
    }
    child.once('error', (error) => fail(error.message))
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output)
      else if (signal === null) fail(`ended with ${code}`)
      else fail(`was ended by ${signal}; it may take ${msMax / 1_000} s`)
    })
  })
