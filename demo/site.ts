/**
 * What a demonstration runs on: an exchange, an object store behind a slow line, K2, and Kafka with
 * its schema registry unless K2 has the log itself. All on this machine's loopback, in one folder.
 *
 * 1. `close` ends all of it, whatever happened before. So does the end of this process, and where
 *    it is killed, K2 and the exchange by their channel to it, and Kafka by its guardian.
 * 2. K2 and the exchange are the built ones, set by their settings and flags alone.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExchangeMember } from '../chaos/exchange-member.ts'
import { K2Member, type LedgerGap } from '../chaos/k2-member.ts'
import { findStack, openStack, type Stack } from '../deploy/local/stack.ts'
import { type ObjectStore, startObjectStore } from './object-store.ts'
import { calmRates, lineBytesPerSecond, symbols } from './plan.ts'
import type { Variant } from './record.ts'
import { demoSettings } from './settings.ts'

export interface SiteOptions {
  readonly projectRoot: string
  /** Empty; everything goes there. */
  readonly folder: string
  readonly variant: Variant
  readonly seed: number
  /** Of K2, beside those of a demonstration. */
  readonly settings?: Readonly<Record<`K2_${string}`, string>>
  /** Told what is being started. */
  readonly note: (text: string) => void
}

const readyMsMax = 120_000
const controlMsMax = 10_000
const urlMsMax = 200
const bucket = 'k2'

export class Site {
  readonly #options: SiteOptions
  readonly #exchange: ExchangeMember
  #stack: Stack | undefined
  #store: ObjectStore | undefined
  #k2: K2Member | undefined
  #guardian: ChildProcess | undefined

  constructor(options: SiteOptions) {
    const { folder, projectRoot, seed } = options
    this.#options = options
    mkdirSync(join(folder, 'output'), { recursive: true })
    chmodSync(folder, 0o755)
    const rates = `${calmRates[1]},${calmRates[2]},${calmRates[3]}`
    const flags = ['--even', `--tier-rates=${rates}`, `--symbols=${symbols.join()}`]
    this.#exchange = new ExchangeMember({ projectRoot, folder, seed, flags })
  }

  get k2(): K2Member {
    if (this.#k2 === undefined) throw new Error('K2 has not been started')
    return this.#k2
  }

  get exchangeUrl(): string {
    return this.#exchange.restUrl
  }

  get issuedFolder(): string {
    return this.#exchange.issuedFolder
  }

  /** Ends that nobody asked for, in words. */
  get unexpectedEnds(): readonly string[] {
    return [this.#exchange, this.#k2].flatMap((member) => member?.unexpectedEnds ?? [])
  }

  async open(): Promise<void> {
    const { folder, variant, note } = this.#options
    if (variant === 'kafka') {
      note('starting Kafka and its schema registry')
      const stackFolder = join(folder, 'stack')
      this.#guardian = guardianOf(stackFolder)
      this.#stack = await openStack({ folder: stackFolder, services: ['kafka', 'registry'] })
    }
    note('starting the exchange and K2')
    this.#store = await startObjectStore({
      folder: this.objects,
      bucket,
      bytesPerSecond: lineBytesPerSecond
    })
    this.#exchange.start()
    await this.#exchange.listens(readyMsMax)
    this.#k2 = this.#makeK2(this.#store.endpoint)
    await this.startK2()
  }

  get objects(): string {
    return join(this.#options.folder, 'objects')
  }

  get uploadedBytes(): number {
    return this.#store?.uploadedBytes() ?? 0
  }

  async startK2(): Promise<void> {
    this.k2.start()
    await this.k2.ready(readyMsMax)
  }

  /** Kafka's process, or the one that has the log: SIGKILL. */
  async killLog(): Promise<void> {
    await (this.#stack === undefined ? this.k2.kill() : this.#stack.service('kafka').kill())
  }

  /** Ends once it answers again. */
  async restartLog(): Promise<void> {
    await (this.#stack === undefined ? this.startK2() : this.#stack.service('kafka').start())
  }

  controlExchange(body: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#exchange.control(body)
  }

  /** K2 drains, then the exchange ends; what did not end well, in words. */
  async drain(): Promise<readonly string[]> {
    const k2 = await this.k2.end('SIGINT')
    const exchange = await this.#exchange.end('SIGINT')
    return [
      ...(k2.code === 0 ? [] : [`K2 should have drained and ended with 0: ${JSON.stringify(k2)}`]),
      ...(exchange.code === 0 ? [] : [`the exchange ended with ${JSON.stringify(exchange)}`])
    ]
  }

  /** Metadata file of the table of trades, by the catalog's own pointer. */
  get tableMetadata(): string {
    const pointers = join(
      this.#options.folder, 'data', 'warehouse', '_catalog', 'market', 'trades'
    )
    const newest = readdirSync(pointers).filter((name) => name.endsWith('.json')).sort().at(-1)
    if (newest === undefined) throw new Error(`${pointers} names no version of the table`)
    const { 'metadata-location': location } = JSON.parse(
      readFileSync(join(pointers, newest), 'utf8')
    ) as { readonly 'metadata-location': string }
    const [, path] = /^s3:\/\/(.+)$/.exec(location) ?? []
    return path === undefined ? fileURLToPath(location) : join(this.objects, path)
  }

  /** Throws while it is not known where K2 answers. */
  async k2UrlNow(): Promise<string> {
    const none = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('K2 has told no address')), urlMsMax).unref()
    })
    return Promise.race([this.k2.url(), none])
  }

  /** All gaps that K2 has known of, closed ones included. */
  async gaps(): Promise<readonly LedgerGap[]> {
    const address = `${await this.k2.url()}/v1/gaps?state=all&limit=10000`
    const response = await fetch(address, { signal: AbortSignal.timeout(controlMsMax) })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return (JSON.parse(text) as { readonly data: readonly LedgerGap[] }).data
  }

  /** (1) */
  async close(): Promise<void> {
    await Promise.all([this.#exchange.kill(), this.#k2?.kill()])
    // Also one that was being started.
    await (await findStack(join(this.#options.folder, 'stack')))?.destroy()
    await this.#store?.close()
    this.#guardian?.send('done')
  }

  #makeK2(s3Endpoint: string): K2Member {
    const { folder, projectRoot } = this.#options
    const { webSocketUrl, restUrl } = this.#exchange
    const addresses = this.#stack?.addresses
    return new K2Member({
      name: 'K2',
      cwd: projectRoot,
      outputFile: join(folder, 'output', 'k2.log'),
      env: {
        ...demoSettings,
        ...this.#options.settings,
        K2_DATA_DIR: join(folder, 'data'),
        K2_BINANCE_WEBSOCKET_URL: webSocketUrl,
        K2_BINANCE_REST_URL: restUrl,
        K2_BINANCE_SYMBOLS: symbols.join(),
        K2_ICEBERG_S3_ENDPOINT: s3Endpoint,
        K2_ICEBERG_S3_BUCKET: bucket,
        K2_ICEBERG_S3_ACCESS_KEY_ID: 'demo',
        K2_ICEBERG_S3_SECRET_ACCESS_KEY: 'demonstration',
        ...(addresses === undefined
          ? {}
          : {
              K2_KAFKA_BOOTSTRAP_SERVERS: addresses.kafkaBootstrap,
              K2_KAFKA_SCHEMA_REGISTRY_URL: addresses.registryUrl
            })
      }
    })
  }
}

/** (1): a process of its own, which outlives this one if that is killed. */
const guardianOf = (stackFolder: string): ChildProcess => {
  const guardian = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'guardian.ts'), stackFolder],
    { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }
  )
  guardian.unref()
  guardian.channel?.unref()
  return guardian
}
