/**
 * Every metric of K2, declared once (`declaration.ts`): by component, as `docs/metrics.md` lists
 * them. `openMetrics` gives what records them.
 */
import { Registry } from 'prom-client'
import { conservationMetrics } from './conservation-metrics.ts'
import type { Declaration, Labels, MetricKind } from './declaration.ts'
import { feedMetrics } from './feed-metrics.ts'
import { gapMetrics, healingMetrics } from './gap-metrics.ts'
import { landingMetrics, maintenanceMetrics, tableMetrics } from './landing-metrics.ts'
import { kafkaMetrics, logMetrics, publisherMetrics, spoolMetrics } from './log-metrics.ts'
import {
  degradationMetrics,
  httpMetrics,
  processMetrics,
  supervisionMetrics
} from './process-metrics.ts'
import { queryMetrics, tailMetrics } from './query-metrics.ts'
import { type Recorder, type RecorderContext, recorderOf } from './recorder.ts'
import { traceMetrics } from './trace-metrics.ts'

/** By component, in the order of a trade's life. */
export const metricsByComponent = {
  Feeds: feedMetrics,
  Publishers: publisherMetrics,
  Spool: spoolMetrics,
  'Event log': logMetrics,
  Kafka: kafkaMetrics,
  Landing: landingMetrics,
  Tables: tableMetrics,
  Maintenance: maintenanceMetrics,
  'Gap ledger': gapMetrics,
  Healing: healingMetrics,
  Conservation: conservationMetrics,
  Tail: tailMetrics,
  Queries: queryMetrics,
  API: httpMetrics,
  Degradation: degradationMetrics,
  Supervision: supervisionMetrics,
  Process: processMetrics,
  Traces: traceMetrics
} satisfies Record<string, Readonly<Record<string, Declaration<MetricKind, Labels>>>>

const declared = {
  ...feedMetrics,
  ...publisherMetrics,
  ...spoolMetrics,
  ...logMetrics,
  ...kafkaMetrics,
  ...landingMetrics,
  ...tableMetrics,
  ...maintenanceMetrics,
  ...gapMetrics,
  ...healingMetrics,
  ...conservationMetrics,
  ...tailMetrics,
  ...queryMetrics,
  ...httpMetrics,
  ...degradationMetrics,
  ...supervisionMetrics,
  ...processMetrics,
  ...traceMetrics
}

type Declared = typeof declared

export type Metrics = { readonly [Name in keyof Declared]: Recorder<Declared[Name]> }

export const openMetrics = (): { readonly metrics: Metrics; readonly registry: Registry } => {
  const registry = new Registry()
  const context: RecorderContext = {
    registry,
    names: new Map(),
    refuse: (metric, reason) => metrics.refusedRecordings.inc({ metric, reason })
  }
  const metrics = Object.fromEntries(
    Object.entries(declared).map(([name, declaration]) => [name, recorderOf(declaration, context)])
  ) as unknown as Metrics
  return { metrics, registry }
}
