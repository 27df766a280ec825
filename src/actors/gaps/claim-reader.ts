/**
 * Claims as the event log brings them. A claim that cannot be read costs itself only, and claims
 * that the log has lost leave holes without a reason, never a hole unseen: the log's own faults are
 * told, and reading goes on behind them.
 */
import * as Effect from 'effect/Effect'
import type { DeadLetterEntry } from '../../adapters/dead-letters/dead-letter-log.ts'
import type { EventLogReader, ReadFailure } from '../../adapters/log/event-log.ts'
import { forEachRecord, type LogBatch } from '../../adapters/log/record-batch.ts'
import type { RecordCodec } from '../../adapters/schema/record-codec.ts'
import type { GapClaim } from '../../market/gap-claim.ts'
import { claimOf } from '../../market/gap-claim-record.ts'
import type { GapClaimV1 } from '../../market/records/gap-claim-v1.ts'
import { LandingFailed } from '../lander/lander-ports.ts'
import { decodedRecord, RecordDecoders } from '../lander/record-decoders.ts'

/** The one partition of a topic of claims. */
export const claimsPartition = 0

const readBytesMax = 1_024 * 1_024

export interface ClaimsRead {
  readonly claims: readonly GapClaim[]
  readonly letters: readonly DeadLetterEntry[]
  readonly nextOffset: number
  /** Why claims before `nextOffset` are missing. */
  readonly lost?: string
}

export class ClaimReader {
  readonly #log: EventLogReader
  readonly #topic: string
  readonly #decoders: RecordDecoders<GapClaimV1>
  readonly #nowMs: () => number

  constructor(
    log: EventLogReader,
    topic: string,
    options: { readonly codec: RecordCodec<GapClaimV1>; readonly nowMs: () => number }
  ) {
    this.#log = log
    this.#topic = topic
    this.#decoders = new RecordDecoders(options.codec)
    this.#nowMs = options.nowMs
  }

  /** One read; nothing where the log has no more. */
  read(fromOffset: number): Effect.Effect<ClaimsRead, LandingFailed> {
    return this.#log
      .read(this.#topic, claimsPartition, { fromOffset, bytesMax: readBytesMax })
      .pipe(
        Effect.map((batches) => this.#decode(batches, fromOffset)),
        Effect.catch((failure) => this.#behind(failure, fromOffset))
      )
  }

  get bounds() {
    return this.#log.bounds(this.#topic, claimsPartition).pipe(Effect.mapError(failed))
  }

  #decode(batches: readonly LogBatch[], fromOffset: number): ClaimsRead {
    const claims: GapClaim[] = []
    const letters: DeadLetterEntry[] = []
    let nextOffset = fromOffset
    for (const batch of batches) {
      const decode = this.#decoders.of(batch)
      const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length)
      forEachRecord(batch, ({ offset, valueStart, valueEnd }) => {
        if (offset < fromOffset) return
        const record = decodedRecord(decode, bytes, [valueStart, valueEnd])
        if (!('undecodable' in record)) claims.push(claimOf(record))
        else {
          letters.push({
            atMs: this.#nowMs(),
            reason: 'undecodable',
            detail: record.undecodable,
            symbol: null,
            nativeId: null,
            position: { topic: this.#topic, partition: claimsPartition, offset },
            raw: Buffer.from(bytes.subarray(valueStart, valueEnd))
          })
        }
      })
      nextOffset = batch.endOffset
    }
    return { claims, letters, nextOffset }
  }

  #behind(failure: ReadFailure, fromOffset: number): Effect.Effect<ClaimsRead, LandingFailed> {
    const goOnAt = (nextOffset: number): ClaimsRead => ({
      claims: [],
      letters: [],
      nextOffset,
      ...(nextOffset > fromOffset ? { lost: failure.message } : {})
    })
    switch (failure._tag) {
      case 'OffsetOutOfRange':
        // Beyond its end the log may still grow up to here.
        return Effect.succeed(goOnAt(Math.max(fromOffset, failure.startOffset)))
      case 'LogOffsetsLost':
        return Effect.succeed(goOnAt(failure.nextOffset))
      case 'LogCorrupt':
      case 'LogUnavailable':
        return Effect.fail(failed(failure))
      default:
        return failure satisfies never
    }
  }
}

const failed = ({ message }: { readonly message: string }): LandingFailed =>
  new LandingFailed({ step: 'log of claims', detail: message, isDependency: true })
