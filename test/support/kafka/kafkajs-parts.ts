/** Parts of kafkajs 2.2.4 that it keeps to itself, to hold ours against. */
import { createRequire } from 'node:module'
import type { ReadMessage } from '../../../src/adapters/log/kafka/kafka-reader-batches.ts'

interface StockRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
  readonly offsetDelta: number
  readonly timestampDelta: number
}

export interface StockBatch {
  readonly compression: number
  readonly firstOffset: number
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly lastOffsetDelta: number
  readonly transactional?: boolean
  readonly records: readonly StockRecord[]
}

interface Encoder {
  readonly buffer: Buffer
}

const require = createRequire(import.meta.url)
const part = (name: string): unknown => require(`kafkajs/src/protocol/${name}`)

const encodeRecord = part('recordBatch/record/v0') as (record: StockRecord) => Encoder
const { RecordBatch: encodeBatch } = part('recordBatch/v0') as {
  readonly RecordBatch: (batch: object) => Promise<Encoder>
}
const fetchResponse = part('requests/fetch/v11/response') as {
  readonly decode: (bytes: Buffer) => Promise<StockFetchResponse>
}

interface StockFetchResponse {
  readonly responses: readonly {
    readonly topicName: string
    readonly partitions: readonly { readonly messages: readonly ReadMessage[] }[]
  }[]
}

/** A record batch as kafkajs writes it, by a plain producer. */
export const stockBatch = async (batch: StockBatch): Promise<Buffer> => {
  const records = batch.records.map((record) => encodeRecord(record))
  return (await encodeBatch({ ...batch, records })).buffer
}

export const decodeStock = (bytes: Buffer): Promise<StockFetchResponse> =>
  fetchResponse.decode(bytes)

/** A response to Fetch version 11, with the record sets of one topic by partition. */
export const fetchResponseOf = (topic: string, recordSets: readonly Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from('00000000000000000000', 'hex'),
    int32(1),
    Buffer.from([0, topic.length]),
    Buffer.from(topic),
    int32(recordSets.length),
    ...recordSets.map((records, partition) =>
      Buffer.concat([
        int32(partition),
        // No error; high watermark, last stable offset, start of the log; nothing was aborted.
        Buffer.from('0000', 'hex'),
        Buffer.from('000000000000ffff000000000000ffff0000000000000000', 'hex'),
        Buffer.from('00000000ffffffff', 'hex'),
        int32(records.length),
        records
      ])
    )
  ])

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
