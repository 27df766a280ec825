/** The simulated exchange as a process, which records what it issues. */
import { join } from 'node:path'
import { Member } from './member.ts'

export interface ExchangeMemberOptions {
  readonly projectRoot: string
  /** Its record goes to `issued` in it, its output to `output/exchange.log`. */
  readonly folder: string
  readonly seed: number
  /** Further ones. */
  readonly flags: readonly string[]
}

const requestMsMax = 10_000

export class ExchangeMember extends Member {
  /** What it has issued, by its own account. */
  readonly issuedFolder: string
  /** Known once it `listens`. */
  webSocketUrl = ''
  restUrl = ''
  symbols: readonly string[] = []

  constructor({ projectRoot, folder, seed, flags }: ExchangeMemberOptions) {
    const issuedFolder = join(folder, 'issued')
    super({
      name: 'the exchange',
      cwd: projectRoot,
      env: {},
      outputFile: join(folder, 'output', 'exchange.log'),
      args: [
        join(projectRoot, 'dist', 'cli', 'exchange.js'),
        '--port=0',
        `--seed=${seed}`,
        `--issued-record=${issuedFolder}`,
        ...flags
      ]
    })
    this.issuedFolder = issuedFolder
  }

  /** Ends once it can be connected to. */
  async listens(msMax: number): Promise<void> {
    const listing = /^exchange: ([A-Z0-9]+(?: [A-Z0-9]+)*)$/m
    const [, symbols = ''] = await this.matching(listing, msMax)
    this.symbols = symbols.split(' ')
    const addresses = /listening on (ws:\S+) and (http:\S+)/
    const [, webSocketUrl = '', restUrl = ''] = await this.matching(addresses, msMax)
    this.webSocketUrl = webSocketUrl
    this.restUrl = restUrl
  }

  /** Sets faults, or takes them back. */
  async control(body: Readonly<Record<string, unknown>>): Promise<void> {
    const response = await fetch(`${this.restUrl}/control/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(requestMsMax)
    })
    if (!response.ok) {
      throw new Error(`the exchange refused ${JSON.stringify(body)}: ${await response.text()}`)
    }
  }

  /** Of its newest trade of a symbol. */
  async newestId(symbol: string): Promise<number> {
    const response = await fetch(`${this.restUrl}/api/v3/ticker/24hr?symbol=${symbol}`, {
      signal: AbortSignal.timeout(requestMsMax)
    })
    const { lastId } = (await response.json()) as { readonly lastId?: number }
    if (lastId === undefined) throw new Error(`the exchange does not know ${symbol}`)
    return lastId
  }
}
