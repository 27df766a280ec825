/**
 * PyIceberg's append, in a process of its own that waits between what it is asked for
 * (`pyiceberg_appends.py`). It ends with this process, whose end closes its input.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { projectRoot } from './workspace.ts'

const answerMsMax = 120_000

export class PyIcebergAppends {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #exited: Promise<void>
  #output = ''
  #look: (() => void) | undefined

  /** @param python an interpreter that has PyIceberg with its SQL catalog */
  constructor(python: string, metadataFile: string, folder: string) {
    const script = join(projectRoot, 'bench', 'pyiceberg_appends.py')
    this.#child = spawn(python, [script, metadataFile, folder], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
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

  /** The rows of each batch that it can append. */
  async ready(): Promise<readonly number[]> {
    return (await this.#answer<{ readonly rows: readonly number[] }>()).rows
  }

  /** Milliseconds of each append. */
  append(count: number): Promise<readonly number[]> {
    this.#child.stdin.write(`append ${count}\n`)
    return this.#answer()
  }

  check(): Promise<{ readonly rows: number; readonly snapshots: number }> {
    this.#child.stdin.write('check\n')
    return this.#answer()
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), answerMsMax)
    await this.#exited.finally(() => clearTimeout(timer))
  }

  /** The next line of its output. */
  #answer<Answer>(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer)
        this.#look = undefined
      }
      const fail = (problem: string) => {
        stop()
        reject(new Error(`PyIceberg ${problem}`))
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
}
