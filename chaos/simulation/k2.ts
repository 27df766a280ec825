/**
 * K2 as a process of the simulated machine: the supervision tree with the actors of `src/`, over
 * simulated disk, network, venue and clock. It starts, is killed, and starts again with nothing but
 * its files.
 */
import * as Context from 'effect/Context'
import * as Effect from 'effect/Effect'
import * as Layer from 'effect/Layer'
import * as ManagedRuntime from 'effect/ManagedRuntime'
import type * as Scope from 'effect/Scope'
import { type AnyActorRef, createActor } from 'xstate'
import { type FromEffect, makeFromEffect } from '../../src/actors/effect-actor.ts'
import type { FeedAccounts } from '../../src/actors/ingest/feed-actor.ts'
import { makeInspector } from '../../src/actors/inspector.ts'
import { type Kernel, makeKernel } from '../../src/actors/kernel.ts'
import { makeShared, type Shared } from '../../src/actors/shared.ts'
import { actorAt } from '../../src/actors/status.ts'
import type { Config } from '../../src/adapters/config/config.ts'
import { BinanceSocket } from '../../src/adapters/exchange/binance-socket.ts'
import { FeedAccount } from '../../src/adapters/exchange/feed-account.ts'
import type { EventLogReader } from '../../src/adapters/log/event-log.ts'
import type { KeptSchemas } from '../../src/adapters/schema/kept-schemas.ts'
import { makeLogger } from '../../src/adapters/telemetry/logger.ts'
import { makeTelemetry, type Telemetry } from '../../src/adapters/telemetry/telemetry.ts'
import type { RestartLimit } from '../../src/machines/restart-policy.ts'
import type { SupervisorOutput } from '../../src/machines/supervisor-spec.ts'
import { Broken } from './broken.ts'
import { Cadence } from './cadence.ts'
import type { Component, ComponentContext } from './component.ts'
import type { Environment } from './environment.ts'
import { k2Tree, workerPaths } from './k2-tree.ts'
import type { LanderContext } from './lander-program.ts'
import {
  ObservedLogGate,
  ObservedSpoolGate,
  type OnAcknowledged,
  type SpoolNotes
} from './observed-gate.ts'
import { SimulatedProcess } from './process.ts'
import { noteCrash, noteLine, noteTransition } from './transitions.ts'
import type { VenueHistory } from './venue-history.ts'
import type { Venue } from './venue.ts'

export interface K2Options {
  readonly environment: Environment
  readonly name: string
  readonly roles: readonly ('ingest' | 'land')[]
  readonly settings: Config
  readonly limit: RestartLimit
  /** Whether a manager says how much is taken. */
  readonly isLevelled: boolean
  /** Whether what is missing is told in a table. */
  readonly hasLedger: boolean
  readonly venue: Venue
  readonly history: VenueHistory
  readonly openStores: (process: SimulatedProcess) => Shared['host']['openStores']
  /** The log of a broker; undefined: the log is embedded. */
  readonly broker:
    | {
        readonly serve: (
          process: SimulatedProcess
        ) => (shared: Shared) => Effect.Effect<void, never, Scope.Scope>
        readonly openReader: (
          process: SimulatedProcess,
          dataType: 'trades' | 'gaps'
        ) => Effect.Effect<EventLogReader, never, Scope.Scope>
      }
    | undefined
  readonly components: readonly Component[]
  readonly acknowledged: OnAcknowledged
  readonly spool: SpoolNotes
  readonly onCommit: LanderContext['onCommit']
  readonly onLetter: LanderContext['onLetter']
  /** The ledger has been committed. */
  readonly onLedger: () => void
  /** The tree has ended by itself. */
  readonly onEnd: (output: SupervisorOutput) => void
}

const commandsMax = 64

/** One life of K2. */
export class K2 {
  readonly process: SimulatedProcess
  readonly shared: Shared
  readonly accounts: FeedAccounts = { trades: new FeedAccount(), quotes: new FeedAccount() }
  readonly #options: K2Options
  readonly #kernel: Kernel
  readonly #fromEffect: FromEffect<BinanceSocket>
  readonly #root: AnyActorRef
  readonly #cadence = new Cadence()

  constructor(options: K2Options) {
    const { environment, name, settings } = options
    this.#options = options
    this.process = new SimulatedProcess(environment, name)
    this.shared = this.#makeShared(settings)
    const { context } = this.process
    this.#kernel = makeKernel({ nowMs: this.shared.nowMs, seed: environment.seed, context })
    const runtime = ManagedRuntime.make(this.#services)
    Effect.runSync(runtime.contextEffect)
    const bridge = { kernel: this.#kernel, commandsMax, releaseMsMax: 5_000 }
    this.#fromEffect = makeFromEffect(runtime, bridge)
    const tree = k2Tree({
      ...options,
      ...this.#componentContext,
      accounts: this.accounts,
      process: this.process
    })
    const inspector = makeInspector({
      nowMs: () => environment.scheduler.nowMs,
      transitionsMax: 10,
      observe: (transition) => {
        this.#cadence.note(transition)
        noteTransition(environment, this.process, transition)
      }
    })
    this.#root = createActor(tree.logic, {
      id: tree.spec.id,
      input: tree.spec.input,
      clock: this.process.actorClock,
      inspect: (event) => {
        inspector.inspect(event)
        noteCrash(environment, this.process, event)
      }
    })
    this.#root.subscribe({
      next: ({ status, output }) => {
        if (status === 'done') options.onEnd(output as SupervisorOutput)
      },
      error: () => undefined
    })
  }

  start(): void {
    this.process.trace('starts')
    this.#root.start()
  }

  /** As on SIGTERM. */
  drain(): void {
    this.process.trace('is asked to drain')
    this.#root.send({ type: 'stop.requested' })
  }

  /** Makes an actor's program fail, as a defect of it would. */
  crash(path: string): boolean {
    const actor = actorAt(this.#root, path)
    if (actor === undefined) return false
    this.process.trace(`${path} crashes`)
    actor.send({ type: 'effect.failed', error: { _tag: 'Simulated', message: 'a defect' } })
    return true
  }

  /** An operator's word for whatever is parked. */
  release(): void {
    for (const path of workerPaths) {
      const actor = actorAt(this.#root, path)
      const tags = (actor?.getSnapshot() as { readonly tags?: ReadonlySet<string> } | undefined)
        ?.tags
      if (tags?.has('quarantined') === true) actor?.send({ type: 'release.requested' })
    }
  }

  /** @throws Broken */
  check(): void {
    if (this.#cadence.breach !== undefined) throw new Broken(this.#cadence.breach)
    for (const component of this.#options.components) component.check(this.#componentContext)
  }

  get #componentContext(): ComponentContext {
    return {
      environment: this.#options.environment,
      process: this.process,
      shared: this.shared,
      kernel: this.#kernel,
      fromEffect: this.#fromEffect,
      limit: this.#options.limit
    }
  }

  get #services(): Layer.Layer<BinanceSocket> {
    const { venue } = this.#options
    const { process } = this
    const socket = BinanceSocket.of({
      connect: (_url, streams) => venue.connect(process, streams)
    })
    return Layer.succeedContext(Context.add(this.process.context, BinanceSocket, socket))
  }

  #makeShared(config: Config): Shared {
    const { environment, acknowledged, spool, openStores } = this.#options
    const { history, hasLedger, onLedger } = this.#options
    const { process } = this
    const nowMs = () => environment.wallMs
    const logger = makeLogger({
      level: 'debug',
      nowMs,
      write: (line) => process.trace(line.trimEnd())
    })
    const telemetry: Telemetry = {
      ...unread,
      log: (level, event, fields) => {
        noteLine(environment, event)
        if (event === 'ledger.committed') onLedger()
        if (environment.isTraced) logger.log(level, event, fields)
      }
    }
    const shared = makeShared({
        config,
        telemetry,
        nowMs,
        uuid: () => environment.uuid(),
        host: {
          files: process.files,
          clock: process.logClock,
          process: () => Promise.resolve(process.logProcess),
          monotonicMs: () => environment.scheduler.nowMs,
          steadyMs: () => environment.steadyMs,
          keptSchemas: () => knownSchemas,
          openStores: openStores(process),
          folderBytes: () => Effect.sync(() => environment.machine.usedBytes),
          send: history.sendFrom(process)
        }
      })
    return {
      ...shared,
      // The others have tables of their own, which nobody lands here.
      pipelines: hasLedger ? [shared.trades, shared.gaps] : [shared.trades],
      log: new ObservedLogGate((batch) => {
        acknowledged(batch)
        if (shared.policy.current?.areBatchesGrown !== true) return
        environment.note('action: throttle')
      }),
      spool: new ObservedSpoolGate({
        ...spool,
        spooled: (batch) => {
          spool.spooled(batch)
          const isOnPurpose = shared.policy.current?.isSpilling === true
          if (isOnPurpose && shared.trades.circuit.openedMs === null) {
            environment.note('action: spill')
          }
        }
      })
    }
  }
}

/** Metrics of all runs together: nobody reads them, and to declare them takes its time. */
const unread = makeTelemetry({ level: 'error', nowMs: () => 0, write: () => undefined })

/** A schema stands in the code: there is nothing to be kept. */
const knownSchemas: KeptSchemas = {
  keep: () => Promise.resolve(''),
  textOf: () => Promise.resolve(undefined)
}
