/** A topic of Kafka as `Exactness` reads it: by librdkafka and fastavro, forward. */
import type { CheckedData, CheckedLog } from '../exactness.ts'
import type { LogVisitor } from '../log-folder.ts'
import { identifyIndependently, readIndependently } from './independent-client.ts'

type Record = Parameters<LogVisitor['onRecord']>[0]['record']

export class TopicLog implements CheckedLog {
  readonly #asked
  readonly #ends = new Map<number, number>()
  #identity: string | undefined

  constructor(bootstrap: string, { topic, schema }: CheckedData) {
    this.#asked = {
      topic,
      client: { 'bootstrap.servers': bootstrap },
      schema: JSON.stringify(schema)
    }
  }

  get identity(): string | undefined {
    return this.#identity
  }

  get recordCount(): number {
    return [...this.#ends.values()].reduce((sum, end) => sum + end, 0)
  }

  /** @throws Error where offsets do not follow each other. */
  readNew({ onRecord, onRemoved }: LogVisitor): void {
    this.#identity = identifyIndependently(this.#asked)
    const asked = { ...this.#asked, from: Object.fromEntries(this.#ends) }
    for (const { partition, offset, value } of readIndependently<Record>(asked)) {
      const end = this.#ends.get(partition) ?? 0
      if (end === 0 && offset > 0) onRemoved(partition, offset)
      else if (offset !== end) throw new Error(`offset ${offset} where ${end} is next`)
      onRecord({ partition, offset, record: value })
      this.#ends.set(partition, offset + 1)
    }
  }
}
