/**
 * Fills the folder of a demonstration through K2 itself: a K2 in a process of its own captures from
 * a busy simulated exchange until so many trades have landed, and drains.
 *
 * 1. The process ends with this one, whatever happens here; what it must do has a deadline.
 * 2. It gets no setting of the caller's environment: the same folder comes of it everywhere.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { askUrl, NoAnswer, projectRoot } from '../check/check-context.ts'
import { readExposition, sumsBy } from '../check/exposition.ts'

interface Loaded {
  readonly trades: number
  readonly quotes: number
  readonly loadSeconds: number
  readonly drainSeconds: number
}

interface LoadOptions {
  readonly folder: string
  readonly tradesMin: number
  readonly tell: (line: string) => void
}

/** As fast as two cores capture and land beside each other with room to spare. */
const tradesPerSecond = 12_000
const pollMs = 250
const loadMsMax = 180_000
const drainMsMax = 60_000
const shownLines = 5

/** The K2 that loads ended, or did not do so in time. */
export class LoadFailed extends Error {}

/** @throws LoadFailed */
export const loadDemo = async (options: LoadOptions): Promise<Loaded> => {
  const startedMs = performance.now()
  const k2 = startK2(options.folder)
  try {
    const landed = await untilLanded(k2, options, startedMs)
    const drainedMs = performance.now()
    k2.child.kill('SIGTERM')
    await untilEnded(k2)
    return {
      ...landed,
      loadSeconds: (drainedMs - startedMs) / 1_000,
      drainSeconds: (performance.now() - drainedMs) / 1_000
    }
  } finally {
    if (k2.exitCode() === undefined) k2.child.kill('SIGKILL')
  }
}

interface LoadingK2 {
  readonly child: ChildProcess
  /** Once the banner has told it. */
  readonly url: () => string | undefined
  /** Undefined while it runs. */
  readonly exitCode: () => number | undefined
  readonly lastLines: () => string
}

/** (2) */
const settings: Readonly<Record<`K2_${string}`, string>> = {
  K2_FEEDS: 'simulated',
  K2_HTTP_PORT: '0',
  K2_SIMULATOR_RATE: String(tradesPerSecond),
  // Several snapshots, to travel between.
  K2_COMMIT_AGE: '2s',
  // A machine that is busy with other things is no reason to shed what is to be shown.
  K2_DEGRADATION_LOOP_DELAY_ENTER: 'off,off,off,off',
  K2_DEGRADATION_LOOP_DELAY_LEAVE: 'off,off,off,off',
  K2_SHUTDOWN_TIMEOUT: '30s'
}

const startK2 = (folder: string): LoadingK2 => {
  const main = join(projectRoot, 'dist', 'main.js')
  if (!existsSync(main)) throw new LoadFailed(`${main} is not there: npm run k2 builds it`)
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('K2_'))
  // Of the flags of this process those alone that K2 is started with.
  const execArgv = process.execArgv.filter((it) => /^--(?:enable-source|max-semi)/.test(it))
  // (1) It drains when it loses its channel to this process.
  const child = fork(main, ['--data-dir', folder], {
    env: { UV_THREADPOOL_SIZE: '16', ...Object.fromEntries(inherited), ...settings },
    execArgv,
    silent: true
  })
  let printed = ''
  let logged = ''
  let code: number | undefined
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (printed += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    logged = `${logged}${text}`.split('\n').slice(-shownLines).join('\n')
  })
  child.once('exit', (exit) => void (code = exit ?? 1))
  return {
    child,
    url: () => /^ {2}look\s+(http:\/\/\S+)\/health /m.exec(printed)?.[1],
    exitCode: () => code,
    lastLines: () => logged.trim()
  }
}

const untilLanded = async (
  k2: LoadingK2,
  { tradesMin, tell }: LoadOptions,
  startedMs: number
): Promise<{ readonly trades: number; readonly quotes: number }> => {
  let trades = 0
  while (performance.now() - startedMs < loadMsMax) {
    if (k2.exitCode() !== undefined)
      throw new LoadFailed(`K2 ended with ${k2.exitCode()} while it loaded:\n${k2.lastLines()}`)
    const landed = await landedIn(k2)
    trades = landed.trades
    if (trades >= tradesMin) return landed
    tell(`${trades} of ${tradesMin} trades have landed`)
    await pause(pollMs)
  }
  const seconds = loadMsMax / 1_000
  throw new LoadFailed(
    `after ${seconds} s ${trades} of ${tradesMin} trades have landed: ask for fewer by --trades`
  )
}

const landedIn = async (k2: LoadingK2) => {
  const url = k2.url()
  if (url === undefined) return { trades: 0, quotes: 0 }
  try {
    const { text } = await askUrl(`${url}/metrics`)
    // Of this process alone: the folder may have had rows before.
    const appended = { operation: 'append' }
    const rows = sumsBy(readExposition(text), 'k2_iceberg_rows_written_total', 'table', appended)
    const of = (type: string) => rows.get(`market.${type}`) ?? 0
    return { trades: of('trades'), quotes: of('quotes') }
  } catch (error) {
    // It listens a moment after the banner, or has ended: the next look says which.
    if (error instanceof NoAnswer) return { trades: 0, quotes: 0 }
    throw error
  }
}

const untilEnded = async (k2: LoadingK2): Promise<void> => {
  const startedMs = performance.now()
  while (k2.exitCode() === undefined) {
    if (performance.now() - startedMs > drainMsMax)
      throw new LoadFailed(`K2 has not drained within ${drainMsMax / 1_000} s`)
    await pause(50)
  }
  if (k2.exitCode() !== 0)
    throw new LoadFailed(`K2 ended with ${k2.exitCode()} as it drained:\n${k2.lastLines()}`)
}
