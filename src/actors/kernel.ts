/**
 * What all actors of one runtime share: resource registry, tenures, status facts, addresses, time,
 * random.
 * One per process (and one per test), passed explicitly.
 */
import * as Context from 'effect/Context'
import { type Addresses, makeAddresses } from './addresses.ts'
import { makeTenures, type Tenures } from './effect-tenures.ts'
import {
  makeResourceRegistry,
  type ResourceEvent,
  type ResourceRegistry
} from './resource-registry.ts'
import { makeFactsRegistry, type FactsRegistry } from './status-facts.ts'

export type KernelEvent =
  | ResourceEvent
  /**
   * A finalizer failed after the program had failed or was stopped, or a callback of it was called
   * once it had ended; the crash, if there was one, is reported apart.
   */
  | {
      readonly type: 'release.failed' | 'callback.failed'
      readonly path: string
      readonly tag: string
      readonly message: string
    }
  | { readonly type: 'commands.refused'; readonly path: string; readonly capacity: number }

export interface Kernel {
  readonly registry: ResourceRegistry
  readonly tenures: Tenures
  readonly facts: FactsRegistry
  readonly addresses: Addresses
  readonly nowMs: () => number
  /** Start of every jitter sequence (a 32-bit integer); the same seed repeats the same delays. */
  readonly seed: number
  /** Clock and scheduler of fibers that belong to no runtime; empty: those of this machine. */
  readonly context: Context.Context<never>
  readonly observe: (event: KernelEvent) => void
}

export const makeKernel = (options: {
  readonly nowMs: () => number
  readonly seed: number
  readonly context?: Context.Context<never>
  readonly observe?: (event: KernelEvent) => void
}): Kernel => {
  const observe = contained(options.observe)
  return {
    registry: makeResourceRegistry({ nowMs: options.nowMs, observe }),
    tenures: makeTenures(),
    facts: makeFactsRegistry(),
    addresses: makeAddresses(),
    nowMs: options.nowMs,
    seed: options.seed,
    context: options.context ?? Context.empty(),
    observe
  }
}

const contained = (observe: ((event: KernelEvent) => void) | undefined) => (event: KernelEvent) => {
  try {
    observe?.(event)
  } catch {
    // An observer that throws must not change what happens to an actor.
  }
}
