/** A K2 of the lab: started as its users start it, seen over its API only. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeFlags } from '../scripts/node-flags.mjs'
import { Member, type MemberOptions } from './member.ts'

const announceMsMax = 120_000
const requestMsMax = 10_000
const pollMs = 500
/** As many as the API gives at once. */
const gapsMax = 10_000

/** As `/v1/gaps` says it. */
export interface LedgerGap {
  readonly symbol: string
  readonly data_type: string
  readonly reason: string
  /** Records. */
  readonly count: number
}

export interface GapLedger {
  readonly gaps: readonly LedgerGap[]
  readonly openGaps: number
  readonly openTrades: number
}

export class K2Member extends Member {
  constructor(options: Omit<MemberOptions, 'args'>) {
    const main = join(options.cwd, 'dist', 'main.js')
    super({
      ...options,
      args: [...nodeFlags, main],
      env: { UV_THREADPOOL_SIZE: '16', K2_HTTP_PORT: '0', ...options.env }
    })
  }

  /** Base address of the API of its present life. */
  async url(): Promise<string> {
    const [, url = ''] = await this.matching(/(http:\/\/[^/\s]+)\/health\b/, announceMsMax)
    return url
  }

  /** Waits until it says that it does what it is for. */
  async ready(msMax: number): Promise<void> {
    const deadline = Date.now() + msMax
    let last = 'no answer'
    while (Date.now() < deadline) {
      try {
        const response = await this.#get('/health/ready')
        if (response.ok) return
        last = await response.text()
      } catch (error) {
        last = String(error)
      }
      await delay(pollMs)
    }
    throw new Error(`${this.name} was not ready within ${msMax} ms: ${last}`)
  }

  async gapLedger(state: 'open' | 'all'): Promise<GapLedger> {
    const { data, meta } = (await this.#json(`/v1/gaps?state=${state}&limit=${gapsMax}`)) as {
      readonly data: readonly LedgerGap[]
      readonly meta: { readonly open_gaps: number; readonly open_trades: number }
    }
    return { gaps: data, openGaps: meta.open_gaps, openTrades: meta.open_trades }
  }

  /** Of the newest trade of a symbol that has landed; undefined where none has. */
  async newestId(symbol: string): Promise<number | undefined> {
    const { data } = (await this.#json(`/v1/trades?symbol=${symbol}&limit=1`)) as {
      readonly data: readonly { readonly source_sequence: number }[]
    }
    return data[0]?.source_sequence
  }

  async #json(path: string): Promise<unknown> {
    const response = await this.#get(path)
    const text = await response.text()
    if (!response.ok) throw new Error(`${this.name} answers ${path} with ${text}`)
    return JSON.parse(text)
  }

  /** Sum of a metric over its series; undefined where there is none. */
  async metric(name: string): Promise<number | undefined> {
    const text = await (await this.#get('/metrics')).text()
    const values = [...text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)$/gm)]
      .filter(([, found]) => found === name)
      .map(([, , value]) => Number(value))
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
  }

  async #get(path: string): Promise<Response> {
    return fetch(`${await this.url()}${path}`, { signal: AbortSignal.timeout(requestMsMax) })
  }
}
