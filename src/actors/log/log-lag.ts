/**
 * How far the tables are behind the log, partition by partition, as metrics and counters (R2).
 *
 * 1. The table says what has landed, whoever landed it: a process that only captures or answers
 *    reads it for this (R39). Where it cannot be read, lag is unknown.
 * 2. What is unknown has no value: it is taken away, and never 0.
 */
import * as Effect from 'effect/Effect'
import { type RecordedState, valueAt } from '../../adapters/iceberg/k2-summary.ts'
import { readRecordedState } from '../../adapters/iceberg/table.ts'
import type { EventLog } from '../../adapters/log/event-log.ts'
import { type Lag, LagHistory } from '../../adapters/log/lag-history.ts'
import type { DataType } from '../../market/data-type.ts'
import type { LandingProgress } from '../lander/landing-progress.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'
import { areTablesOpen, tableOf } from '../storage/table-of.ts'
import { groupIdOf } from './kafka-settings.ts'
import { type LagMetrics, makeLagMetrics, partsOf } from './lag-metrics.ts'

type RecordedOffsets = Pick<RecordedState, 'offsets'>

interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `landedOffset`: next offset to land, undefined where nothing has landed. */
export type LagOf = (at: TopicPartition, landedOffset: number | undefined) => Effect.Effect<Lag>

interface MeasuredPipeline {
  readonly topic: string
  /** What its table has recorded as landed; null where that is not known. */
  readonly recorded: Effect.Effect<RecordedOffsets | null>
  /** Of the lander of this process. */
  readonly landing: { readonly current: Pick<LandingProgress, 'positions'> | undefined }
}

export interface LagOptions {
  readonly pipelines: readonly MeasuredPipeline[]
  readonly log: Pick<EventLog, 'topics' | 'identityOf'>
  readonly lagOf: LagOf
  readonly metrics: LagMetrics
  /** Of the landers of a topic, where the log is in Kafka. */
  readonly groupOf?: (topic: string) => string
  /** A table is read again after so long, ms. */
  readonly tableMs: number
  readonly monotonicMs: () => number
}

/** Of the embedded log, which tells at any time where it ends: each question is a sample. */
export const embeddedLagOf = (
  log: Pick<EventLog, 'bounds'>,
  { overdueMs, monotonicMs }: { readonly overdueMs: number; readonly monotonicMs: () => number }
): LagOf => {
  const histories = new Map<string, LagHistory>()
  return ({ topic, partition }, landedOffset) => {
    const name = `${topic}-${partition}`
    const history = histories.get(name) ?? new LagHistory({ overdueMs, staleMs: overdueMs })
    histories.set(name, history)
    const read = () => history.read(monotonicMs(), landedOffset)
    return Effect.match(log.bounds(topic, partition), {
      onFailure: read,
      onSuccess: ({ startOffset, durableEnd: endOffset }) => {
        history.note(monotonicMs(), { startOffset, endOffset })
        return read()
      }
    })
  }
}

/** Of a topic over all its partitions. */
interface OverdueLag {
  /** Records; undefined while a part of them is unknown (2). */
  readonly records: number | undefined
  /** When it was looked at, by `monotonicMs`, and how old the samples of the log were then. */
  readonly atMs: number
  readonly ageMs: number
}

export interface LogLag {
  /** One look at every partition. */
  readonly sample: Effect.Effect<void>
  /** Records over all partitions; a key is absent while a part of its sum is unknown (2). */
  readonly counters: () => Readonly<Record<string, number>>
  /** Undefined before the first look. */
  readonly overdueOf: (topic: string) => OverdueLag | undefined
}

export const makeLogLag = (options: LagOptions): LogLag => {
  const landed = new Map<string, Landed>()
  const overdue = new Map<string, OverdueLag>()
  const show = makeLagMetrics(options)
  let counters: Readonly<Record<string, number>> = {}
  const sample = Effect.gen(function* () {
    const sums = { raw: new Sum(), overdue: new Sum() }
    for (const pipeline of options.pipelines) {
      const { topic } = pipeline
      const ofTopic = new Sum()
      let oldestMs = 0
      const recorded = yield* recordedOf(pipeline, landed, options)
      for (let partition = 0; partition < (options.log.topics.get(topic) ?? 0); partition++) {
        const at = { topic, partition }
        const logIdentity = options.log.identityOf(topic)
        const offset =
          recorded === null
            ? undefined
            : landedOffset(pipeline, recorded, { logIdentity, ...at })
        const parts = partsOf(recorded === null ? null : yield* options.lagOf(at, offset))
        sums.raw.add(parts.raw)
        sums.overdue.add(parts.overdue)
        ofTopic.add(parts.overdue)
        oldestMs = Math.max(oldestMs, parts.ageMs ?? 0)
        show(at, parts, offset)
      }
      const atMs = options.monotonicMs()
      overdue.set(topic, { records: ofTopic.value, atMs, ageMs: oldestMs })
    }
    counters = { ...sums.raw.as('lagRecords'), ...sums.overdue.as('overdueLagRecords') }
  })
  return { sample, counters: () => counters, overdueOf: (topic) => overdue.get(topic) }
}

/** What the lander of this process has landed is known before the table is read again. */
const landedOffset = (
  { landing }: MeasuredPipeline,
  { offsets }: RecordedOffsets,
  at: TopicPartition & { readonly logIdentity: string }
): number | undefined => {
  const recorded = valueAt(offsets, at)
  const own = landing.current?.positions.find(({ partition }) => partition === at.partition)
  return recorded === null ? undefined : Math.max(recorded, own?.offset ?? 0)
}

const sampleMsMax = 1_000
const commitAgesOverdue = 2

/** Of a log that is open, for as long as it is. */
export const logLag = (shared: Shared, log: EventLog, lagOf: LagOf): LogLag =>
  makeLogLag({
    pipelines: measuredPipelines(shared).map((pipeline) => ({
      topic: pipeline.topic,
      recorded: recordedStateOf(shared, pipeline),
      landing: pipeline.landing
    })),
    log,
    lagOf,
    metrics: shared.telemetry.metrics,
    ...(shared.config.kafkaBootstrapServers === undefined
      ? {}
      : { groupOf: (topic) => groupIdOf(shared.config, dataTypeOf(shared, topic)) }),
    tableMs: shared.config.commitAgeMs,
    monotonicMs: shared.host.monotonicMs
  })

const dataTypeOf = ({ pipelines }: Shared, topic: string): DataType =>
  pipelines.find((pipeline) => pipeline.topic === topic)!.dataType

/**
 * Whether this process can see how far the tables are behind the log (R39): who lands can, and
 * others where the tables are in a catalog that all share.
 */
export const seesLag = ({ hasRole, config }: Pick<Shared, 'hasRole' | 'config'>): boolean =>
  hasRole('land') ||
  (config.kafkaBootstrapServers !== undefined && config.icebergCatalogUri !== undefined)

const measuredPipelines = (shared: Shared): readonly Pipeline[] => {
  if (shared.hasRole('land')) return shared.pipelines
  return seesLag(shared) ? shared.captured : []
}

const nothingLanded: RecordedOffsets = { offsets: {} }

const recordedStateOf = (
  shared: Shared,
  pipeline: Pipeline
): Effect.Effect<RecordedOffsets | null> => {
  const unknown = Effect.succeed(null)
  if (areTablesOpen(shared)) {
    // Who would wait for one that is away would hold up the others.
    return Effect.suspend(() => {
      const table = pipeline.table.current
      return table === undefined
        ? unknown
        : Effect.orElseSucceed(readRecordedState(table), () => null)
    })
  }
  const elsewhere = tableOf(shared, pipeline)
  return Effect.flatMap(elsewhere, (table) =>
    table === null ? Effect.succeed(nothingLanded) : readRecordedState(table)
  ).pipe(Effect.catch(() => unknown))
}

/** As often as pressure is sampled, and no less than metrics are read. */
export const lagSampleMs = ({ config }: Pick<Shared, 'config'>): number =>
  Math.min(config.degradationMs, sampleMsMax)

export const lagSampling = ({ sample }: LogLag, everyMs: number): Effect.Effect<never> =>
  Effect.andThen(sample, Effect.sleep(everyMs)).pipe(Effect.forever)

/** After so long a record should have landed (R2). */
export const overdueMsOf = ({ config }: Pick<Shared, 'config'>): number =>
  commitAgesOverdue * config.commitAgeMs

interface Landed {
  readonly atMs: number
  readonly recorded: RecordedOffsets | null
}

/** Null where it is not known what has landed. */
const recordedOf = (
  { topic, recorded }: MeasuredPipeline,
  landed: Map<string, Landed>,
  { tableMs, monotonicMs }: LagOptions
): Effect.Effect<RecordedOffsets | null> => {
  const known = landed.get(topic)
  const nowMs = monotonicMs()
  if (known !== undefined && nowMs - known.atMs < tableMs) return Effect.succeed(known.recorded)
  return Effect.tap(recorded, (read) =>
    Effect.sync(() => {
      landed.set(topic, { atMs: nowMs, recorded: read })
    })
  )
}

/** Of what is known; nothing once something is not. */
class Sum {
  #total: number | undefined
  #isKnown = true

  add(part: number | undefined): void {
    if (part === undefined) this.#isKnown = false
    else this.#total = (this.#total ?? 0) + part
  }

  get value(): number | undefined {
    return this.#isKnown ? this.#total : undefined
  }

  as(key: string): Readonly<Record<string, number>> {
    return this.value === undefined ? {} : { [key]: this.value }
  }
}
