/**
 * What the lander's actor on the main thread and its worker tell each other; structured-cloneable.
 */
import type { Watermark } from '../../adapters/log/event-log.ts'
import type { LandedDataType } from '../../market/data-type.ts'
import type { StorageSettings } from '../storage/stores.ts'
import type { CollectRequested, MemorySampled } from '../worker-memory.ts'
import type { LanderKafka, LanderLogEvent } from './lander-log.ts'
import type { LanderEvent, LanderOptions } from './lander-ports.ts'

export interface LanderWorkerData {
  readonly dataType: LandedDataType
  readonly dataDir: string
  readonly storage: StorageSettings
  readonly keepsCopies: boolean
  /** Absent: the log is the embedded one. */
  readonly kafka: LanderKafka | undefined
  /** Watermarks of the log when the worker was started. */
  readonly watermarks: readonly Watermark[]
  readonly lander: LanderOptions
  readonly snapshotsMax: number
  readonly duckdbBytesMax: number
}

export type LanderRequest =
  | CollectRequested
  | { readonly type: 'log.advanced'; readonly watermark: Watermark }
  /** Land what is durable, commit, and end. */
  | { readonly type: 'drain.requested' }

export type LanderAnswer =
  | { readonly type: 'lander.observed'; readonly event: LanderEvent }
  | { readonly type: 'log.observed'; readonly event: LanderLogEvent }
  | { readonly type: 'files.removed'; readonly locations: readonly string[] }
  | MemorySampled
  | { readonly type: 'lander.finished' }
  | { readonly type: 'lander.failed'; readonly detail: string; readonly isDependency: boolean }
