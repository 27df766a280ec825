/** What the lanes of a publisher share: where batches go, by whose leave, and who is told. */
import type { Effect } from 'effect/Effect'
import type { EventLogWriter } from '../../adapters/log/event-log.ts'
import type { LargeRecord } from './batch-sender.ts'
import type { AppendedBatch } from '../traces/record-traces.ts'
import type { Circuit } from './circuit.ts'
import type { DrainPace } from './drain-pace.ts'
import type { PublishLedger } from './publish-ledger.ts'

export interface LaneTimes {
  /** A batch that is not whole waits this long for more records. */
  readonly lingerMs: number
  /** The same, while batches may grow. */
  readonly grownLingerMs: number
  /** An append that has not ended by then is of unknown outcome. */
  readonly appendMsMax: number
  /** Pause before a batch that was refused is offered again. */
  readonly refusedPauseMs: number
  /** Longest that a batch waits for the last of the spool to leave before it. */
  readonly handoverMsMax: number
  /** Once the publisher is finishing, sends and draining go on for so long. */
  readonly finishMsMax: number
}

export type LaneEvent =
  | {
      readonly type: 'batch.published'
      readonly records: number
      readonly bytes: number
      /** From its first record to its durability; null of what was in the spool. */
      readonly tookMs: number | null
    }
  | {
      readonly type: 'batch.spooled'
      readonly records: number
      readonly bytes: number
      readonly tookMs: number
    }
  /** Refused by the event log, or by log and spool. */
  | { readonly type: 'batch.refused'; readonly detail: string }

export interface LaneContext {
  readonly topic: string
  /** The event log as it is served now. */
  readonly log: () => Pick<EventLogWriter, 'append'> | undefined
  /** Ends once a record that the log will never take is durable as a dead letter. */
  readonly deadLetter: (record: LargeRecord) => Effect<void, { readonly message: string }>
  /** Why nothing may be appended anywhere at the moment; undefined while it may. */
  readonly refusal: () => string | undefined
  /** Whether batches may grow, at the cost of time (R20). */
  readonly isGrown: () => boolean
  /** Whether everything goes through the spool (5). */
  readonly isSpilling: () => boolean
  readonly pace: Pick<DrainPace, 'isHeld' | 'leave' | 'spend'>
  readonly circuit: Circuit
  readonly ledger: PublishLedger
  readonly times: LaneTimes
  readonly batchBytesMax: number
  readonly nowMs: () => number
  /** The log has a batch: what is to be traced of it (see `RecordTraces`). */
  readonly traced: (appended: AppendedBatch) => void
  /** Pending bytes of the publisher have changed by so many. */
  readonly settled: (bytes: number) => void
  /** The lane holds a batch that nobody takes, or does so no more. */
  readonly held: (change: 1 | -1) => void
  /** Whether the next batch vanishes: false but for tests (see `Faults`). */
  readonly losesBatch: () => boolean
  readonly observe: (event: LaneEvent) => void
}
