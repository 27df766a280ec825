/**
 * A part of K2 that a simulation runs beside those that it always has: the degradation manager, the
 * gap writer, the healer. It brings its actors, and what must always hold of them.
 */
import type { FromEffect } from '../../src/actors/effect-actor.ts'
import type { Kernel } from '../../src/actors/kernel.ts'
import type { Shared } from '../../src/actors/shared.ts'
import type { Child } from '../../src/actors/supervisor-actor.ts'
import type { BinanceSocket } from '../../src/adapters/exchange/binance-socket.ts'
import type { Environment } from './environment.ts'
import type { SimulatedProcess } from './process.ts'

export interface ComponentContext {
  readonly environment: Environment
  readonly process: SimulatedProcess
  readonly shared: Shared
  readonly kernel: Kernel
  readonly fromEffect: FromEffect<BinanceSocket>
}

export interface Component {
  readonly name: string
  /** Made anew for each process, supervised in a group of their own behind all others. */
  readonly children: (context: ComponentContext) => readonly Child[]
  /** Called after every event; throws `Broken` where something is not as it must be. */
  readonly check: (context: ComponentContext) => void
}
