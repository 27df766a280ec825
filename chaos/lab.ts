/**
 * What a run works on: the services, the exchange, and K2 split into its roles, all on this
 * machine's loopback, in one folder.
 *
 * 1. `close` ends all of it, whatever happened before, and leaves the folder to its owner.
 * 2. K2 is the built one, set by its settings alone: nothing in it knows of the lab.
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openStack, type Stack } from '../deploy/local/stack.ts'
import { brokenEquations } from './conservation.ts'
import { LabDisk } from './disk.ts'
import { type Drill, drillRunbook } from './drill.ts'
import { ExchangeMember } from './exchange-member.ts'
import { K2Member } from './k2-member.ts'
import type { Timeline } from './timeline.ts'
import { untilWhole, type Wholeness } from './wholeness.ts'

export interface LabOptions {
  readonly projectRoot: string
  /** Empty; everything that the run writes goes there. */
  readonly folder: string
  readonly seed: number
  /** Trades per second of the exchange. */
  readonly rate: number
  readonly landers: number
  readonly diskBytes: number | undefined
  readonly timeline: Timeline
}

const readyMsMax = 180_000
/** Each fault is a relapse that doubles the cooldown: by default a run would wait minutes. */
const quickRecovery = { K2_DEGRADATION_COOLDOWN: '2s', K2_DEGRADATION_RAMP_STEP: '1s' }
const off = 'off,off,off,off'
/** How fast an event loop turns beside all of a lab, and other work, is the machine's. */
const unhurried = { K2_DEGRADATION_LOOP_DELAY_ENTER: off, K2_DEGRADATION_LOOP_DELAY_LEAVE: off }

export const openLab = async (options: LabOptions): Promise<Lab> => {
  const { folder, timeline } = options
  // Started by root, PostgreSQL runs as another user, who must get to its folder.
  chmodSync(folder, 0o755)
  for (const name of ['output', 'data']) mkdirSync(join(folder, name), { recursive: true })
  const disk = new LabDisk(join(folder, 'data'), options.diskBytes)
  await disk.mount()
  const stack = await openStack({
    folder: join(folder, 'stack'),
    services: ['kafka', 'registry', 's3', 'catalog']
  })
  timeline.note('services run')
  const lab = new Lab(options, stack, disk)
  try {
    await lab.start()
  } catch (error) {
    await lab.close()
    throw error
  }
  return lab
}

export class Lab {
  readonly stack: Stack
  readonly landers: readonly K2Member[]
  readonly exchange: ExchangeMember
  readonly #disk: LabDisk
  readonly #options: LabOptions
  #ingest: K2Member | undefined
  #serve: K2Member | undefined

  constructor(options: LabOptions, stack: Stack, disk: LabDisk) {
    this.stack = stack
    this.#disk = disk
    this.#options = options
    const { folder, projectRoot, seed, rate, landers } = options
    this.exchange = new ExchangeMember({ projectRoot, folder, seed, flags: [`--rate=${rate}`] })
    this.landers = Array.from({ length: landers }, (_, index) =>
      this.#k2(`land-${index + 1}`, { K2_ROLES: 'land' })
    )
  }

  get ingest(): K2Member {
    if (this.#ingest === undefined) throw new Error('the lab has not been started')
    return this.#ingest
  }

  get k2s(): readonly K2Member[] {
    return [this.#ingest, this.#serve, ...this.landers].filter((it) => it !== undefined)
  }

  async start(): Promise<void> {
    const { timeline } = this.#options
    this.exchange.start()
    await this.exchange.listens(readyMsMax)
    const { webSocketUrl, restUrl, symbols } = this.exchange
    this.#ingest = this.#k2('ingest', {
      K2_ROLES: 'ingest',
      K2_BINANCE_WEBSOCKET_URL: webSocketUrl,
      K2_BINANCE_REST_URL: restUrl,
      K2_BINANCE_SYMBOLS: symbols.join(',')
    })
    this.#serve = this.#k2('serve', { K2_ROLES: 'serve' })
    for (const k2 of this.k2s) k2.start()
    await this.ready()
    timeline.note('K2 runs', { processes: this.k2s.map(({ name }) => name).join() })
  }

  async ready(): Promise<void> {
    await Promise.all(this.k2s.map((k2) => k2.ready(readyMsMax)))
  }

  whole(): Promise<Wholeness> {
    const serve = this.#serve!
    return untilWhole({
      symbols: this.exchange.symbols,
      issuedId: (symbol) => this.exchange.newestId(symbol),
      landedId: (symbol) => serve.newestId(symbol),
      ledger: (state) => serve.gapLedger(state)
    })
  }

  /** Each process says it of its own part (R16). */
  async imbalances(): Promise<readonly string[]> {
    const found = this.k2s.map(async (k2) => {
      const broken = await brokenEquations(await k2.url())
      const wordsOf = (it: unknown) => `${k2.name}: records do not add up: ${JSON.stringify(it)}`
      return broken.map(wordsOf)
    })
    return (await Promise.all(found)).flat()
  }

  /** What the runbook's first look does not show. */
  async drill(drill: Drill): Promise<string | undefined> {
    const k2 = drill.on === 'ingest' ? this.ingest : this.landers[0]!
    const { projectRoot } = this.#options
    const port = k2.isRunning ? { K2_HTTP_PORT: new URL(await k2.url()).port } : {}
    return drillRunbook(drill, { projectRoot, env: { ...k2.env, ...port } })
  }

  controlExchange(body: Readonly<Record<string, unknown>>): Promise<void> {
    return this.exchange.control(body)
  }

  killIngest(): Promise<void> {
    return this.ingest.kill()
  }

  async startIngest(): Promise<void> {
    this.ingest.start()
    await this.ingest.ready(readyMsMax)
  }

  fillDisk(): Promise<void> {
    return this.#disk.fill()
  }

  freeDisk(): Promise<void> {
    return this.#disk.free()
  }

  /** (1) */
  async close(): Promise<void> {
    await Promise.all([this.exchange, ...this.k2s].map((member) => member.kill()))
    await this.stack.close()
    await this.#disk.unmount()
  }

  #k2(name: string, settings: Readonly<Record<`K2_${string}`, string>>): K2Member {
    const { folder, projectRoot } = this.#options
    const { kafkaBootstrap, registryUrl, s3, catalogUri } = this.stack.addresses
    return new K2Member({
      name,
      cwd: projectRoot,
      outputFile: join(folder, 'output', `${name}.log`),
      env: {
        K2_FEEDS: 'binance',
        ...quickRecovery,
        ...unhurried,
        K2_DATA_DIR: join(folder, 'data', name),
        K2_KAFKA_BOOTSTRAP_SERVERS: kafkaBootstrap,
        K2_KAFKA_SCHEMA_REGISTRY_URL: registryUrl,
        K2_ICEBERG_CATALOG_URI: catalogUri,
        K2_ICEBERG_S3_ENDPOINT: s3.endpoint,
        K2_ICEBERG_S3_BUCKET: s3.bucket,
        K2_REFERENCE_INTERVAL: 'off',
        K2_ICEBERG_S3_ACCESS_KEY_ID: s3.accessKey,
        K2_ICEBERG_S3_SECRET_ACCESS_KEY: s3.secretKey,
        ...settings
      }
    })
  }
}
