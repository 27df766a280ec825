/**
 * Who holds what: every socket, timer, client, worker and file, by the path of the actor that owns
 * it.
 *
 * Invariants:
 *  1. An entry exists from before its resource is acquired until its release has ended.
 *  2. A release that missed its deadline turns its entry into a leak that stays listed, by name,
 *     until the release ends after all; it no longer counts as held.
 *  3. `audit` finds nothing exactly when every held entry belongs to a running actor.
 */
import { Context, Effect, Exit, type Scope } from 'effect'

export type ResourceKind =
  | 'fiber'
  | 'socket'
  | 'timer'
  | 'client'
  | 'worker'
  | 'file'
  | 'server'
  | 'other'

export interface ResourceEntry {
  readonly owner: string
  readonly name: string
  readonly kind: ResourceKind
  readonly sinceMs: number
  readonly isLeaked: boolean
}

/** One registered resource; releasing twice is harmless. */
export interface ResourceHandle {
  readonly release: () => void
  readonly leak: () => void
}

export interface ResourceRegistry {
  readonly register: (owner: string, name: string, kind: ResourceKind) => ResourceHandle
  /** Held and leaked resources, oldest first. */
  readonly snapshot: () => ReadonlyArray<ResourceEntry>
  /** Leaks since the start, those that ended late included. */
  readonly leakCount: () => number
  /** Held resources whose owner is not among the running actors: what should have been released. */
  readonly audit: (running: ReadonlySet<string>) => ReadonlyArray<ResourceEntry>
}

export type ResourceEvent = {
  readonly type: 'resource.leaked'
  readonly owner: string
  readonly name: string
  readonly kind: ResourceKind
}

export const makeResourceRegistry = (options: {
  readonly nowMs: () => number
  readonly observe?: (event: ResourceEvent) => void
}): ResourceRegistry => {
  const entries = new Set<ResourceEntry>()
  let leaks = 0
  return {
    register: (owner, name, kind) => {
      let entry: ResourceEntry = { owner, name, kind, sinceMs: options.nowMs(), isLeaked: false }
      entries.add(entry)
      return {
        release: () => void entries.delete(entry),
        leak: () => {
          if (entry.isLeaked || !entries.delete(entry)) return
          entry = { ...entry, isLeaked: true }
          entries.add(entry)
          leaks += 1
          options.observe?.({ type: 'resource.leaked', owner, name, kind })
        }
      }
    },
    snapshot: () => [...entries].sort((one, other) => one.sinceMs - other.sinceMs),
    leakCount: () => leaks,
    audit: (running) =>
      [...entries].filter(({ owner, isLeaked }) => !isLeaked && !running.has(owner))
  }
}

/** What a program knows of the actor that runs it; provided by the bridge. */
export class CurrentActor extends Context.Service<
  CurrentActor,
  {
    readonly path: string
    readonly register: (name: string, kind: ResourceKind) => ResourceHandle
  }
>()('k2/actors/CurrentActor') {}

/**
 * Registers a resource under the running actor. With `release` it is `acquireRelease`; without, the
 * effect brings its own finalizers into the scope, as adapters do. Either way the entry outlives
 * the release, since finalizers run in reverse order.
 */
export const tracked =
  (name: string, kind: ResourceKind) =>
  <A, E, R, R2 = never>(
    acquire: Effect.Effect<A, E, R>,
    release?: (resource: A) => Effect.Effect<unknown, never, R2>
  ): Effect.Effect<A, E, R | R2 | CurrentActor | Scope.Scope> =>
    Effect.gen(function* () {
      const { register } = yield* CurrentActor
      const handle = yield* Effect.acquireRelease(
        Effect.sync(() => register(name, kind)),
        (registered) => Effect.sync(registered.release)
      )
      const opened = release === undefined ? acquire : Effect.acquireRelease(acquire, release)
      return yield* Effect.onExit(opened, (exit) =>
        Exit.isFailure(exit) ? Effect.sync(handle.release) : Effect.void
      )
    })
