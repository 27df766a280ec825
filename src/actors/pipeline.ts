/**
 * What the actors of one data type share: its names, and the addresses of its services. Each data
 * type has a pipeline of its own, so that what fails in one is not felt in the other.
 */
import type { Table } from '../adapters/iceberg/table.ts'
import type { SequencedRecord } from '../machines/partition-fold.ts'
import type { DataType, LandedDataType } from '../market/data-type.ts'
import { topicName } from '../market/instrument.ts'
import type { DataTypeSpec, LogSpec } from './data-types.ts'
import { Gate } from './gate.ts'
import type { LandingProgress } from './lander/landing-progress.ts'
import { PublishLedger } from './publisher/publish-ledger.ts'
import type { RecordPublisher } from './publisher/record-publisher.ts'
import type { TableSpec } from './storage/data-folder.ts'

/** A table of this process, whoever writes it. */
export interface OwnTable {
  /** What it has: of what goes through the log, nearly always the same. */
  readonly tableSpec: TableSpec
  /** With its namespace. */
  readonly tableName: string
  readonly table: Gate<Table>
}

/** A pipeline as those see it who do not care what its records are. */
export interface Pipeline extends OwnTable {
  readonly dataType: DataType
  /** What goes through the log. */
  readonly spec: TableSpec
  readonly topic: string
  /** Partitions of the topic in a new event log; undefined: as many as the settings say. */
  readonly partitions: number | undefined
  /** Whether only the newest record of a key counts (see `RecordRules`). */
  readonly isCompacted: boolean
  readonly publisher: { readonly current: PublisherFacts | undefined }
  /** Where the records are that publishers of this process have taken (R16). */
  readonly ledger: PublishLedger
  /** Between publisher and event log. */
  readonly circuit: CircuitFacts
  /** Where landing stands, as its actor last reported. */
  readonly landing: Gate<LandingProgress>
}

/** `In` is the form in which the source has the records. */
export interface PipelineOf<In> extends Pipeline {
  readonly spec: LogSpec<In>
  readonly publisher: Gate<RecordPublisher<In>>
}

interface CircuitFacts {
  /** Since when it has not been closed, by `steadyMs`; null while it is. */
  openedMs: number | null
}

/** A pipeline whose records become the rows of its table. */
export interface LandedPipeline extends Pipeline {
  readonly dataType: LandedDataType
}

export interface LandedPipelineOf<A extends SequencedRecord, In = A> extends PipelineOf<In> {
  readonly dataType: LandedDataType
  readonly spec: DataTypeSpec<A, In>
}

interface PublisherFacts {
  readonly pendingBytes: number
  readonly refused: boolean
}

export const makePipeline = <In>(
  spec: LogSpec<In>,
  exchange: string,
  tableSpec: TableSpec = spec
): PipelineOf<In> => ({
  dataType: spec.name,
  spec,
  tableSpec,
  topic: topicName('crypto', spec.name, exchange),
  partitions: spec.partitions,
  isCompacted: false,
  tableName: `market.${tableSpec.name}`,
  table: new Gate(),
  publisher: new Gate(),
  ledger: new PublishLedger(),
  circuit: { openedMs: null },
  landing: new Gate()
})

export const makeLandedPipeline = <A extends SequencedRecord, In>(
  spec: DataTypeSpec<A, In>,
  exchange: string
): LandedPipelineOf<A, In> => ({
  ...makePipeline(spec, exchange),
  dataType: spec.name,
  spec,
  isCompacted: spec.rules.isCompacted === true
})
