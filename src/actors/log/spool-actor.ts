/**
 * Program of the actor `log/spool`: opens the spool for the partitions of the event log, and serves
 * it to the publishers.
 *
 * A lane takes nothing more after a write that failed, so this program fails with the first one:
 * its successor opens the spool anew. A disk that refuses is a dependency, which passes (R14).
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import type { LogUnavailable } from '../../adapters/log/event-log.ts'
import { openSpool, type SpoolEvent } from '../../adapters/log/spool.ts'
import type { Telemetry } from '../../adapters/telemetry/telemetry.ts'
import { markDependency } from '../dependency.ts'
import type { EffectActorArgs } from '../effect-actor.ts'
import { tracked } from '../resource-registry.ts'
import { drainRequested, type Shared } from '../shared.ts'

const segmentBytesMax = 8 * 1_024 ** 2
/** Segments that the limit leaves room for in each lane: one that is partly drained is not free. */
const segmentsMin = 8
const positionStepBytes = 4 * 1_024 ** 2

export const spoolProgram =
  (shared: Shared) =>
  ({ commands, ready, reportStatus }: EffectActorArgs<unknown, { readonly type: string }, never>) =>
    Effect.gen(function* () {
      const { config, folder, telemetry, drained, host } = shared
      const topics = yield* shared.logTopics.get
      const lanes = [...topics.values()].reduce((sum, count) => sum + count, 0)
      const share = Math.floor(config.spoolBytesMax / (segmentsMin * lanes))
      const failed = Deferred.makeUnsafe<never, LogUnavailable>()
      const opening = openSpool({
        directory: folder.spool,
        files: host.files,
        clock: host.clock,
        process: yield* Effect.promise(host.process),
        topics,
        bytesMax: () => spoolBytesMax(shared),
        limits: {
          flushDelayMs: config.logFlushMs,
          segmentBytes: Math.min(segmentBytesMax, share),
          positionStepBytes
        },
        observe: (event) => {
          observeSpool(telemetry, event)
          if (event.type === 'append.failed') Deferred.doneUnsafe(failed, Effect.fail(event.cause))
        }
      })
      const spool = yield* tracked('spool', 'file')(opening)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          drained.spooledRecords = spool.usage().records
        })
      )
      reportStatus(() => ({ counters: { ...spool.usage() } }))
      yield* shared.spool.serve(spool)
      ready()
      yield* Effect.raceFirst(drainRequested(commands), Deferred.await(failed))
    }).pipe(markDependency)

/**
 * What the spool may have: its own limit, and no more than the data folder has room for, as
 * measured last (R53).
 */
const spoolBytesMax = ({ config, disk }: Shared): number => {
  const usage = disk.current
  if (usage === undefined) return config.spoolBytesMax
  const room = Math.max(0, usage.bytesMax - usage.bytes + usage.spoolBytes)
  return Math.min(config.spoolBytesMax, room)
}

const observeSpool = ({ log }: Telemetry, event: SpoolEvent): void => {
  switch (event.type) {
    case 'group.committed':
      return
    case 'lane.found':
    case 'lock.recovered':
      log('info', `spool.${event.type}`, { ...event })
      return
    case 'tail.truncated':
    case 'position.unreadable':
    case 'cleanup.failed':
      log('warn', `spool.${event.type}`, { ...event })
      return
    case 'append.failed':
      log('error', `spool.${event.type}`, { ...event })
      return
    case 'segment.removed':
    case 'segment.started':
      log('debug', `spool.${event.type}`, { ...event })
      return
    default:
      event satisfies never
  }
}
