/**
 * Program of the actor `repair/expiry`: deletes, after their
 * grace time, files that no snapshot names.
 */
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { openDeletionQueue } from '../../adapters/disk/deletion-queue.ts'
import { makeFolder } from '../../adapters/disk/folders.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'
import { openStores, storageSettingsOf } from '../storage/stores.ts'

const sweepMs = 1_000
/** Beyond the longest query: time for a client to come back to what it read. */
const graceMs = 60_000

export const expiryProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { folder, config, nowMs, telemetry, unexpired } = shared
      yield* makeFolder(folder.root)
      const { files } = yield* openStores(storageSettingsOf(config), folder, nowMs)
      const queue = yield* openDeletionQueue({
        journal: join(folder.root, 'expired.ndjson'),
        graceMs: config.queryTimeoutMs + graceMs,
        nowMs,
        remove: files.remove,
        observe: (event) => {
          if (event.type === 'file.deleted') telemetry.metrics.expiredFiles.inc()
          else telemetry.log('warn', `expiry.${event.type}`, { ...event })
        }
      })
      queue.add(unexpired.splice(0))
      reportStatus(() => ({ counters: { waitingFiles: queue.size() } }))
      yield* shared.expired.serve({ add: queue.add })
      ready()
      const showWaiting = Effect.sync(() => telemetry.metrics.expiryWaiting.set(queue.size()))
      yield* Effect.raceFirst(
        Effect.forever(
          Effect.andThen(showWaiting, Effect.andThen(Effect.sleep(sweepMs), queue.sweep))
        ),
        drainRequested(commands)
      )
    }).pipe(markDependency)
