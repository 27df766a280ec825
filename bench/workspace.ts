/**
 * What a benchmark leaves behind: nothing. It owns the processes that were started and the folder
 * that they write to.
 *
 * 1. `close` ends every process by its id and removes the folder, whatever happened before.
 * 2. A process also ends when this one dies: its IPC channel closes, on which K2 and the exchange
 *    drain.
 */
import { type ChildProcess, type Serializable, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { withoutSettings } from '../chaos/without-settings.ts'

export const projectRoot = resolve(import.meta.dirname, '..')

export interface StartOptions {
  /** For messages, for example `K2`. */
  readonly name: string
  /** Arguments of `node`. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const linesMax = 40
const killMsMax = 5_000

/** A process of this benchmark, its output read line by line. */
export class Running {
  readonly name: string
  readonly startedMs = Date.now()
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #exited: Promise<number | null>
  readonly #listeners = new Set<() => void>()
  #output = ''

  constructor({ name, args, env }: StartOptions) {
    this.name = name
    this.#child = spawn(process.execPath, args, {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...withoutSettings(process.env), ...env }
    })
    this.#exited = new Promise((resolveExit, reject) => {
      this.#child.once('error', reject)
      this.#child.once('exit', (code) => resolveExit(code))
    })
    this.#child.stdout!.on('data', (bytes: Buffer) => {
      this.#output += bytes.toString('utf8')
      for (const listener of this.#listeners) listener()
    })
    this.#child.stderr!.on('data', (bytes: Buffer) => this.#note(bytes.toString('utf8')))
    this.#exited.then(
      () => this.#listeners.forEach((listener) => listener()),
      () => this.#listeners.forEach((listener) => listener())
    )
  }

  get pid(): number {
    return this.#child.pid!
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Newest lines of standard error. */
  get errors(): string {
    return this.#lines.join('\n')
  }

  /** Waits until standard output matches. */
  async matching(pattern: RegExp, msMax: number): Promise<RegExpExecArray> {
    return new Promise((found, failed) => {
      const stop = () => {
        clearTimeout(timer)
        this.#listeners.delete(look)
      }
      const look = () => {
        const match = pattern.exec(this.#output)
        if (match === null && !this.hasExited) return
        stop()
        if (match !== null) found(match)
        else failed(new Error(`${this.name} ended before it was ready: ${this.errors}`))
      }
      const timer = setTimeout(() => {
        stop()
        failed(new Error(`${this.name} was not ready within ${msMax} ms: ${this.errors}`))
      }, msMax)
      this.#listeners.add(look)
      look()
    })
  }

  /** Its answer to a message, which is the next message that it sends. */
  async ask<Answer>(request: unknown, msMax: number): Promise<Answer> {
    return new Promise((resolveAnswer, reject) => {
      const stop = () => {
        clearTimeout(timer)
        this.#child.off('message', answered)
        this.#listeners.delete(look)
      }
      const fail = (problem: string) => {
        stop()
        reject(new Error(`${this.name} ${problem}: ${this.errors}`))
      }
      const answered = (answer: unknown) => {
        stop()
        resolveAnswer(answer as Answer)
      }
      const look = () => {
        if (this.hasExited) fail('ended instead of answering')
      }
      const timer = setTimeout(() => fail(`did not answer within ${msMax} ms`), msMax)
      this.#child.on('message', answered)
      this.#listeners.add(look)
      this.#child.send(request as Serializable, (error) => {
        if (error !== null) fail(error.message)
      })
    })
  }

  /** Asks it to end, insists after `msMax`. Its exit code; null when it had to be killed. */
  async end(msMax: number): Promise<number | null> {
    if (this.hasExited) return this.#child.exitCode
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), msMax)
    return this.#exited.finally(() => clearTimeout(timer))
  }

  #note(text: string): void {
    this.#lines.push(...text.split('\n').filter((line) => line !== ''))
    this.#lines.splice(0, this.#lines.length - linesMax)
  }
}

export class Workspace {
  readonly root: string
  readonly #running = new Set<Running>()
  #folders = 0

  private constructor(root: string) {
    this.root = root
  }

  static async open(folder: string | undefined): Promise<Workspace> {
    const parent = resolve(folder ?? tmpdir())
    await mkdir(parent, { recursive: true })
    return new Workspace(await mkdtemp(join(parent, 'k2-bench-')))
  }

  /** A new, empty folder. */
  async folder(name: string): Promise<string> {
    this.#folders += 1
    const path = join(this.root, `${name}-${this.#folders}`)
    await mkdir(path)
    return path
  }

  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true })
  }

  start(options: StartOptions): Running {
    const running = new Running(options)
    this.#running.add(running)
    return running
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#running].map((running) => running.end(killMsMax)))
    await this.discard(this.root)
  }
}
