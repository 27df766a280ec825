/**
 * One run: K2, its venue, its disk, its broker and its catalog, with faults for a while and then
 * none, until all is quiet; then the verdict. A run is its seed.
 */
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../../src/actors/data-types.ts'
import type { Shared } from '../../src/actors/shared.ts'
import type { EventLogReader } from '../../src/adapters/log/event-log.ts'
import { openLogReader } from '../../src/adapters/log/log-reader.ts'
import { checkAlways } from './always.ts'
import { Broken } from './broken.ts'
import { Broker, stillLog } from './broker.ts'
import type { Component } from './component.ts'
import { Environment } from './environment.ts'
import { LanderGroup } from './group.ts'
import { K2, type K2Options } from './k2.ts'
import { examineLedger, type LedgerEvidence, unhealed } from './gap-verdict.ts'
import { Ledger, type Topics } from './ledger.ts'
import { Link } from './network.ts'
import { phasesOf } from './phases.ts'
import { SimulatedProcess } from './process.ts'
import { settled } from './scheduler.ts'
import { partitionCount, type Setup, setupOf } from './settings.ts'
import { CatalogService } from './stores.ts'
import { Striker } from './striker.ts'
import { SwapNotes } from './swap-notes.ts'
import { peekTable } from './tables.ts'
import { VenueHistory } from './venue-history.ts'
import { Venue } from './venue.ts'
import { judge, landedOffsets } from './verdict.ts'
import { k2Options } from './wiring.ts'

export interface RunReport {
  readonly seed: number
  /** Undefined where every promise was kept. */
  readonly broken: string | undefined
  readonly issued: number
  readonly rows: number
  readonly simulatedMs: number
  readonly steps: number
}

interface Member {
  readonly options: K2Options
  k2: K2 | undefined
  isDraining: boolean
  startedMs: number
}

const topics: Topics = {
  trades: 'market.crypto.trades.binance',
  gaps: 'market.crypto.gaps.binance'
}

/** What a send or swap may still be on its way after it was given up, and more. */
const quietMsMin = 8_000
/** Where nothing is sent. */
const stillMsMin = 3_000
const quietMsMax = 300_000

export class World {
  readonly environment: Environment
  readonly setup: Setup
  readonly venue: Venue
  readonly links: Readonly<Record<'broker' | 'catalog', Link>>
  readonly broker: Broker | undefined
  readonly history: VenueHistory
  /** Of those who land trades, and of those who write the ledger. */
  readonly groups: Readonly<Record<keyof Topics, LanderGroup>>
  readonly catalog: CatalogService | undefined
  readonly members: readonly Member[]
  readonly ledger = new Ledger(topics)
  readonly swaps: SwapNotes

  constructor(
    seed: number,
    options: { readonly write?: (line: string) => void; readonly components?: readonly Component[] }
  ) {
    const environment = new Environment(seed, options.write)
    this.environment = environment
    this.setup = setupOf(environment.setup)
    this.venue = new Venue(environment, this.setup)
    this.history = new VenueHistory(environment, this.venue, this.setup.weight)
    this.swaps = new SwapNotes(environment)
    this.links = {
      broker: new Link(environment, 'broker link'),
      catalog: new Link(environment, 'catalog link')
    }
    this.broker = this.setup.hasBroker
      ? new Broker(environment, new Map([[topics.trades, partitionCount], [topics.gaps, 1]]))
      : undefined
    environment.onDoom = (process) => this.#doom(process)
    this.groups = {
      trades: new LanderGroup(environment, partitionCount),
      gaps: new LanderGroup(environment, 1)
    }
    this.catalog = this.setup.hasCatalogService
      ? new CatalogService(() => new SimulatedProcess(environment, 'catalog'))
      : undefined
    const components = options.components ?? []
    const names = ['k2', ...Array.from({ length: this.setup.otherLanders }, () => 'lander')]
    this.members = names.map((name) => {
      const member: Member = {
        options: k2Options({ world: this, name, components, onEnd: () => this.#ended(member) }),
        k2: undefined,
        isDraining: false,
        startedMs: 0
      }
      return member
    })
  }

  async run(): Promise<RunReport> {
    const { environment, setup, venue } = this
    const striker = new Striker(this)
    let rows = 0
    let broken: string | undefined
    try {
      for (const member of this.members) this.start(member)
      venue.open(setup.tradesPerSecond)
      striker.start()
      await this.#runUntil(setup.faultMs)
      this.#heal()
      await this.#runUntil(setup.faultMs + 2_000)
      venue.close()
      await this.#untilQuiet()
      rows = (await judge(this.#evidence(await this.#openLog()))).rows
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      broken = error.message
      environment.trace('world', `broken: ${broken}`)
    }
    const { nowMs: simulatedMs, steps } = environment.scheduler
    const { seed } = environment
    environment.trace('world', `ends with ${rows} rows of ${venue.issued.size} trades`)
    return { seed, broken, issued: venue.issued.size, rows, simulatedMs, steps }
  }

  /** Ends a process at once, whatever it is at; another follows. */
  kill(member: Member): void {
    const { k2 } = member
    if (k2 === undefined) return
    this.#notePhases(member)
    k2.process.trace('is killed')
    this.#leave(member)
    this.#startLater(member, this.environment.between(20, 800))
  }

  #doom(process: number): void {
    if (process === this.catalog?.process.pid) this.killCatalog()
    const member = this.members.find(({ k2 }) => k2?.process.pid === process)
    if (member !== undefined) this.kill(member)
  }

  /** Ends all processes, and loses what is not durable. */
  cutPower(): void {
    const { environment } = this
    environment.trace('machine', 'loses its power')
    for (const member of this.members) {
      if (member.k2 === undefined) continue
      this.#notePhases(member)
      this.#leave(member)
    }
    if (this.catalog !== undefined) environment.machine.end(this.catalog.process.pid)
    environment.machine.losePower()
    const delayMs = environment.between(200, 1_500)
    environment.scheduler.after(delayMs, () => this.catalog?.restart())
    for (const member of this.members) this.#startLater(member, delayMs + 20)
  }

  killCatalog(): void {
    const { catalog, environment } = this
    if (catalog === undefined || !catalog.process.isRunning) return
    environment.trace('catalog', 'is killed')
    environment.machine.end(catalog.process.pid)
    environment.scheduler.after(environment.between(50, 2_000), () => {
      if (!catalog.process.isRunning) catalog.restart()
    })
  }

  /** As an operator does, who then starts it again. */
  drain(member: Member): void {
    const { k2 } = member
    if (k2 === undefined || member.isDraining) return
    member.isDraining = true
    k2.drain()
    // What does not end in time is ended (K2_SHUTDOWN_TIMEOUT).
    this.environment.scheduler.after(10_000, () => {
      if (member.k2 === k2) this.kill(member)
    })
  }

  start(member: Member): void {
    if (member.k2 !== undefined) return
    member.isDraining = false
    member.startedMs = this.environment.scheduler.nowMs
    member.k2 = new K2(member.options)
    member.k2.start()
  }

  #startLater(member: Member, delayMs: number): void {
    this.environment.scheduler.after(delayMs, () => this.start(member))
  }

  /** The tree has ended: the process ends, and whoever watches it starts it again. */
  #ended(member: Member): void {
    const { k2 } = member
    if (k2 === undefined) return
    k2.process.trace('ends')
    this.#leave(member)
    this.#startLater(member, this.environment.between(20, 800))
  }

  #leave(member: Member): void {
    const { k2 } = member
    if (k2 === undefined) return
    member.k2 = undefined
    this.environment.machine.end(k2.process.pid)
    for (const group of Object.values(this.groups)) group.noteEnded()
  }

  #notePhases(member: Member): void {
    const { environment } = this
    const { machine, scheduler } = environment
    const pid = member.k2?.process.pid
    const pending = machine.pending.filter(({ process }) => process === pid)
    for (const phase of phasesOf(pending)) environment.note(phase)
    if (pending.length === 0) environment.note('ended in: quiet')
    if (member.isDraining) environment.note('ended in: drain')
    if (scheduler.nowMs - member.startedMs < 150) environment.note('ended in: start')
    const inFlight = member.k2?.shared.trades.publisher.current?.counts.inFlight ?? 0
    if (inFlight > 0) environment.note('ended in: send')
  }

  #heal(): void {
    this.environment.heal()
    for (const link of Object.values(this.links)) link.mend()
    this.broker?.comeUp()
    for (const group of Object.values(this.groups)) group.assign()
    for (const { k2 } of this.members) {
      k2?.release()
      if (k2 !== undefined) k2.process.hoardedBytes = 0
    }
  }

  async #runUntil(ms: number): Promise<void> {
    while (this.environment.scheduler.nowMs < ms) await this.#step()
  }

  async #step(): Promise<void> {
    if (!this.environment.scheduler.step()) throw new Broken('nothing is left to happen')
    await settled()
    for (const { k2 } of this.members) if (k2 !== undefined) checkAlways(this.environment, k2)
    if (this.ledger.takeCommit()) await examineLedger(this.#ledgerEvidence)
  }

  async #untilQuiet(): Promise<void> {
    const { scheduler } = this.environment
    const startMs = scheduler.nowMs
    for (;;) {
      await this.#runUntil(scheduler.nowMs + 1_000)
      if (scheduler.nowMs - startMs < this.#quietMsMin) continue
      const unquiet = await this.#unquiet()
      if (unquiet === undefined) return
      if (scheduler.nowMs - startMs > quietMsMax) throw new Broken(`never quiet: ${unquiet}`)
    }
  }

  get #quietMsMin(): number {
    const { hasBroker, hasCatalogService } = this.setup
    return hasBroker || hasCatalogService ? quietMsMin : stillMsMin
  }

  /** Why it is not quiet; undefined where it is. */
  async #unquiet(): Promise<string | undefined> {
    if (!this.venue.isDone) return 'nobody hears the last trades'
    for (const { k2, options } of this.members) {
      if (k2 === undefined) return `${options.name} does not run`
      const { trades, spool } = k2.shared
      if (options.roles.includes('ingest')) {
        const publisher = trades.publisher.current
        if (publisher === undefined) return 'there is no publisher'
        if (publisher.pendingBytes > 0) return `${publisher.pendingBytes} bytes are pending`
        const records = spool.current?.usage().records
        if (records !== 0) return `${records} records are in the spool`
        const level = k2.shared.policy.current?.level
        if (this.setup.hasLadder && level !== 'normal') return `the level is ${level}`
      }
    }
    const log = this.#served()?.log.current
    if (log === undefined) return 'there is no log'
    const table = await Effect.runPromise(Effect.option(peekTable(this.environment, tradesSpec)))
    if (table._tag === 'None') return 'there is no table'
    const landed = landedOffsets(table.value, { log: log as never, topic: topics.trades })
    for (let partition = 0; partition < partitionCount; partition += 1) {
      const end = await this.#endOf(topics.trades, partition)
      const offset = landed[partition] ?? 0
      if (offset < end) return `partition ${partition} has landed to ${offset} of ${end}`
    }
    if (!this.setup.hasHealing) return undefined
    return unhealed(this.#ledgerEvidence, await this.#endOf(topics.gaps, 0))
  }

  #served(): Shared | undefined {
    return this.members[0]?.k2?.shared
  }

  async #endOf(topic: string, partition: number): Promise<number> {
    if (this.broker !== undefined) return this.broker.endOf(topic, partition)
    const bounds = this.#served()!.log.current!.bounds(topic, partition)
    return (await Effect.runPromise(bounds)).durableEnd
  }

  async #openLog(): Promise<Pick<EventLogReader, 'read' | 'bounds' | 'identityOf'>> {
    const { broker } = this
    if (broker !== undefined) return stillLog(broker)
    const { folder, log } = this.#served()!
    return Effect.runPromise(
      openLogReader({
        directory: folder.log,
        files: this.environment.machine.peek(),
        watermarks: log.current!.watermarks()
      })
    )
  }

  #evidence(log: Pick<EventLogReader, 'read' | 'bounds' | 'identityOf'>) {
    const { venue, setup } = this
    const { hasHealing } = setup
    return { ...this.#ledgerEvidence, venue, hasHealing, topic: topics.trades, partitionCount, log }
  }

  get #ledgerEvidence(): LedgerEvidence {
    return { environment: this.environment, ledger: this.ledger }
  }
}
