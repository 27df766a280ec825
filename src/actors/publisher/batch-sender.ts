/**
 * Sends one batch of a lane to the event log, in parts where the log takes none of its size.
 *
 * 1. What is too large leaves as two halves, one after the other. A record that is too large by
 *    itself becomes a dead letter, durably, and what is behind it goes on.
 * 2. A batch of which a part has failed has failed: what of it is in the log comes again (R4).
 * 3. Each part has a deadline of its own.
 * 4. It never fails: how it ended is for the circuit, and for whoever has the batch.
 */
import * as Effect from 'effect/Effect'
import type { BatchTooLarge, EventLogWriter } from '../../adapters/log/event-log.ts'
import { forEachRecord, type PackedRecords } from '../../adapters/log/record-batch.ts'
import { halvesOf } from '../../adapters/log/split-batch.ts'
import type { SendOutcome } from './circuit.ts'

/** A record that the event log will never take. */
export interface LargeRecord {
  readonly key: string
  readonly value: Uint8Array
  readonly detail: string
}

export interface BatchSenderOptions {
  readonly topic: string
  readonly partition: number
  /** The event log as it is served now. */
  readonly log: () => Pick<EventLogWriter, 'append'> | undefined
  /** Ends once the record is durable as a dead letter. */
  readonly deadLetter: (record: LargeRecord) => Effect.Effect<void, { readonly message: string }>
  /** Ends when what was begun with it has taken too long. */
  readonly deadline: Effect.Effect<void>
  /** The log has these records from an offset on; their bytes are used again after this. */
  readonly onAppended: (packed: PackedRecords, baseOffset: number) => void
  /** The log has no room. */
  readonly onRefused: (detail: string) => void
}

export type SendBatch = (packed: PackedRecords) => Effect.Effect<SendOutcome>

export const makeSendBatch = (options: BatchSenderOptions): SendBatch => {
  const { topic, partition, log, deadline, onAppended, onRefused } = options
  const send: SendBatch = (packed) =>
    Effect.suspend(() => {
      const current = log()
      if (current === undefined) return Effect.succeed(logAway)
      const append = Effect.match(current.append(topic, partition, packed), {
        onSuccess: ({ baseOffset }) => {
          onAppended(packed, baseOffset)
          return acknowledged
        },
        onFailure: (error): SendOutcome | BatchTooLarge => {
          const { _tag, message: detail } = error
          if (_tag === 'BatchTooLarge') return error
          if (_tag === 'LogFull') onRefused(detail)
          return { type: 'failed', isIndeterminate: _tag === 'LogUnavailable', detail }
        }
      })
      return Effect.flatMap(
        Effect.raceFirst(append, Effect.as(deadline, unanswered)),
        (outcome): Effect.Effect<SendOutcome> => {
          if ('type' in outcome) return Effect.succeed(outcome)
          if (packed.recordCount > 1) return sendHalves(packed)
          return setAside(options, packed, outcome.message)
        }
      )
    })
  const sendHalves: SendBatch = (packed) => {
    const [first, second] = halvesOf(packed)
    return Effect.flatMap(send(first), (outcome) =>
      outcome.type === 'failed'
        ? Effect.succeed(outcome)
        : Effect.map(send(second), (last) =>
            last.type === 'failed'
              ? last
              : { ...last, setAside: [...outcome.setAside, ...last.setAside] }
          )
    )
  }
  return send
}

const acknowledged: SendOutcome = { type: 'acknowledged', setAside: [] }
const unanswered: SendOutcome = {
  type: 'failed',
  isIndeterminate: true,
  detail: 'the event log did not answer in time'
}
const logAway: SendOutcome = {
  type: 'failed',
  isIndeterminate: false,
  detail: 'the event log is not open'
}

/** (1) */
const setAside = (
  { deadLetter, deadline }: BatchSenderOptions,
  packed: PackedRecords,
  detail: string
): Effect.Effect<SendOutcome> => {
  const failed = (why: string): SendOutcome => ({
    type: 'failed',
    isIndeterminate: false,
    detail: `${detail}; no dead letter could be written: ${why}`
  })
  const record = onlyRecordOf(packed)
  const writing = Effect.match(deadLetter({ ...record, detail }), {
    onSuccess: (): SendOutcome => ({ type: 'acknowledged', setAside: [record.key] }),
    onFailure: ({ message }) => failed(message)
  })
  return Effect.raceFirst(writing, Effect.as(deadline, failed('it took too long')))
}

const onlyRecordOf = (packed: PackedRecords): Pick<LargeRecord, 'key' | 'value'> => {
  const { bytes } = packed
  let record = { key: '', value: bytes.subarray(0, 0) }
  forEachRecord({ ...packed, baseOffset: 0 }, ({ keyStart, keyEnd, valueStart, valueEnd }) => {
    const key = bytes.toString('utf8', keyStart, keyEnd)
    record = { key, value: bytes.subarray(valueStart, valueEnd) }
  })
  return record
}
