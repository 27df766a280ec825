/**
 * What a topic's log holds, as lines for the comparison: from the embedded log's folder by a reader
 * of its own, or from Kafka by another client.
 *
 * The folder of a partition holds segments `<first offset>.log` of batches back to back: `K2RB`, a
 * CRC32C of all that follows it, version, flags, bytes of the records, their count, zero, the base
 * offset (u64), the schema's fingerprint, two times, zero: 64 bytes, little-endian. Then the
 * records: key length, key, value length, value, lengths as unsigned varints.
 *
 * 1. A batch that a crash left half written at the very end is no part of the log; anything else
 *    that does not read is an error, never passed over.
 */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  createReadStream,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { crc32c } from '@node-rs/crc32'
import { LineFile } from './line-file.ts'
import { readTrade } from './trade-record.ts'

/** The log cannot be read as its format says. */
export class LogUnreadable extends Error {}

export interface DumpedLog {
  /** Names the log in the rows' `k2_partition`; undefined where the dump cannot know it. */
  readonly identity: string | undefined
  readonly records: number
}

const logColumns = 'kafka_partition,log_offset,message_id,symbol,id,price,quantity,time_us'

/** Dumps a topic of an embedded log. */
export const dumpEmbeddedLog = (folder: string, topic: string, csv: string): DumpedLog => {
  const { identity } = JSON.parse(readFileSync(join(folder, 'log.json'), 'utf8')) as {
    readonly identity: string
  }
  const file = new LineFile(csv)
  try {
    file.line(logColumns)
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(`${topic}-`)) continue
      const partition = Number(name.slice(topic.length + 1))
      if (Number.isInteger(partition)) dumpPartition(join(folder, name), partition, file)
    }
  } finally {
    file.close()
  }
  return { identity, records: file.lines - 1 }
}

const headerBytes = 64
const segmentName = /^\d{20}\.log$/

const dumpPartition = (folder: string, partition: number, file: LineFile): void => {
  const segments = readdirSync(folder)
    .filter((name) => segmentName.test(name))
    .sort()
  let next: number | undefined
  segments.forEach((name, index) => {
    const first = Number(name.slice(0, 20))
    if (next !== undefined && first < next)
      throw new LogUnreadable(`${folder}/${name} begins before ${next}, where the last one ends`)
    const isNewest = index === segments.length - 1
    next = dumpSegment(join(folder, name), { partition, first, isNewest, file })
  })
}

interface SegmentDump {
  readonly partition: number
  readonly first: number
  readonly isNewest: boolean
  readonly file: LineFile
}

const dumpSegment = (path: string, { partition, first, isNewest, file }: SegmentDump): number => {
  const opened = openSync(path, 'r')
  try {
    const { size } = fstatSync(opened)
    let offset = first
    for (let at = 0; at < size;) {
      const batch = batchAt(opened, at, size)
      if (typeof batch === 'string') {
        if (isNewest) break
        throw new LogUnreadable(`${path} at byte ${at}: ${batch}`)
      }
      const base = Number(batch.readBigUInt64LE(24))
      if (base !== offset)
        throw new LogUnreadable(`${path} at byte ${at}: offset ${base}, ${offset} is next`)
      offset = dumpBatch(batch, { partition, offset, file })
      at += batch.length
    }
    return offset
  } finally {
    closeSync(opened)
  }
}

/** The batch at a position, or why there is none. */
const batchAt = (file: number, at: number, size: number): Buffer | string => {
  const header = Buffer.alloc(headerBytes)
  if (readSync(file, header, 0, headerBytes, at) < headerBytes) return 'a header is cut short'
  if (header.toString('latin1', 0, 4) !== 'K2RB') return 'no batch begins here'
  const length = headerBytes + header.readUInt32LE(12)
  if (at + length > size) return 'a batch is cut short'
  const batch = Buffer.alloc(length)
  readSync(file, batch, 0, length, at)
  return crc32c(batch.subarray(8)) === batch.readUInt32LE(4) ? batch : 'the checksum differs'
}

const dumpBatch = (
  batch: Buffer,
  { partition, offset, file }: { partition: number; offset: number; file: LineFile }
): number => {
  let at = headerBytes
  const length = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = batch[at++]
      if (byte === undefined) throw new LogUnreadable(`offset ${offset}: a record is cut short`)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  const count = batch.readUInt32LE(16)
  for (let index = 0; index < count; index++) {
    const keyBytes = length()
    at += keyBytes
    const bytes = length()
    file.line(lineOf(partition, offset + index, batch.subarray(at, at + bytes)))
    at += bytes
  }
  return offset + count
}

/**
 * A message begins with a zero and the registry's schema id (Confluent), or with C3 01 and the
 * schema's fingerprint (Avro specification, "Single-object encoding").
 */
const headerBytesOf = (message: Buffer): number => {
  if (message[0] === 0) return 5
  if (message[0] === 0xc3 && message[1] === 0x01) return 10
  throw new LogUnreadable(`a message begins with ${message.toString('hex', 0, 2)}`)
}

/** Dumps a topic of Kafka through librdkafka; `python` has `confluent_kafka`. */
export const dumpKafkaTopic = async (
  python: string,
  {
    brokers,
    topic,
    csv
  }: { readonly brokers: string; readonly topic: string; readonly csv: string }
): Promise<DumpedLog> => {
  const raw = `${csv}.raw`
  const script = join(dirname(fileURLToPath(import.meta.url)), 'dump_kafka.py')
  execFileSync(python, [script, brokers, topic, raw], { stdio: ['ignore', 'ignore', 'inherit'] })
  const file = new LineFile(csv)
  try {
    file.line(logColumns)
    for await (const line of createInterface({ input: createReadStream(raw) })) {
      const [partition, offset, value = ''] = line.split(',')
      const message = Buffer.from(value, 'base64')
      const record = message.subarray(headerBytesOf(message))
      file.line(lineOf(Number(partition), Number(offset), record))
    }
  } finally {
    file.close()
  }
  return { identity: undefined, records: file.lines - 1 }
}

const lineOf = (partition: number, offset: number, bytes: Buffer): string => {
  try {
    const { messageId, symbol, id, price, quantity, timeUs } = readTrade(bytes)
    const values = [messageId, symbol, id ?? '', scaled(price), scaled(quantity), timeUs]
    return [partition, offset, ...values].map(cell).join(',')
  } catch (error) {
    throw new LogUnreadable(`partition ${partition}, offset ${offset}: ${(error as Error).message}`)
  }
}

/** Text of an unscaled value of eight decimals. */
const scaled = (unscaled: bigint): string => {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(9, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`
}

const cell = (value: string | number | bigint): string => {
  const text = String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
