/**
 * The degradation manager and its sampler, over what the simulated world is like: bytes in flight
 * and in the spool, what does not land, the circuit, and a memory that follows what is held.
 */
import * as Effect from 'effect/Effect'
import { degradationChildren } from '../../src/actors/degradation/degradation-group.ts'
import type { Monitors } from '../../src/actors/degradation/signal-sources.ts'
import { diskProgram } from '../../src/actors/repair/disk-actor.ts'
import type { Shared } from '../../src/actors/shared.ts'
import { worker } from '../../src/actors/supervisor-actor.ts'
import { type IngestPolicy, levels } from '../../src/machines/ingest-policy.ts'
import { defaultCryptoTiers, tierOf } from '../../src/market/tier.ts'
import { Broken } from './broken.ts'
import type { Component, ComponentContext } from './component.ts'
import type { Sometimes } from './coverage.ts'
import type { Environment } from './environment.ts'
import { LevelRules } from './level-rules.ts'
import type { SimulatedProcess } from './process.ts'
import { instruments } from './venue.ts'

const memoryBytesMax = 100_000
const memoryBytesMin = 10_000
const drainMsMax = 2_000

export const degradation = (): Component => {
  const watches = new WeakMap<SimulatedProcess, Watch>()
  return {
    name: 'degradation',
    children: (context) => {
      const { shared, process, kernel, fromEffect } = context
      if (!shared.hasRole('ingest')) return {}
      watches.set(process, new Watch(context))
      const openMonitors = Effect.succeed(monitorsOf(context))
      return {
        degradation: degradationChildren({ kernel, fromEffect, shared, openMonitors }),
        repair: [worker({ id: 'disk', drainMsMax }, fromEffect(diskProgram(shared)))]
      }
    },
    check: ({ process }) => watches.get(process)?.check()
  }
}

const monitorsOf = ({ shared, process }: ComponentContext): Monitors => {
  const measured = Effect.sync(() => ({
    value: memoryBytesMin + heldBytes(shared) + process.hoardedBytes,
    limit: memoryBytesMax,
    unit: 'bytes' as const
  }))
  return {
    memory: { inUse: measured, resident: measured, everyMs: 0 },
    loopDelay: { p99: () => 0 }
  }
}

const heldBytes = ({ captured }: Shared): number =>
  captured.reduce((sum, { publisher }) => sum + (publisher.current?.pendingBytes ?? 0), 0)

const tiers = new Map(
  instruments.map((instrument) => [instrument.symbol, tierOf(defaultCryptoTiers, instrument)])
)

/** Of one process: what must hold of every sample, command and claim, and what has been reached. */
class Watch {
  readonly #environment: Environment
  readonly #shared: Shared
  readonly #process: SimulatedProcess
  readonly #rules: LevelRules
  #context: Shared['degradation']['context']
  #broken: string | undefined

  constructor({ environment, shared, process }: ComponentContext) {
    this.#environment = environment
    this.#shared = shared
    this.#process = process
    this.#rules = new LevelRules(shared.config)
    shared.claims.onNoted(({ symbol, reason }) => {
      if (reason !== 'shed') return
      const tier = tiers.get(symbol)
      // Events run to their end, also where something is broken.
      if (tier === 1) this.#broken ??= `shedder: ${symbol} is of tier 1, and was shed`
      if (tier === 2) environment.note('action: shed tier 2')
      if (tier === 3) environment.note('action: shed tier 3')
    })
  }

  /** @throws Broken */
  check(): void {
    if (this.#broken !== undefined) throw new Broken(this.#broken)
    const { context, history } = this.#shared.degradation
    if (context === undefined || context === this.#context) return
    const before = this.#context
    this.#context = context
    const breach = this.#rules.breachOf(context)
    if (breach !== undefined) throw new Broken(`degradation: ${breach}`)
    const { policy, changes } = context
    this.#note(before?.policy ?? null, policy!)
    for (const { scope, kind, from, to, reason } of changes) {
      this.#process.trace(`level of ${scope} is ${kind}: ${from} → ${to}, ${reason}`)
    }
    if (history.length > 0) this.#environment.note(`level: ${levels[context.process.rank]}`)
  }

  #note(before: IngestPolicy | null, policy: IngestPolicy): void {
    const note = (what: Sometimes) => this.#environment.note(what)
    const { tradesTaken } = policy
    if (tradesTaken[3] > 0 && tradesTaken[3] < 1) note('action: ramp back')
    if (before?.isPaused === true && !policy.isPaused) note('action: resume')
  }
}
