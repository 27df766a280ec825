/**
 * A process of the lab: K2 or the exchange, with its output in a file.
 *
 * 1. It ends with the lab, and at the latest with this process, by its own pid; killed or paused it
 *    can be started or resumed. Where this process is killed itself, K2 and the exchange notice by
 *    their channel to it.
 * 2. An end that nobody asked for is a fault of the run, and is kept for the verdict.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { withoutSettings } from './without-settings.ts'

export interface MemberOptions {
  readonly name: string
  /** Arguments of `node`. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Takes standard output and standard error, of all its lives. */
  readonly outputFile: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const pollMs = 100

const running = new Set<ChildProcess>()

/** (1) */
const endWithThisProcess = (child: ChildProcess): void => {
  if (running.size === 0) process.once('exit', killRunning)
  running.add(child)
  child.once('exit', () => {
    running.delete(child)
    if (running.size === 0) process.removeListener('exit', killRunning)
  })
}

const killRunning = (): void => {
  for (const child of running) child.kill('SIGKILL')
}

export class Member {
  readonly name: string
  readonly #options: MemberOptions
  #child: ChildProcess | undefined
  #exited: Promise<Ended> | undefined
  #stdout = ''
  #isEndExpected = false
  readonly #unexpected: string[] = []

  constructor(options: MemberOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Ends that nobody asked for, in words (2). */
  get unexpectedEnds(): readonly string[] {
    return this.#unexpected
  }

  /** Of all its lives; it must have been started. */
  get output(): string {
    return readFileSync(this.#options.outputFile, 'utf8')
  }

  /** Its settings. */
  get env(): Readonly<Record<string, string>> {
    return this.#options.env
  }

  get isRunning(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Of its present life; undefined while it does not run. */
  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined
  }

  start(): void {
    if (this.isRunning) return
    const { args, env, cwd, outputFile } = this.#options
    this.#stdout = ''
    this.#isEndExpected = false
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...withoutSettings(process.env), ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc']
    })
    this.#child = child
    endWithThisProcess(child)
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      appendFileSync(outputFile, text)
    })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => appendFileSync(outputFile, text))
    this.#exited = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        if (!this.#isEndExpected) {
          this.#unexpected.push(`${this.name} ended by itself (${signal ?? `exit code ${code}`})`)
        }
        resolve({ code, signal })
      })
    })
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    if (this.isRunning) this.#child?.kill('SIGCONT')
  }

  /** How it ended; it must have been started. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    if (this.#exited === undefined) return { code: null, signal: null }
    this.#isEndExpected = true
    if (this.isRunning) this.#child?.kill(signal)
    return this.#exited
  }

  /** Waits for text in the standard output of its present life. */
  async matching(pattern: RegExp, msMax: number): Promise<RegExpExecArray> {
    const deadline = Date.now() + msMax
    for (;;) {
      const match = pattern.exec(this.#stdout)
      if (match !== null) return match
      const file = this.#options.outputFile
      if (!this.isRunning) throw new Error(`${this.name} ended before ${pattern}: see ${file}`)
      if (Date.now() > deadline) {
        throw new Error(`${this.name} did not write ${pattern} within ${msMax} ms: see ${file}`)
      }
      await delay(pollMs)
    }
  }
}
