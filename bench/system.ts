/** K2 and the exchange as processes of their own, started as a user's `npm start` would. */
import { join } from 'node:path'
import { nodeFlags as ownFlags } from '../scripts/node-flags.mjs'
import { settings } from '../src/adapters/config/settings.ts'
import { HttpClient } from './http-client.ts'
import type { Running, Workspace } from './workspace.ts'
import { projectRoot } from './workspace.ts'

/** How the simulated exchange plays its seeded market. */
export interface Market {
  /** `max`: as fast as it is read. 1: open-loop, by the clock (R17). */
  readonly speed: 'max' | 1
  /** Trades per second of the venue's clock. */
  readonly rate: number
}

/** The venue's times then pass about as real ones. */
export const fullSpeed: Market = { speed: 'max', rate: 100_000 }
const readyMsMax = 60_000

export interface Exchange {
  readonly running: Running
  readonly client: HttpClient
  readonly webSocketUrl: string
  readonly restUrl: string
  readonly symbols: readonly string[]
}

export const startExchange = async (
  workspace: Workspace,
  { speed, rate }: Market,
  flags: readonly string[] = []
): Promise<Exchange> => {
  const running = workspace.start({
    name: 'exchange',
    args: [
      ...built('cli/exchange.js'),
      '--port=0',
      '--seed=1',
      `--speed=${speed}`,
      `--rate=${rate}`,
      ...flags
    ],
    env: {}
  })
  const listing = /^exchange: ([A-Z0-9]+(?: [A-Z0-9]+)*)$/m
  const [, names = ''] = await running.matching(listing, readyMsMax)
  const [, webSocketUrl = '', restUrl = ''] = await running.matching(
    /listening on (ws:\S+) and (http:\S+)/,
    readyMsMax
  )
  const client = new HttpClient(restUrl)
  return { running, client, webSocketUrl, restUrl, symbols: names.split(' ') }
}

/** Figures are in trades; a K2 that knows of no other data type refuses the settings. */
const tradesOnly: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ['K2_DATA_TYPES', 'trades'],
    ['K2_REFERENCE_INTERVAL', 'off']
  ].filter(([name]) =>
    Object.values(settings).some(
      ({ variable }: { readonly variable: string }) => variable === name
    )
  )
)

export interface K2 {
  readonly running: Running
  readonly client: HttpClient
}

interface K2Options {
  readonly exchange: Exchange
  readonly nodeFlags?: readonly string[]
  /** Where the figure is of something else than the defaults. */
  readonly settings?: Readonly<Record<string, string>>
}

/** K2 on default settings, but for its folder, its port, its venue's address and trades only. */
export const startK2 = async (
  workspace: Workspace,
  folder: string,
  { exchange, nodeFlags = [], settings: others = {} }: K2Options
): Promise<K2> => {
  const running = workspace.start({
    name: 'K2',
    args: [...nodeFlags, ...built('main.js')],
    env: {
      UV_THREADPOOL_SIZE: '16', // as `scripts/run.mjs` sets it
      K2_HTTP_PORT: '0',
      K2_DATA_DIR: folder,
      K2_FEEDS: 'binance',
      K2_BINANCE_WEBSOCKET_URL: exchange.webSocketUrl,
      K2_BINANCE_REST_URL: exchange.restUrl,
      K2_BINANCE_SYMBOLS: exchange.symbols.join(','),
      ...tradesOnly,
      ...others
    }
  })
  return { running, client: new HttpClient(await apiUrl(running)) }
}

const endMsMax = 20_000

/** Runs `use` beside a K2 and its exchange, both of which have ended afterwards. */
export const withK2 = async (
  workspace: Workspace,
  folder: string,
  { market, flags = [], ...options }: WithK2,
  use: (k2: K2) => Promise<void>
): Promise<void> => {
  const exchange = await startExchange(workspace, market, flags)
  const k2 = await startK2(workspace, folder, { exchange, ...options })
  try {
    await use(k2)
  } finally {
    k2.client.close()
    exchange.client.close()
    await k2.running.end(endMsMax)
    await exchange.running.end(endMsMax)
  }
}

interface WithK2 extends Omit<K2Options, 'exchange'> {
  readonly market: Market
  /** Of the exchange. */
  readonly flags?: readonly string[]
}

/** A venue from which nothing comes: what is measured is not of what arrives. */
export const silent = { market: fullSpeed, flags: ['--fault', 'stall'] } as const

/** Where the API listens, as K2 says when it does. */
export const apiUrl = async (running: Running): Promise<string> => {
  const [, url = ''] = await running.matching(/(http:\/\/127\.0\.0\.1:\d+)\/health/, readyMsMax)
  return url
}

const built = (entry: string): readonly string[] => [
  ...ownFlags,
  join(projectRoot, 'dist', entry)
]
