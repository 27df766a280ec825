/**
 * What the demonstration is shown on: K2 with an exchange of its own, started here, or one that
 * runs already.
 *
 * 1. What was started here ends with `close`, and at the latest with this process.
 * 2. K2 keeps its address through a restart: who looks at its page need not look for it.
 * 3. With data: `open` ends once there is enough of it for every step.
 */
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Variant } from '../record.ts'
import { findK2, type RunningK2 } from '../simulate-k2.ts'
import { Site } from '../site.ts'
import { aborted } from './aborted.ts'

export interface Stage {
  readonly variant: Variant | 'attached'
  readonly url: string
  /** Undefined where there is none that can be asked and told. */
  readonly exchangeUrl: string | undefined
  /** Of K2; undefined where it is not known, or not running. */
  readonly pid: number | undefined
  /** Carried to the object store so far; undefined where there is no slow line to it. */
  readonly uploadedBytes: number | undefined
  readonly controlExchange: (body: Readonly<Record<string, unknown>>) => Promise<void>
  /** SIGKILL of the process that has the log. @throws where it is not this stage's to kill */
  readonly killLog: () => Promise<void>
  readonly restartLog: () => Promise<void>
  /** SIGKILL of K2 itself. @throws where it is not this stage's to kill */
  readonly killK2: () => Promise<void>
  readonly startK2: () => Promise<void>
  /** SIGSTOP and SIGCONT: it is there, and does not answer. */
  readonly pauseK2: () => Promise<void>
  readonly resumeK2: () => Promise<void>
  readonly close: () => Promise<void>
}

export interface StageOptions {
  readonly projectRoot: string
  /** Empty; everything goes there. */
  readonly folder: string
  readonly variant: Variant
  readonly seed: number
  /** Told what is being done. */
  readonly note: (text: string) => void
  /** Where K2 is to answer; any free port unless told. */
  readonly port?: number
  /** Aborted while it is opened: what was started is ended, and it is not waited for. */
  readonly signal?: AbortSignal
}

/**
 * Marks far below what they are by default: a flood of seconds is to be seen. What comes in at ease
 * while a broker is started, some 20 s, is below graceful: its kill is shown without a loss.
 */
const showSettings = {
  K2_DEGRADATION_LAG_ENTER: '8000,30000,70000,2000000',
  K2_DEGRADATION_LAG_LEAVE: '4000,15000,35000,1000000',
  K2_DEGRADATION_COOLDOWN: '3s',
  // Lag is what it is shown by. A quarter of an hour of questions leaves more in memory than the
  // four minutes that a demonstration's limit is for, and that would hold the level up for long.
  K2_MEMORY_LIMIT: '1GiB',
  // Older versions of the table are spoken of for minutes.
  K2_SNAPSHOTS_MAX: '60',
  K2_COMMIT_AGE: '2s'
} as const

/** What steps ask for at most, and commits that lie between two versions. */
const [tradesMin, snapshotsMin] = [12_000, 8]
const dataMsMax = 90_000
const pollMs = 250

export const openStage = async (options: StageOptions): Promise<Stage> => {
  const { note } = options
  const port = options.port ?? (await freePort())
  const settings = { ...showSettings, K2_HTTP_PORT: String(port) } // (2)
  const site = new Site({ ...options, settings })
  const stage: Stage = {
    variant: options.variant,
    url: `http://127.0.0.1:${port}`,
    get exchangeUrl() {
      return site.exchangeUrl
    },
    get pid() {
      return site.k2.pid
    },
    get uploadedBytes() {
      return site.uploadedBytes
    },
    controlExchange: (body) => site.controlExchange(body),
    killLog: () => site.killLog(),
    restartLog: () => site.restartLog(),
    killK2: () => site.k2.kill(),
    startK2: () => site.startK2(),
    pauseK2: () => Promise.resolve(site.k2.pause()),
    resumeK2: () => Promise.resolve(site.k2.resume()),
    close: () => site.close()
  }
  const opened = async () => {
    await site.open()
    note('waiting for data')
    await hasData(stage.url)
  }
  try {
    const { signal } = options
    await (signal === undefined ? opened() : Promise.race([opened(), aborted(signal)]))
  } catch (error) {
    await site.close() // (1)
    throw error
  }
  return stage
}

/** A K2 that runs somewhere; faults but the kill are possible if it has an exchange of its own. */
export const attachStage = async (url: string): Promise<Stage> => {
  const k2: RunningK2 = await findK2({
    url,
    apiKey: process.env['K2_API_KEY'],
    exchange: undefined
  })
  const notOurs = (): Promise<never> =>
    Promise.reject(
      new Error(`the K2 at ${url} was not started here, and is not killed: leave out --url`)
    )
  return {
    variant: 'attached',
    url,
    exchangeUrl: k2.exchangeUrl,
    pid: undefined,
    uploadedBytes: undefined,
    controlExchange: (body) => k2.controlExchange(body),
    killLog: notOurs,
    restartLog: notOurs,
    killK2: notOurs,
    startK2: notOurs,
    pauseK2: notOurs,
    resumeK2: notOurs,
    close: () => Promise.resolve()
  }
}

/** (3) */
const hasData = async (url: string): Promise<void> => {
  const untilMs = Date.now() + dataMsMax
  const ask = async (path: string) => {
    const response = await fetch(`${url}${path}`)
    return ((await response.json()) as { readonly data?: unknown }).data
  }
  for (;;) {
    const snapshots = (await ask('/v1/snapshots?limit=100')) as readonly unknown[] | undefined
    const stats = (await ask('/v1/stats')) as { readonly trades_count?: number } | undefined
    const [commits, trades] = [snapshots?.length ?? 0, stats?.trades_count ?? 0]
    if (commits >= snapshotsMin && trades >= tradesMin) return
    if (Date.now() > untilMs) {
      throw new Error(
        `K2 had ${trades} trades in ${commits} commits after ${dataMsMax / 1_000} s, ` +
          `${tradesMin} in ${snapshotsMin} are needed`
      )
    }
    await delay(pollMs)
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
