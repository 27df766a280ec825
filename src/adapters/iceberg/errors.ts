/** Failures of the Iceberg writer and planner: one tagged class per thing that went wrong. */
import * as Schema from 'effect/Schema'

const OffsetCheck = Schema.Struct({
  logIdentity: Schema.String,
  topic: Schema.String,
  partition: Schema.Number,
  /** What the batch starts at; null: the first landing. */
  expected: Schema.NullOr(Schema.Number),
  /** What the table says; null: nothing landed yet. */
  recorded: Schema.NullOr(Schema.Number)
})

/**
 * The table's offsets are not where the batch starts: discard buffers, re-read, seek, start anew
 * (R19).
 */
export class Fenced extends Schema.TaggedError<Fenced>()('Fenced', {
  table: Schema.String,
  partitions: Schema.Array(OffsetCheck),
  /** Entries of the summary that have changed since the batch was begun. */
  entries: Schema.optional(Schema.Array(Schema.String))
}) {
  override get message() {
    const shown = [
      ...this.partitions.map(
        (it) =>
          `${it.topic}-${it.partition}: batch starts at ${it.expected}, table is at ${it.recorded}`
      ),
      ...(this.entries ?? []).map((it) => `${it} is not what the batch starts from`)
    ]
    return `${this.table}: ${shown.join('; ')}. Read the table's offsets, seek there and start anew`
  }
}

/** The swap may or may not have taken place; ask `resolveUnknown` before anything else (R19). */
export class CommitUnknown extends Schema.TaggedError<CommitUnknown>()('CommitUnknown', {
  table: Schema.String,
  commitId: Schema.String,
  /** Decimal text of the snapshot id that the attempt built on; null: the table had none. */
  parentId: Schema.NullOr(Schema.String),
  reason: Schema.String
}) {
  override get message() {
    const { table, commitId, reason } = this
    return `${table}: outcome of commit ${commitId} is unknown (${reason}); resolve it first`
  }
}

/** The commit did not take place, and nothing refers to what it wrote. */
export class CommitFailed extends Schema.TaggedError<CommitFailed>()('CommitFailed', {
  table: Schema.String,
  commitId: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.table}: commit ${this.commitId} did not take place: ${this.reason}`
  }
}

/** Snapshots, but none with our offsets among the ancestors: never a first start (R10). */
export class OffsetsMissing extends Schema.TaggedError<OffsetsMissing>()('OffsetsMissing', {
  table: Schema.String,
  snapshotId: Schema.String
}) {
  override get message() {
    return (
      `${this.table}: no ancestor of snapshot ${this.snapshotId} carries k2.offsets, so it is ` +
      'unknown what has landed. Set main back to a snapshot that carries k2.offsets, or move the ' +
      'table away and start a new one'
    )
  }
}

/**
 * The catalog committed the snapshot, but not with the summary that it was given: what lands next
 * would land twice, or not at all.
 */
export class SummaryAltered extends Schema.TaggedError<SummaryAltered>()('SummaryAltered', {
  table: Schema.String,
  snapshotId: Schema.String,
  keys: Schema.Array(Schema.String)
}) {
  override get message() {
    return (
      `${this.table}: the catalog dropped or altered ${this.keys.join(', ')} in the summary of ` +
      `snapshot ${this.snapshotId}. Set main back to its parent, and use a catalog that keeps ` +
      'snapshot summaries as they are'
    )
  }
}

/** A topic has another number of partitions than at its first landing (R41). */
export class PartitionCountChanged extends Schema.TaggedError<PartitionCountChanged>()(
  'PartitionCountChanged',
  { table: Schema.String, topic: Schema.String, recorded: Schema.Number, given: Schema.Number }
) {
  override get message() {
    return (
      `${this.table}: topic ${this.topic} has ${this.given} partitions, ` +
      `at its first landing it had ${this.recorded}; ` +
      'give it back its partition count, or land it as a new topic'
    )
  }
}

/** A file of the table is missing, unreadable or not what its name says. */
export class TableUnreadable extends Schema.TaggedError<TableUnreadable>()('TableUnreadable', {
  location: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.location}: ${this.reason}`
  }
}

/** No table of this name in the catalog. */
export class TableMissing extends Schema.TaggedError<TableMissing>()('TableMissing', {
  table: Schema.String
}) {
  override get message() {
    return `table ${this.table} does not exist`
  }
}

/** The table's columns are not those of the record schema. */
export class SchemaMismatch extends Schema.TaggedError<SchemaMismatch>()('SchemaMismatch', {
  table: Schema.String,
  field: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    const { table, field, reason } = this
    return `${table}: column ${field} ${reason}; the table was made with another record schema`
  }
}

/**
 * The table has delete files, which this reader does not apply; it refuses rather than show deleted
 * rows.
 */
export class DeletesUnsupported extends Schema.TaggedError<DeletesUnsupported>()(
  'DeletesUnsupported',
  { table: Schema.String, snapshotId: Schema.String }
) {
  override get message() {
    const { table, snapshotId } = this
    return `${table}: snapshot ${snapshotId} has row-level deletes; rewrite its data files first`
  }
}

/** The snapshot is not, or no longer, in the table. */
export class SnapshotMissing extends Schema.TaggedError<SnapshotMissing>()('SnapshotMissing', {
  table: Schema.String,
  snapshotId: Schema.String
}) {
  override get message() {
    return `${this.table}: snapshot ${this.snapshotId} is not in the table (it may have expired)`
  }
}

/** A bug of ours or of the caller: crash, restart, read the durable truth. */
export class InvariantBroken extends Schema.TaggedError<InvariantBroken>()('InvariantBroken', {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

export function invariant(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new InvariantBroken({ reason })
}
