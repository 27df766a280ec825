/**
 * Where each signal of pressure is measured in this process (R33).
 *
 * 1. A source gives a measurement with its age, or none: then what it gave last grows old.
 * 2. What the roles of the process do not have is not listed, and so declared absent.
 */
import * as Effect from 'effect/Effect'
import { LagHistory } from '../../adapters/log/lag-history.ts'
import type { Spool } from '../../adapters/log/spool.ts'
import { retentionProbeMs } from '../../adapters/log/kafka/kafka-log.ts'
import type { LoopDelay } from '../../adapters/telemetry/loop-delay.ts'
import { streamedDataTypes, type StreamedDataType } from '../../market/data-type.ts'
import type { Reading, SignalKey } from '../../machines/pressure-marks.ts'
import { lagSampleMs, overdueMsOf, seesLag } from '../log/log-lag.ts'
import type { LandingProgress } from '../lander/landing-progress.ts'
import type { Pipeline } from '../pipeline.ts'
import { measureMs as diskMeasureMs } from '../repair/disk-actor.ts'
import type { Shared } from '../shared.ts'
import type { MemoryUse } from './memory-use.ts'

export interface Measured extends Pick<Reading, 'limit' | 'unit' | 'hasCaughtUp'> {
  readonly value: number
  /** When it was measured; by default now. */
  readonly atMs?: number
}

export interface SignalSource extends SignalKey {
  readonly read: Effect.Effect<Measured | undefined>
  /** How often there can be something new, ms; by default at each sample. */
  readonly everyMs?: number
}

/** What the process itself is measured by. */
export interface Monitors {
  readonly memory: MemoryUse
  readonly loopDelay: LoopDelay
}

/** An open circuit is worse than a closed one from its first moment. */
const openSecondsMin = 1

export const signalSources = (
  shared: Shared,
  { memory, loopDelay }: Monitors
): readonly SignalSource[] => [
  { signal: 'memory', read: memory.inUse, everyMs: memory.everyMs },
  { signal: 'resident', read: memory.resident },
  ...lagSources(shared),
  ...retentionSources(shared),
  ...publisherSources(shared),
  ...(shared.hasRole('ingest') ? [spoolSource(shared)] : []),
  { signal: 'disk', read: diskUse(shared), everyMs: diskMeasureMs },
  {
    signal: 'loop_delay',
    read: Effect.sync(() => {
      const value = loopDelay.p99()
      return value === undefined ? undefined : { value, limit: null, unit: 'seconds' }
    })
  },
  {
    signal: 'injected',
    read: Effect.sync(() => ({
      value: shared.degradation.injectedAt(shared.host.steadyMs()),
      limit: 1,
      unit: 'share'
    }))
  }
]

/** A moment of the clock that has no date. */
const steadyOf = ({ host }: Pick<Shared, 'host'>, monotonicMs: number): number =>
  host.steadyMs() - (host.monotonicMs() - monotonicMs)

/** What this process can measure. */
export const signalsOf = (shared: Shared): readonly SignalKey[] =>
  signalSources(shared, unmeasured).map(({ signal, dataType }) =>
    dataType === undefined ? { signal } : { signal, dataType }
  )

const unmeasured: Monitors = {
  memory: {
    inUse: Effect.succeed(undefined),
    resident: Effect.die('not measured'),
    everyMs: 0
  },
  loopDelay: { p99: () => undefined }
}

interface StreamedPipeline {
  readonly pipeline: Pipeline
  readonly dataType: StreamedDataType
}

const streamed = ({ captured }: Shared): readonly StreamedPipeline[] =>
  streamedDataTypes.flatMap((dataType) =>
    captured
      .filter((pipeline) => pipeline.dataType === dataType)
      .map((pipeline) => ({ pipeline, dataType }))
  )

/** Where the tables are landed elsewhere, `hasCaughtUp` is of them, whoever lands. */
const lagSources = (shared: Shared): readonly SignalSource[] => {
  if (!seesLag(shared)) return []
  const caughtUp = new WeakSet<LandingProgress | Pipeline>()
  const landsHere = shared.hasRole('land')
  const everyMs = lagSampleMs(shared)
  return streamed(shared).map(({ pipeline, dataType }) => {
    const overdueSpooled = spooledLag(shared, pipeline.topic)
    return {
      signal: 'lag',
      dataType,
      everyMs,
      read: Effect.sync(() => {
        const spooled = overdueSpooled()
        const lag = shared.lag.current?.overdueOf(pipeline.topic)
        if (lag?.records === undefined || spooled === undefined) return undefined
        const progress = pipeline.landing.current
        const lander = landsHere ? progress : pipeline
        const isLanding = !landsHere || progress?.isStarted === true
        if (lag.records === 0 && lander !== undefined && isLanding) caughtUp.add(lander)
        return {
          value: lag.records + spooled,
          limit: null,
          unit: 'records',
          atMs: steadyOf(shared, lag.atMs - lag.ageMs),
          hasCaughtUp: lander !== undefined && caughtUp.has(lander)
        }
      })
    }
  })
}

/** An embedded log deletes nothing that has not landed (R31). */
const retentionSources = (shared: Shared): readonly SignalSource[] =>
  seesLag(shared) && shared.config.kafkaBootstrapServers !== undefined
    ? streamed(shared).map(({ pipeline, dataType }) => ({
        signal: 'retention',
        dataType,
        everyMs: retentionProbeMs,
        read: Effect.sync(() => {
          const use = shared.lag.current?.retentionOf(pipeline.topic)
          if (use === undefined) return undefined
          const { share, retentionMs } = use
          const atMs = steadyOf(shared, use.atMs)
          return retentionMs === null
            ? { value: 0, limit: null, unit: 'seconds', atMs }
            : {
                value: (share * retentionMs) / 1_000,
                limit: retentionMs / 1_000,
                unit: 'seconds',
                atMs
              }
        })
      }))
    : []

/** Records of a topic that have waited in the spool for as long as lag is overdue (R2, R20). */
const spooledLag = (shared: Shared, topic: string): (() => number | undefined) => {
  if (!shared.hasRole('ingest')) return () => 0
  const overdueMs = overdueMsOf(shared)
  let of: Spool | undefined
  let lanes = new Map<number, LagHistory>()
  return () => {
    const spool = shared.spool.current
    const count = shared.logTopics.current?.get(topic)
    if (spool === undefined || count === undefined) return undefined
    if (of !== spool) lanes = new Map()
    of = spool
    let records = 0
    for (let partition = 0; partition < count; partition++) {
      const history = lanes.get(partition) ?? new LagHistory({ overdueMs, staleMs: overdueMs })
      lanes.set(partition, history)
      const { drainedOffset: startOffset, records: waiting } = spool.lane(topic, partition)
      const nowMs = shared.host.steadyMs()
      history.note(nowMs, { startOffset, endOffset: startOffset + waiting })
      const lag = history.read(nowMs, startOffset)
      // Before there is a sample that is old enough, what waits may be from before the start.
      records += lag.type === 'known' ? (lag.overdueRecords ?? waiting) : waiting
    }
    return records
  }
}

const publisherSources = (shared: Shared): readonly SignalSource[] =>
  shared.hasRole('ingest')
    ? streamed(shared).flatMap(({ pipeline, dataType }): readonly SignalSource[] => [
        {
          signal: 'in_flight',
          dataType,
          read: Effect.sync(() => {
            const publisher = pipeline.publisher.current
            return publisher === undefined
              ? undefined
              : {
                  value: publisher.pendingBytes,
                  limit: shared.config.publishBytesMax,
                  unit: 'bytes'
                }
          })
        },
        {
          signal: 'circuit',
          dataType,
          read: Effect.sync(() => {
            const { openedMs } = pipeline.circuit
            const openSeconds = openedMs === null ? 0 : (shared.host.steadyMs() - openedMs) / 1_000
            const value = openedMs === null ? 0 : Math.max(openSecondsMin, openSeconds)
            return { value, limit: null, unit: 'seconds' }
          })
        }
      ])
    : []

const spoolSource = ({ spool, config }: Shared): SignalSource => ({
  signal: 'spool',
  read: Effect.sync(() =>
    spool.current === undefined
      ? undefined
      : { value: spool.current.usage().bytes, limit: config.spoolBytesMax, unit: 'bytes' }
  )
})

const diskUse = ({ disk }: Shared): SignalSource['read'] =>
  Effect.sync(() => {
    const usage = disk.current
    return usage === undefined
      ? undefined
      : { value: usage.bytes, limit: usage.bytesMax, unit: 'bytes', atMs: usage.atMs }
  })
