/**
 * A replay as lines of JSON, or as Server-Sent Events: records as they are, and what is said of the
 * replay itself as objects with a `type`, which no record has.
 */
import type { ReplayPart } from './api-deps.ts'
import type { Problem } from './problem.ts'

export interface ReplayFraming {
  readonly contentType: string
  /** What stands around a record. */
  readonly frame: { readonly before: string; readonly after: string }
  /** Of what is said of the replay. */
  readonly note: (note: ReplayNote) => string
  /** What keeps a connection alive on which nothing happens; empty where there is no such thing. */
  readonly idle: string
}

export type ReplayNote = { readonly type: 'replay.completed' | 'replay.failed' } & Readonly<
  Record<string, unknown>
>

export const replayFramings = {
  ndjson: {
    contentType: 'application/x-ndjson',
    frame: { before: '', after: '\n' },
    note: (note) => `${JSON.stringify(note)}\n`,
    idle: ''
  },
  sse: {
    contentType: 'text/event-stream',
    frame: { before: 'data: ', after: '\n\n' },
    note: (note) => `event: ${note.type}\ndata: ${JSON.stringify(note)}\n\n`,
    idle: ': nothing new\n\n'
  }
} as const satisfies Readonly<Record<string, ReplayFraming>>

export const completedNote = (
  { count, snapshotId, missing }: Extract<ReplayPart, { readonly type: 'completed' }>,
  isLive: boolean
): ReplayNote => ({
  type: 'replay.completed',
  count,
  live: isLive,
  snapshot_id: snapshotId,
  partial: missing.length > 0,
  ...(missing.length > 0 ? { missing } : {})
})

/** It ends here, and not all was sent. */
export const failedNote = (
  { code, detail }: Problem,
  count: number,
  correlationId: string
): ReplayNote => ({
  type: 'replay.failed',
  count,
  code,
  detail,
  correlation_id: correlationId
})
