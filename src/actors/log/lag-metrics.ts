/** How far a table is behind a partition, as metrics; what is not known has no value. */
import type { Lag } from '../../adapters/log/lag-history.ts'
import type { Metrics } from '../../adapters/telemetry/metrics.ts'
import { LagAge } from './lag-age.ts'

export type LagMetrics = Pick<
  Metrics,
  | 'logLagRecords'
  | 'logLagSeconds'
  | 'logLagAge'
  | 'kafkaLagRecords'
  | 'kafkaLagSeconds'
  | 'kafkaOffset'
>

/** Undefined: not known. */
interface LagParts {
  readonly raw: number | undefined
  readonly overdue: number | undefined
  readonly ageMs: number | undefined
}

export const partsOf = (lag: Lag | null): LagParts =>
  lag === null || lag.type === 'unknown'
    ? { raw: undefined, overdue: undefined, ageMs: undefined }
    : { raw: lag.rawRecords, overdue: lag.overdueRecords, ageMs: lag.ageMs }

interface LagMetricsOptions {
  readonly metrics: LagMetrics
  /** Of the landers of a topic, where the log is in Kafka. */
  readonly groupOf?: ((topic: string) => string) | undefined
  readonly monotonicMs: () => number
}

export const makeLagMetrics = ({ metrics, groupOf, monotonicMs }: LagMetricsOptions) => {
  const ages = new Map<string, { readonly isLanded: boolean; readonly age: LagAge }>()
  const behindMs = (name: string, raw: number, landed: number | undefined): number => {
    const isLanded = landed !== undefined
    let known = ages.get(name)
    // Until something has landed it counts from where the partition begins.
    if (known?.isLanded !== isLanded) ages.set(name, (known = { isLanded, age: new LagAge() }))
    const nowMs = monotonicMs()
    known.age.note(nowMs, { landed: landed ?? 0, end: (landed ?? 0) + raw })
    return known.age.ageMs(nowMs)
  }
  return (
    { topic, partition: number }: { readonly topic: string; readonly partition: number },
    { raw, overdue, ageMs }: LagParts,
    /** The next offset that the table wants. */
    landed: number | undefined
  ): void => {
    const at = { topic, partition: String(number) }
    const seconds = raw === undefined ? undefined : behindMs(`${topic}-${number}`, raw, landed)
    setOrRemove(metrics.logLagRecords, { ...at, kind: 'raw' }, raw)
    setOrRemove(metrics.logLagRecords, { ...at, kind: 'overdue' }, overdue)
    setOrRemove(metrics.logLagSeconds, at, inSeconds(seconds))
    setOrRemove(metrics.logLagAge, at, inSeconds(ageMs))
    if (groupOf === undefined) return
    const consumer = { ...at, consumer_group: groupOf(topic) }
    setOrRemove(metrics.kafkaLagRecords, consumer, raw)
    setOrRemove(metrics.kafkaLagSeconds, consumer, inSeconds(seconds))
    setOrRemove(metrics.kafkaOffset, consumer, landed)
  }
}

const inSeconds = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : ms / 1_000

const setOrRemove = <L>(
  gauge: {
    readonly set: (labels: L, value: number) => void
    readonly remove: (labels: L) => void
  },
  labels: L,
  value: number | undefined
): void => {
  if (value === undefined) gauge.remove(labels)
  else gauge.set(labels, value)
}
