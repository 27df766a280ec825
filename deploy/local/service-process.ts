/**
 * One process of a stack, from the outside: it outlives whoever started it, and whoever comes later
 * finds it by what is noted in `run/<name>.json`.
 *
 * 1. Signals go to the process that was started, never to another that has its id now.
 * 2. `start` returns when the service answers a request of its protocol, or throws with the newest
 *    lines of its log.
 * 3. A process is noted before it is waited for: one that hangs can still be ended.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFree } from './ports.ts'
import {
  conditionOf,
  identityOf,
  type ProcessCondition,
  type ProcessIdentity,
  signalGroup
} from './process-identity.ts'
import { awaitAnswer } from './readiness.ts'
import type { Command, ServiceSpec } from './services/service-spec.ts'
import { StackProblem } from './stack-problem.ts'

export type ServiceCondition = ProcessCondition | 'not started'

const killMsMax = 20_000
const logBytesMax = 8 * 1_024 * 1_024
const logLinesShown = 25

export class ServiceProcess {
  readonly spec: ServiceSpec
  readonly logFile: string
  readonly #runFile: string
  /** What this object has started, for `killAtExit`. */
  #started: ProcessIdentity | undefined

  constructor(folder: string, spec: ServiceSpec) {
    this.spec = spec
    this.logFile = join(folder, 'logs', `${spec.name}.log`)
    this.#runFile = join(folder, 'run', `${spec.name}.json`)
  }

  get name(): string {
    return this.spec.name
  }

  /** Of the running or paused process. */
  async pid(): Promise<number | undefined> {
    const identity = await this.identity()
    return identity === undefined || conditionOf(identity) === 'ended' ? undefined : identity.pid
  }

  async condition(): Promise<ServiceCondition> {
    const identity = await this.identity()
    return identity === undefined ? 'not started' : conditionOf(identity)
  }

  /** What was started last, whether it still runs or not. */
  async identity(): Promise<ProcessIdentity | undefined> {
    try {
      return JSON.parse(await readFile(this.#runFile, 'utf8')) as ProcessIdentity
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      const remedy = `end ${this.name} and remove the file`
      throw new StackProblem(`${this.#runFile} is unreadable: ${remedy}`, { cause: error })
    }
  }

  /** Starts it unless it runs, and waits until it answers. A paused one is not woken. */
  async start(): Promise<void> {
    const condition = await this.condition()
    if (condition === 'paused') {
      throw new StackProblem(`${this.name} is paused: resume it instead of starting it`)
    }
    const logFrom = condition === 'running' ? 0 : await this.#launch()
    await awaitAnswer(async () => this.#ask(logFrom), {
      what: `${this.name} to be ready`,
      msMax: this.spec.readyMsMax,
      evidence: async () => this.#evidence()
    })
  }

  /** SIGKILL: it gets no chance to clean up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL', killMsMax)
  }

  /** Asks it to end, insists when it has not within `stopMsMax`. */
  async stop(): Promise<void> {
    const identity = await this.identity()
    if (identity === undefined) return
    // A paused process would not hear the request.
    signalGroup(identity, 'SIGCONT')
    const hasEnded = await this.#end(this.spec.stopSignal, this.spec.stopMsMax, 'insist')
    if (!hasEnded) await this.kill()
    await rm(this.#runFile, { force: true })
  }

  /** SIGSTOP: connections stay open, and nobody answers. */
  async pause(): Promise<void> {
    await this.#signal('SIGSTOP', 'paused')
  }

  /** SIGCONT. */
  async resume(): Promise<void> {
    await this.#signal('SIGCONT', 'running')
  }

  /** For the end of this process, which waits for nothing: only what was started here. */
  killAtExit(): void {
    if (this.#started !== undefined) signalGroup(this.#started, 'SIGKILL')
  }

  /** Newest lines of the log. */
  async logTail(linesMax: number): Promise<string> {
    const text = await readFile(this.logFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    return text.trimEnd().split('\n').slice(-linesMax).join('\n')
  }

  /** Where its part of the log begins, in bytes. */
  async #launch(): Promise<number> {
    const command = await this.spec.prepare()
    for (const port of this.spec.ports) {
      if (await isFree(port)) continue
      throw new StackProblem(
        `port ${port} of ${this.name} is taken: end what listens there, or choose other ports`
      )
    }
    await mkdir(join(this.#runFile, '..'), { recursive: true })
    const logFrom = await this.#roomInLog()
    const pid = this.#spawn(command)
    const identity = identityOf(pid)
    if (identity === undefined) {
      throw new StackProblem(`${this.name} ended at once\n${await this.#evidence()}`)
    }
    this.#started = identity
    await writeFile(`${this.#runFile}.new`, `${JSON.stringify(identity)}\n`)
    await rename(`${this.#runFile}.new`, this.#runFile)
    return logFrom
  }

  #spawn({ program, args, env = {}, user }: Command): number {
    const log = openSync(this.logFile, 'a')
    try {
      const child = spawn(program, args, {
        // A session and process group of its own: what ends its starter's terminal does not end it.
        detached: true,
        cwd: this.spec.folder,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...env },
        ...user
      })
      // Reported as "ended": without a process id the next line has none to return.
      child.on('error', () => undefined)
      child.unref()
      if (child.pid === undefined) {
        throw new StackProblem(`${this.name}: ${program} cannot be run; is it installed?`)
      }
      return child.pid
    } finally {
      closeSync(log)
    }
  }

  async #ask(logFrom: number): Promise<string | undefined> {
    if ((await this.condition()) === 'ended') {
      throw new StackProblem(`${this.name} ended before it was ready\n${await this.#evidence()}`)
    }
    return this.spec.notReadyBecause(async () => {
      const bytes = await readFile(this.logFile)
      return bytes.subarray(logFrom).toString('utf8')
    })
  }

  async #end(
    signal: NodeJS.Signals,
    msMax: number,
    onDeadline: 'fail' | 'insist' = 'fail'
  ): Promise<boolean> {
    const identity = await this.identity()
    if (identity === undefined || !signalGroup(identity, signal)) return true
    const isEnded = async () =>
      conditionOf(identity) === 'ended' ? undefined : `it is ${conditionOf(identity)}`
    try {
      await awaitAnswer(isEnded, {
        what: `${this.name} to end after ${signal}`,
        msMax,
        evidence: async () => this.#evidence()
      })
      return true
    } catch (error) {
      if (onDeadline === 'insist') return false
      throw error
    }
  }

  async #signal(signal: NodeJS.Signals, wanted: ProcessCondition): Promise<void> {
    const identity = await this.identity()
    if (identity === undefined || !signalGroup(identity, signal)) {
      throw new StackProblem(`${this.name} does not run: start it first`)
    }
    await awaitAnswer(
      async () => (conditionOf(identity) === wanted ? undefined : `it is ${conditionOf(identity)}`),
      {
        what: `${this.name} to be ${wanted} after ${signal}`,
        msMax: killMsMax,
        evidence: async () => this.#evidence()
      }
    )
  }

  /** A log that has grown large begins anew; the old one is kept until the next time. */
  async #roomInLog(): Promise<number> {
    await mkdir(join(this.logFile, '..'), { recursive: true })
    const bytes = await stat(this.logFile).then(
      ({ size }) => size,
      () => 0
    )
    if (bytes <= logBytesMax) return bytes
    await rename(this.logFile, `${this.logFile}.old`)
    return 0
  }

  async #evidence(): Promise<string> {
    return `newest lines of ${this.logFile}:\n${await this.logTail(logLinesShown)}`
  }
}
