/**
 * Traces of records from frame to commit. One record of `every` is followed (`followed-records.ts`)
 * for the batch that has it:
 *
 *     capture market.crypto.trades.binance   frame received → acknowledged by the log
 *     └ publish …                            append → acknowledged
 *     └ land …                               read from the log → landed
 *       └ write files                        cut off from what is read on → data files written
 *       └ commit                             … → the snapshot that has it
 *
 * 1. Publisher and lander tell their spans alone, each when they end; the ids join them.
 * 2. What was sent again under another offset is another record of the log, with another trace.
 */
import type { AvroRecord } from '../../adapters/duckdb/columns.ts'
import { forEachRecord, type PackedRecords } from '../../adapters/log/record-batch.ts'
import { makeRecordCodec, type RecordCodec } from '../../adapters/schema/record-codec.ts'
import { idsOf, type Span, type SpanIds } from '../../adapters/telemetry/span.ts'
import type { SpanQueue } from '../../adapters/telemetry/span-queue.ts'
import type { FollowedLanding } from '../lander/lander-ports.ts'
import { followedOffsets, recordIds, type RecordPlace } from './followed-records.ts'

/** A batch that the log has acknowledged just now. */
export interface AppendedBatch {
  readonly partition: number
  /** Offset of its first record. */
  readonly baseOffset: number
  /** Not used any more once this is told. */
  readonly packed: PackedRecords
  readonly tookMs: number
}

/** What is known of a followed record; times in µs, absent where its data type has none. */
interface FollowedRecord {
  readonly message_id?: string
  readonly symbol?: string
  readonly timestamp?: number
  readonly ingestion_timestamp?: number
}

interface RecordTracesOptions {
  readonly queue: SpanQueue
  /** In offsets. */
  readonly every: number
  readonly nowMs: () => number
}

export class RecordTraces {
  readonly #options: RecordTracesOptions
  readonly #codecs = new Map<object, RecordCodec<FollowedRecord>>()

  constructor(options: RecordTracesOptions) {
    this.#options = options
  }

  published(
    { topic, schema }: { readonly topic: string; readonly schema: AvroRecord },
    log: string,
    appended: AppendedBatch
  ): void {
    const { partition, baseOffset, packed, tookMs } = appended
    const { queue, every, nowMs } = this.#options
    const offsets = followedOffsets(every, baseOffset, baseOffset + packed.recordCount)
    if (offsets.length === 0) return
    const endMs = nowMs()
    const records = this.#recordsAt(offsets, appended, schema)
    for (const offset of offsets) {
      const place = { log, topic, partition, offset }
      const ids = recordIds(place)
      const record = records.get(offset)
      const capture: Span = {
        ...ids,
        name: `capture ${topic}`,
        kind: 'internal',
        startMs: (record?.ingestion_timestamp ?? (endMs - tookMs) * 1_000) / 1_000,
        endMs,
        attributes: {
          ...placeAttributes(place),
          'k2.symbol': record?.symbol,
          'k2.message_id': record?.message_id,
          'k2.exchange_time_us': record?.timestamp
        }
      }
      const publish: Span = {
        ...childOf(ids, 'publish'),
        name: `publish ${topic}`,
        kind: 'producer',
        startMs: endMs - tookMs,
        endMs,
        attributes: {
          ...placeAttributes(place),
          'messaging.operation.type': 'send',
          'messaging.batch.message_count': packed.recordCount,
          'k2.batch_bytes': packed.bytes.length
        }
      }
      queue.push([capture, publish])
    }
  }

  landed(
    { topic, table }: { readonly topic: string; readonly table: string },
    log: string,
    landing: FollowedLanding
  ): void {
    const { cutMs, writtenMs, landedMs, commitId, snapshotId, records } = landing
    for (const { partition, offset, readMs } of records) {
      const place = { log, topic, partition, offset }
      const root = recordIds(place)
      const land = childOf(root, 'land')
      const step = (name: string, startMs: number, endMs: number): Span => ({
        ...childOf(land, name),
        name,
        kind: 'internal',
        startMs,
        endMs,
        attributes: { 'k2.commit_id': commitId, 'k2.table': table }
      })
      this.#options.queue.push([
        {
          ...land,
          name: `land ${topic}`,
          kind: 'consumer',
          startMs: readMs,
          endMs: landedMs,
          attributes: {
            ...placeAttributes(place),
            'messaging.operation.type': 'process',
            'k2.table': table,
            'k2.commit_id': commitId,
            'k2.snapshot_id': snapshotId
          }
        },
        step('write files', cutMs, writtenMs),
        step('commit', writtenMs, landedMs)
      ])
    }
  }

  /** None where another version of K2 has written the batch, which waited in the spool. */
  #recordsAt(
    offsets: readonly number[],
    { packed, baseOffset }: AppendedBatch,
    schema: AvroRecord
  ): ReadonlyMap<number, FollowedRecord> {
    const found = new Map<number, FollowedRecord>()
    let codec = this.#codecs.get(schema)
    if (codec === undefined) this.#codecs.set(schema, (codec = makeRecordCodec(schema)))
    if (codec.fingerprint !== packed.schemaFingerprint) return found
    const { decode } = codec
    forEachRecord({ ...packed, baseOffset }, ({ offset, valueStart, valueEnd }) => {
      if (offsets.includes(offset)) found.set(offset, decode(packed.bytes, valueStart, valueEnd))
    })
    return found
  }
}

const childOf = ({ traceId, spanId }: SpanIds, name: string) => ({
  traceId,
  spanId: idsOf('span', traceId, spanId, name).spanId,
  parentId: spanId
})

/** By OpenTelemetry's conventions for messaging. */
const placeAttributes = ({ topic, partition, offset }: RecordPlace) => ({
  'messaging.destination.name': topic,
  'messaging.destination.partition.id': String(partition),
  'messaging.kafka.offset': offset
})
