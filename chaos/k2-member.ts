/** A K2 of the lab: started as its users start it, seen over its API only. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nodeFlags } from '../scripts/node-flags.mjs'
import { Member, type MemberOptions } from './member.ts'

const announceMsMax = 120_000
const requestMsMax = 10_000
const pollMs = 500
/** As many as the API gives at once: a run that has more of them is none that is explained. */
const gapsMax = 10_000

/** As `/v1/gaps` says it. */
export interface LedgerGap {
  readonly symbol: string
  readonly from_id: number | null
  readonly to_id: number | null
  readonly reason: string
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

  /** Open gaps of its ledger. */
  async gaps(): Promise<readonly LedgerGap[]> {
    const response = await this.#get(`/v1/gaps?state=open&limit=${gapsMax}`)
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return (JSON.parse(text) as { readonly data: readonly LedgerGap[] }).data
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
