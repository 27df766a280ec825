/**
 * The embedded log of a data folder whose process is dead: all whole batches, in offset order. What
 * a crash left behind the last whole batch is not read; the next start cuts it off.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BatchMalformed, forEachRecord, openBatch } from '../../src/adapters/log/record-batch.ts'
import { makeRecordCodec, type RecordCodec } from '../../src/adapters/schema/record-codec.ts'
import type { SequencedRecord } from '../../src/machines/partition-fold.ts'
import { namesIn } from './warehouse.ts'

export interface LoggedRecord {
  readonly partition: number
  readonly offset: number
  readonly record: SequencedRecord
}

interface Place {
  segment: string | undefined
  position: number
  nextOffset: number
}

export interface LogVisitor {
  readonly onRecord: (record: LoggedRecord) => void
  /** Retention has removed what was below this offset before it was read here. */
  readonly onRemoved: (partition: number, beforeOffset: number) => void
}

/** Ids of all records of a topic; of a log that retention has not touched. */
export const loggedIds = (dataFolder: string, topic: string, schema: object): Set<string> => {
  const ids = new Set<string>()
  new LogFolder(dataFolder, topic, schema).readNew({
    onRecord: ({ record }) => ids.add(record.message_id),
    onRemoved: (partition, beforeOffset) => {
      throw new Error(`partition ${partition} has lost what was below ${beforeOffset}`)
    }
  })
  return ids
}

/** Reads a topic forward: each call of `readNew` goes on where the last one ended. */
export class LogFolder {
  readonly #folder: string
  readonly #topic: string
  readonly #codec: RecordCodec<SequencedRecord>
  readonly #places = new Map<number, Place>()

  /** @param schema of the topic's records */
  constructor(dataFolder: string, topic: string, schema: object) {
    this.#folder = join(dataFolder, 'log')
    this.#topic = topic
    this.#codec = makeRecordCodec(schema)
  }

  /** Names the log in `k2.offsets`; undefined while the log has none. */
  get identity(): string | undefined {
    if (!namesIn(this.#folder).includes('log.json')) return undefined
    const text = readFileSync(join(this.#folder, 'log.json'), 'utf8')
    return (JSON.parse(text) as { readonly identity: string }).identity
  }

  /** Offset behind the last record read, by partition. */
  get ends(): ReadonlyMap<number, number> {
    return new Map([...this.#places].map(([partition, { nextOffset }]) => [partition, nextOffset]))
  }

  get recordCount(): number {
    return [...this.ends.values()].reduce((sum, end) => sum + end, 0)
  }

  /** @throws Error where offsets do not follow each other, or a segment is damaged. */
  readNew(visitor: LogVisitor): void {
    for (const name of namesIn(this.#folder)) {
      const partition = new RegExp(`^${this.#topic}-(\\d+)$`).exec(name)?.[1]
      if (partition !== undefined) this.#readPartition(Number(partition), visitor)
    }
  }

  #readPartition(partition: number, visitor: LogVisitor): void {
    const folder = join(this.#folder, `${this.#topic}-${partition}`)
    const place = this.#places.get(partition) ?? { segment: undefined, position: 0, nextOffset: 0 }
    this.#places.set(partition, place)
    const segments = namesIn(folder).filter((name) => name.endsWith('.log')).sort()
    const from = place.segment === undefined ? -1 : segments.indexOf(place.segment)
    const startOffset = Number(segments[0]?.slice(0, -'.log'.length) ?? 0)
    if (from === -1 && startOffset > place.nextOffset) {
      visitor.onRemoved(partition, startOffset)
      place.nextOffset = startOffset
    }
    for (const segment of segments.slice(Math.max(0, from))) {
      if (segment !== place.segment) Object.assign(place, { segment, position: 0 })
      const isWhole = this.#readSegment(join(folder, segment), { partition, place, visitor })
      if (!isWhole && segment !== segments.at(-1)) throw new Error(`${folder}/${segment} is torn`)
    }
  }

  /** Whether the segment ends with a whole batch. */
  #readSegment(
    path: string,
    at: { readonly partition: number; readonly place: Place; readonly visitor: LogVisitor }
  ): boolean {
    const { partition, place, visitor } = at
    const bytes = readFileSync(path)
    while (place.position < bytes.length) {
      let batch
      try {
        batch = openBatch(bytes, place.position, bytes.length)
      } catch (error) {
        if (error instanceof BatchMalformed) return false
        throw error
      }
      if (batch.baseOffset !== place.nextOffset) {
        throw new Error(`${path}: offset ${batch.baseOffset} where ${place.nextOffset} is next`)
      }
      forEachRecord(batch, ({ offset, valueStart, valueEnd }) => {
        const record = this.#codec.decode(batch.bytes, valueStart, valueEnd)
        visitor.onRecord({ partition, offset, record })
      })
      place.position += batch.bytes.length
      place.nextOffset = batch.endOffset
    }
    return true
  }
}
