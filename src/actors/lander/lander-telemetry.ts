/** Log lines and metrics of landing. */
import { groupIdOf } from '../log/kafka-settings.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Shared } from '../shared.ts'
import type { LanderLogEvent } from './lander-log.ts'
import type { LanderEvent, PartitionPosition } from './lander-ports.ts'

const operation = 'append'

export const observeLanding = (
  { telemetry, log: eventLog, traces }: Pick<Shared, 'telemetry' | 'log' | 'traces'>,
  { topic, tableName: table, dataType }: Pipeline,
  event: LanderEvent
): void => {
  const { metrics, log } = telemetry
  switch (event.type) {
    case 'lander.started':
      metrics.stoppedPartitions.set({ topic }, 0)
      setTotals(metrics, topic, event.positions)
      log('info', event.type, { topic, offsets: offsetsOf(event.positions) })
      return
    case 'commit.landed':
      metrics.transactions.inc({ table, operation })
      metrics.writeSeconds.observe({ table, operation }, event.tookMs / 1_000)
      metrics.rowsWritten.inc({ table, operation }, event.rows)
      metrics.transactionRows.observe({ table }, event.rows)
      setTotals(metrics, topic, event.positions)
      log('debug', event.type, {
        table,
        snapshot_id: event.snapshotId,
        rows: event.rows,
        took_ms: event.tookMs,
        offsets: offsetsOf(event.positions)
      })
      return
    case 'records.followed':
      // No spans where the log has gone in the same moment, and its identity with it.
      if (eventLog.current !== undefined)
        traces?.records.landed({ topic, table }, eventLog.current.identityOf(topic), event)
      return
    case 'commit.fenced':
      metrics.commitFailures.inc({ table, operation, reason: 'fenced' })
      log('warn', event.type, { table, detail: event.detail })
      return
    case 'commit.failed':
      metrics.commitFailures.inc({ table, operation, reason: 'failed' })
      log('warn', event.type, { table, detail: event.detail })
      return
    case 'record.dead_lettered':
      metrics.deadLetterLines.inc(
        { source: `lander:${dataType}`, reason: event.reason },
        event.count
      )
      log('warn', event.type, { topic, reason: event.reason, count: event.count })
      return
    case 'ids.rejected':
      // Counted by reason already.
      return
    case 'partition.stopped':
      metrics.stoppedPartitions.inc({ topic })
      log('error', event.type, { topic, partition: event.partition, detail: event.detail })
      return
    default:
      event satisfies never
  }
}

/** What a commit has consumed of Kafka, by where its partitions stood before. */
export const observeConsumed = (
  { telemetry: { metrics }, config }: Shared,
  { topic, dataType }: Pipeline,
  { before, event }: {
    readonly before: readonly PartitionPosition[]
    readonly event: LanderEvent
  }
): void => {
  if (event.type !== 'commit.landed' || config.kafkaBootstrapServers === undefined) return
  let records = 0
  for (const { partition, offset } of event.positions) {
    const from = before.find((position) => position.partition === partition)?.offset ?? offset
    records += Math.max(0, offset - from)
  }
  metrics.kafkaConsumed.inc({ topic, consumer_group: groupIdOf(config, dataType) }, records)
}

/** What the lander's own client of Kafka says. */
export const observeLanderLog = (
  { telemetry: { log, logSeldom, metrics } }: Shared,
  { topic }: Pipeline,
  event: LanderLogEvent
): void => {
  switch (event.type) {
    case 'client.reported': {
      const { level, message, kind } = event.line
      logSeldom(level, 'kafka.reported', kind, { topic, detail: message })
      return
    }
    case 'group.joined':
      log('info', event.type, { topic, partitions: event.assignment.partitions.join() })
      return
    case 'group.rebalancing':
      log('info', event.type, { topic })
      return
    case 'group.failed':
    case 'hint.failed':
    case 'check.failed':
      metrics.consumerErrors.inc({ topic, error_type: errorTypes[event.type] })
      log('warn', event.type, { ...event })
      return
    default:
      event satisfies never
  }
}

const errorTypes = {
  'group.failed': 'group',
  'hint.failed': 'hint',
  'check.failed': 'check'
} as const

const setTotals = (
  metrics: Shared['telemetry']['metrics'],
  topic: string,
  positions: readonly PartitionPosition[]
): void => {
  const total = (of: (position: PartitionPosition) => number) =>
    positions.reduce((sum, position) => sum + of(position), 0)
  metrics.landed.set({ topic }, total(({ counters }) => counters.landed))
  metrics.duplicates.advanceTo({ topic }, total(({ counters }) => counters.duplicates))
  metrics.lateRecords.advanceTo({ topic }, total(({ counters }) => counters.late))
  metrics.deadLettered.set({ topic }, total(({ counters }) => counters.deadLettered))
  metrics.gapIds.set({ topic }, total(({ counters }) => counters.gapIds))
}

const offsetsOf = (positions: readonly PartitionPosition[]): Readonly<Record<number, number>> =>
  Object.fromEntries(positions.map(({ partition, offset }) => [partition, offset]))
