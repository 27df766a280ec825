/** What the actor of compaction and its worker tell each other; structured-cloneable. */
import * as Schema from 'effect/Schema'
import type { DataType } from '../../market/data-type.ts'
import type { StorageSettings } from '../storage/stores.ts'
import type { CollectRequested, MemorySampled } from '../worker-memory.ts'
import type { CompactionEvent, CompactionRun } from './compaction.ts'

export interface CompactionWorkerData {
  readonly dataType: DataType
  readonly dataDir: string
  readonly storage: StorageSettings
  readonly snapshotsMax: number
  readonly duckdbBytesMax: number
  readonly copiesBytesMax: number
  /** Groups of one run, at most. */
  readonly groupsMax: number
}

/** Else the thread is only asked to end. */
export type CompactionRequest = CollectRequested

export type CompactionAnswer =
  | { readonly type: 'compaction.observed'; readonly event: CompactionEvent }
  | { readonly type: 'files.removed'; readonly locations: readonly string[] }
  | MemorySampled
  | { readonly type: 'compaction.finished'; readonly run: CompactionRun }
  | { readonly type: 'compaction.failed'; readonly detail: string; readonly isDependency: boolean }

/** A run ended before the table was laid out; what it had committed stays. */
export class CompactionFailed extends Schema.TaggedError<CompactionFailed>()('CompactionFailed', {
  table: Schema.String,
  detail: Schema.String,
  /** Whether a store or the catalog was unavailable, which passes by itself (R14). */
  isDependency: Schema.Boolean
}) {
  override get message() {
    return `compaction of ${this.table} failed: ${this.detail}`
  }
}
