/**
 * K2 as its users run it: the built `src/main.ts` in a process of its own, seen from outside only.
 *
 * 1. A process ends with the test that started it, by its own pid, also when the test fails.
 * 2. Every wait is bounded; its error says what was waited for and shows K2's last log lines.
 * 3. The process gets the settings of the test and no `K2_…` variable of the test's environment.
 * 4. Whatever its test does, it accounts for every record, each second that it lives (R16).
 */
import { nodeFlags } from '../../scripts/node-flags.mjs'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect } from 'vitest'
import { withoutSettings } from '../../chaos/without-settings.ts'
import { unhurried } from './unhurried.ts'
import { until } from './until.ts'

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Machines that run other tests at the same time start slowly. */
const startMsMax = 180_000
const exitMsMax = 180_000
const requestMsMax = 30_000
const outputCharactersMax = 8 * 1_024 * 1_024
const shownLinesMax = 40

export type K2Settings = Readonly<Record<`K2_${string}`, string>>

export interface K2Options {
  /** Folder that holds `dist`; default: this project's. */
  readonly root?: string
  /** Command line of K2. */
  readonly args?: readonly string[]
  /** Module that is loaded before K2, with variables that it reads. */
  readonly preload?: { readonly module: URL; readonly env: Readonly<Record<string, string>> }
}

export interface K2Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One line of K2's log; `event` is `unreadable` for a line that is no JSON. */
export interface LogLine {
  readonly level: string
  readonly event: string
  readonly [field: string]: unknown
}

export interface K2Fixture {
  /** A new folder that goes with the test; it is kept, and named, when the test failed. */
  readonly dataFolder: () => string
  /** Starts K2; port 0 unless the settings say otherwise. Does not wait for anything. */
  readonly start: (settings: K2Settings, options?: K2Options) => K2Process
}

/** To be called once at the top of a test file: ends what the tests of the file start. */
export const k2Fixture = (): K2Fixture => {
  const processes = new Set<K2Process>()
  const folders = new Set<string>()
  afterEach(async ({ task }) => {
    const isFailed = task.result?.state === 'fail'
    for (const k2 of processes) {
      k2.kill('SIGKILL')
      await k2.exited
      if (isFailed) process.stderr.write(`${k2.describe()}\n`)
    }
    const unaccounted = [...processes].flatMap(({ log }) =>
      log.filter(({ event }) => event === 'conservation.broken')
    )
    processes.clear()
    for (const folder of folders) {
      if (isFailed) process.stderr.write(`kept for inspection: ${folder}\n`)
      else rmSync(folder, { recursive: true, force: true })
    }
    folders.clear()
    expect(unaccounted).toEqual([]) // (4)
  })
  return {
    dataFolder() {
      const folder = mkdtempSync(join(tmpdir(), 'k2-e2e-'))
      folders.add(folder)
      return folder
    },
    start(settings, options = {}) {
      const k2 = new K2Process(settings, options)
      processes.add(k2)
      return k2
    }
  }
}

export class K2Process {
  readonly exited: Promise<K2Exit>
  #exit: K2Exit | undefined
  #stdout = ''
  #stderr = ''
  readonly #child: ChildProcess

  constructor(settings: K2Settings, { root = projectRoot, args = [], preload }: K2Options) {
    const loaded = preload === undefined ? [] : ['--import', preload.module.href]
    const child = spawn(
      process.execPath,
      [...nodeFlags, ...loaded, join(root, 'dist', 'main.js'), ...args],
      {
        cwd: projectRoot,
        env: { ...environment(settings), ...preload?.env },
        stdio: ['ignore', 'pipe', 'pipe']
      }
    )
    this.#child = child
    const failed = new Promise<never>((_, reject) => child.once('error', reject))
    const closed = new Promise<K2Exit>((resolve) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal }
        resolve(this.#exit)
      })
    })
    this.exited = Promise.race([closed, failed])
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-outputCharactersMax)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-outputCharactersMax)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The log so far. */
  get log(): readonly LogLine[] {
    return this.#stderr.split('\n').flatMap((line) => (line === '' ? [] : [logLine(line)]))
  }

  /** To this process only. */
  kill(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal)
  }

  /** Whether the process has ended. */
  get hasEnded(): boolean {
    return this.#exit !== undefined
  }

  /** How the process ended, once it has. */
  async exit(msMax = exitMsMax): Promise<K2Exit> {
    return this.#until('the end of the process', () => this.#exit, msMax)
  }

  /** Base address of the API, once the banner has told it. */
  async url(): Promise<string> {
    return this.#whileRunning('the banner', () => this.announcedUrl)
  }

  /** Base address of the API if the banner has told it. */
  get announcedUrl(): string | undefined {
    return /^ {2}look\s+(http:\/\/\S+)\/health /m.exec(this.#stdout)?.[1]
  }

  /** Ends once this stands in what K2 wrote. */
  async wrote(text: RegExp): Promise<void> {
    await this.#whileRunning(`"${text.source}" in the output`, () =>
      text.test(this.#stdout) || text.test(this.#stderr) ? true : undefined
    )
  }

  /** Ends once K2 says that it serves what it is for. */
  async ready(): Promise<string> {
    const url = await this.url()
    await this.#whileRunning('readiness', async () =>
      (await this.#get('/health/ready'))?.ok === true ? true : undefined
    )
    return url
  }

  /** An answer of the API: status and text. */
  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${await this.url()}${path}`, {
      signal: AbortSignal.timeout(requestMsMax)
    })
    return { status: response.status, text: await response.text() }
  }

  /** Sum of a metric over the series that have these labels; undefined where there is none. */
  async metric(
    name: string,
    labels: Readonly<Record<string, string>> = {}
  ): Promise<number | undefined> {
    const { text } = await this.get('/metrics')
    return sumOf(text, name, labels)
  }

  /** Waits until a metric, over the series that have these labels, is at least so much. */
  async atLeast(
    name: string,
    wanted: number,
    labels: Readonly<Record<string, string>> = {}
  ): Promise<void> {
    let last: number | undefined
    await this.#whileRunning(
      `${name} of at least ${wanted}`,
      async () => {
        last = await this.metric(name, labels)
        return last !== undefined && last >= wanted ? true : undefined
      },
      { seen: () => String(last) }
    )
  }

  /** What it wrote, for the error of a test. */
  describe(): string {
    const lines = this.#stderr.trimEnd().split('\n').slice(-shownLinesMax)
    const state = this.#exit === undefined ? 'running' : `ended: ${JSON.stringify(this.#exit)}`
    return `K2 with pid ${this.#child.pid} (${state}) wrote last:\n${lines.join('\n')}`
  }

  /** (2), and fails at once when the process ends meanwhile. */
  #whileRunning<A>(
    what: string,
    ask: () => A | undefined | Promise<A | undefined>,
    { seen }: { readonly seen?: () => string } = {}
  ): Promise<A> {
    const asked = () => {
      if (this.#exit !== undefined) throw new Error(`K2 ended before ${what}\n${this.describe()}`)
      return ask()
    }
    return this.#until(what, asked, startMsMax, seen)
  }

  #until<A>(
    what: string,
    ask: () => A | undefined | Promise<A | undefined>,
    msMax: number,
    seen: () => string = () => ''
  ): Promise<A> {
    return until(ask, { what, msMax, seen: () => `${seen()}\n${this.describe()}` })
  }

  /** Undefined while nobody answers. */
  async #get(path: string): Promise<Response | undefined> {
    try {
      const signal = AbortSignal.timeout(requestMsMax)
      return await fetch(`${this.announcedUrl}${path}`, { signal })
    } catch {
      return undefined
    }
  }
}

/** (3) */
const environment = (settings: K2Settings): NodeJS.ProcessEnv => ({
  UV_THREADPOOL_SIZE: '16',
  ...withoutSettings(process.env),
  TSX_TSCONFIG_PATH: join(projectRoot, 'tsconfig.json'),
  K2_HTTP_PORT: '0',
  ...unhurried,
  // What it heals comes out of order: who wants that says so.
  K2_HEALING: 'off',
  ...settings
})

const logLine = (line: string): LogLine => {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { level: 'error', event: 'unreadable', line }
  }
}

const sumOf = (
  text: string,
  name: string,
  labels: Readonly<Record<string, string>>
): number | undefined => {
  let sum: number | undefined
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match === null || match[1] !== name) continue
    const series = match[2] ?? ''
    const matches = Object.entries(labels).every(([key, value]) =>
      series.split(',').includes(`${key}="${value}"`)
    )
    if (matches) sum = (sum ?? 0) + Number(match[3])
  }
  return sum
}
