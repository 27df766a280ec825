/**
 * A program in a process of its own that waits between what it is asked for: lines go in, each is
 * answered by a line of JSON. It ends with this process, whose end closes its input.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

const answerMsMax = 120_000

export class LineProcess {
  readonly #name: string
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #exited: Promise<void>
  #output = ''
  #look: (() => void) | undefined

  /** @param name for messages */
  constructor(name: string, command: string, args: readonly string[]) {
    this.#name = name
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#exited = new Promise((ended) => {
      this.#child.once('error', () => ended())
      this.#child.once('exit', () => ended())
    })
    this.#child.stdin.on('error', () => undefined) // it has ended, which the next answer says
    this.#child.stdout.on('data', (bytes: Buffer) => {
      this.#output += bytes.toString('utf8')
      this.#look?.()
    })
    void this.#exited.then(() => this.#look?.())
  }

  ask<Answer>(line: string): Promise<Answer> {
    this.#child.stdin.write(`${line}\n`)
    return this.answer()
  }

  /** The next line of its output. */
  answer<Answer>(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer)
        this.#look = undefined
      }
      const fail = (problem: string) => {
        stop()
        reject(new Error(`${this.#name} ${problem}`))
      }
      const timer = setTimeout(() => fail(`did not answer within ${answerMsMax} ms`), answerMsMax)
      this.#look = () => {
        const end = this.#output.indexOf('\n')
        if (end >= 0) {
          const line = this.#output.slice(0, end)
          this.#output = this.#output.slice(end + 1)
          stop()
          resolve(JSON.parse(line) as Answer)
        } else if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
          fail('ended early; its messages stand above')
        }
      }
      this.#look()
    })
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), answerMsMax)
    await this.#exited.finally(() => clearTimeout(timer))
  }
}
