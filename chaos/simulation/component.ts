/**
 * A part of K2 that a simulation runs beside those that it always has: the degradation manager, the
 * gap writer, the healer. It brings its actors, and what must always hold of them.
 */
import type { FromEffect } from '../../src/actors/effect-actor.ts'
import type { Kernel } from '../../src/actors/kernel.ts'
import type { Shared } from '../../src/actors/shared.ts'
import type { Child } from '../../src/actors/supervisor-actor.ts'
import type { BinanceSocket } from '../../src/adapters/exchange/binance-socket.ts'
import type { RestartLimit } from '../../src/machines/restart-policy.ts'
import type { Environment } from './environment.ts'
import type { SimulatedProcess } from './process.ts'

export interface ComponentContext {
  readonly environment: Environment
  readonly process: SimulatedProcess
  readonly shared: Shared
  readonly kernel: Kernel
  readonly fromEffect: FromEffect<BinanceSocket>
  /** A child may crash so often. */
  readonly limit: RestartLimit
}

/** In start order, as `runtime-actor.ts` has them; in each, actors of components come before. */
export const groups = [
  'storage',
  'log',
  'landing',
  'degradation',
  'ingest',
  'repair',
  'components'
] as const

export type Group = (typeof groups)[number]

export interface Component {
  readonly name: string
  /** Made anew for each process, by the group that supervises them. */
  readonly children: (
    context: ComponentContext
  ) => Readonly<Partial<Record<Group, readonly Child[]>>>
  /** Called after every event; throws `Broken` where something is not as it must be. */
  readonly check: (context: ComponentContext) => void
}
