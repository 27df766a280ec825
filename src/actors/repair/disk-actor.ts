/**
 * Program of the actor `repair/disk`: measures the data folder against `K2_DISK_LIMIT` (R53).
 * When it is used up, log and spool take nothing more: the publisher holds what it has and refuses
 * what comes, so that nothing grows.
 */
import * as Effect from 'effect/Effect'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { drainRequested, type Shared } from '../shared.ts'

export const measureMs = 10_000

export const diskProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder, telemetry, host } = shared
      const { steadyMs } = host
      const usage = { bytes: 0, bytesMax: config.diskBytesMax, spoolBytes: 0, atMs: steadyMs() }
      telemetry.metrics.diskBytesMax.set(usage.bytesMax)
      const measure = Effect.map(host.folderBytes(folder.root), (bytes) => {
        if (bytes >= usage.bytesMax && usage.bytes < usage.bytesMax) {
          telemetry.log('error', 'disk.limit_reached', { ...usage, bytes })
        }
        usage.bytes = bytes
        usage.atMs = steadyMs()
        usage.spoolBytes = shared.spool.current?.usage().bytes ?? 0
        telemetry.metrics.diskBytes.set(bytes)
      })
      yield* measure
      reportStatus(() => {
        const { bytes, bytesMax, spoolBytes } = usage
        return { counters: { bytes, bytesMax, spoolBytes } }
      })
      yield* shared.disk.serve(usage)
      ready()
      yield* Effect.raceFirst(
        Effect.forever(Effect.andThen(Effect.sleep(measureMs), measure)),
        drainRequested(commands)
      )
    }).pipe(markDependency)
