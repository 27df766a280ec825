/** A running K2 and what it depends on, as `simulate` finds them. */
import { findStack, type Stack } from '../deploy/local/stack.ts'
import type { Sample, Transition } from './record.ts'
import type { SimulateFlags } from './simulate-flags.ts'
import { lookAt } from './watch.ts'

/** It cannot be done; the message says why, and what helps. */
export class CannotBeDone extends Error {}

const answerMsMax = 10_000

export interface Looked {
  readonly sample: Sample
  readonly transitions: readonly Transition[]
}

/** Where it is, and with which key it answers. */
export type K2Address = Pick<SimulateFlags, 'url' | 'apiKey' | 'exchange'>

export class RunningK2 {
  readonly #flags: K2Address
  readonly #exchange: string | undefined

  constructor(flags: K2Address, exchange: string | undefined) {
    this.#flags = flags
    this.#exchange = exchange
  }

  look(): Promise<Looked> {
    return lookAt({
      k2Url: this.#flags.url,
      exchangeUrl: this.#exchange,
      headers: headersOf(this.#flags)
    })
  }

  /** @throws CannotBeDone where there is no exchange that can be told */
  async controlExchange(body: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.#exchange === undefined) {
      throw new CannotBeDone(
        'this K2 listens to no exchange of its own: run `npm run exchange`, have K2 listen to it ' +
          '(K2_BINANCE_WEBSOCKET_URL, K2_BINANCE_REST_URL), and give its address by --exchange'
      )
    }
    await request(`${this.#exchange}/control/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  }

  /** Where its exchange is controlled. */
  get exchangeUrl(): string | undefined {
    return this.#exchange
  }

  get hasExchange(): boolean {
    return this.#exchange !== undefined
  }

  async injectPressure(level: string, seconds: number): Promise<void> {
    await this.#pressure('POST', JSON.stringify({ level, expires_seconds: seconds }))
  }

  async clearPressure(): Promise<void> {
    await this.#pressure('DELETE')
  }

  async #pressure(method: 'POST' | 'DELETE', body?: string): Promise<void> {
    await request(`${this.#flags.url}/v1/system/pressure`, {
      method,
      headers: { ...headersOf(this.#flags), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body })
    })
  }
}

/** @throws CannotBeDone where there is no K2 */
export const findK2 = async (flags: K2Address): Promise<RunningK2> => {
  const text = await request(`${flags.url}/v1/system/actors`, { headers: headersOf(flags) })
  const port = /"path":"root\/ingest\/exchange".*?"port":(\d+)/.exec(text)?.[1]
  const own = port === undefined ? undefined : `http://127.0.0.1:${port}`
  return new RunningK2(flags, flags.exchange ?? own)
}

/** @throws CannotBeDone */
export const stackOf = async ({ stack: folder }: SimulateFlags): Promise<Stack> => {
  const stack = await findStack(folder)
  if (stack !== undefined) return stack
  throw new CannotBeDone(
    `there is no stack in ${folder}: \`npm run stack -- up --services kafka,registry\` brings ` +
      'one up, --stack names its folder'
  )
}

const headersOf = ({ apiKey }: K2Address): Readonly<Record<string, string>> =>
  apiKey === undefined ? {} : { 'x-api-key': apiKey }

const request = async (address: string, init: RequestInit): Promise<string> => {
  let response: Response
  try {
    response = await fetch(address, { ...init, signal: AbortSignal.timeout(answerMsMax) })
  } catch (error) {
    const { message, cause } = error as Error
    const detail = cause instanceof Error ? cause.message : message
    throw new CannotBeDone(
      `nobody answers at ${address} (${detail}): is it running? --help names the addresses`,
      { cause: error }
    )
  }
  const text = await response.text()
  if (response.ok) return text
  throw new CannotBeDone(`${address} answered ${response.status}: ${text}`)
}
