/**
 * What the actors of one data type share: its names, and the addresses of its services. Each data
 * type has a pipeline of its own, so that what fails in one is not felt in the other.
 */
import type { Table } from '../adapters/iceberg/table.ts'
import type { SequencedRecord } from '../machines/partition-fold.ts'
import type { DataType } from '../market/data-type.ts'
import { topicName } from '../market/instrument.ts'
import type { DataTypeSpec } from './data-types.ts'
import { Gate } from './gate.ts'
import type { LandingProgress } from './lander/landing-progress.ts'
import type { RecordPublisher } from './publisher/record-publisher.ts'
import type { TableSpec } from './storage/data-folder.ts'

/** A pipeline as those see it who do not care what its records are. */
export interface Pipeline {
  readonly dataType: DataType
  readonly spec: TableSpec
  readonly topic: string
  /** Partitions of the topic in a new event log; undefined: as many as the settings say. */
  readonly partitions: number | undefined
  /** Whether only the newest record of a key counts (see `RecordRules`). */
  readonly isCompacted: boolean
  /** With its namespace. */
  readonly tableName: string
  readonly table: Gate<Table>
  readonly publisher: { readonly current: PublisherFacts | undefined }
  /** Between publisher and event log. */
  readonly circuit: CircuitFacts
  /** Where landing stands, as its actor last reported. */
  readonly landing: Gate<LandingProgress>
}

/** `In` is the form in which the feed has the records. */
export interface PipelineOf<A extends SequencedRecord, In = A> extends Pipeline {
  readonly spec: DataTypeSpec<A, In>
  readonly publisher: Gate<RecordPublisher<In>>
}

interface CircuitFacts {
  /** Since when it has not been closed, by `steadyMs`; null while it is. */
  openedMs: number | null
}

interface PublisherFacts {
  readonly pendingBytes: number
  readonly refused: boolean
}

export const makePipeline = <A extends SequencedRecord, In>(
  spec: DataTypeSpec<A, In>,
  exchange: string
): PipelineOf<A, In> => ({
  dataType: spec.name,
  spec,
  topic: topicName('crypto', spec.name, exchange),
  partitions: spec.partitions,
  isCompacted: spec.rules.isCompacted === true,
  tableName: `market.${spec.name}`,
  table: new Gate(),
  publisher: new Gate(),
  circuit: { openedMs: null },
  landing: new Gate()
})
