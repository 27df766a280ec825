/**
 * A log in memory that grows while it is read, and keeps only what was appended last: for more
 * records than a benchmark could hold.
 */
import * as Effect from 'effect/Effect'
import { type EventLogReader, type Watermark, wholeLog } from '../src/adapters/log/event-log.ts'
import type { LogBatch } from '../src/adapters/log/record-batch.ts'
import { logIdentity, type Round, topic } from './landing.ts'
import { partitionCount } from './market.ts'

export class GrowingLog implements EventLogReader {
  readonly identityOf: () => string
  readonly topics: ReadonlyMap<string, number>
  readonly assignment: EventLogReader['assignment']
  readonly assignmentChanged: EventLogReader['assignmentChanged']
  readonly noteLanded: EventLogReader['noteLanded']
  readonly confirm: EventLogReader['confirm']
  readonly #topic: string
  readonly #listeners = new Set<(watermark: Watermark) => void>()
  readonly #ends = Array.from({ length: partitionCount }, () => 0)
  #round: Round = []

  constructor(identity = logIdentity, ofTopic = topic) {
    this.#topic = ofTopic
    this.identityOf = () => identity
    this.topics = new Map([[ofTopic, partitionCount]])
    const whole = wholeLog(this.topics)
    this.assignment = whole.assignment
    this.assignmentChanged = whole.assignmentChanged
    this.noteLanded = whole.noteLanded
    this.confirm = whole.confirm
  }

  /** The next records; those before must have been read. */
  append(round: Round): void {
    this.#round = round
    for (const [partition, batches] of round.entries()) {
      const durableEnd = batches.at(-1)?.endOffset
      if (durableEnd === undefined) continue
      this.#ends[partition] = durableEnd
      const watermark = { topic: this.#topic, partition, durableEnd }
      for (const listener of this.#listeners) listener(watermark)
    }
  }

  readonly bounds = (_topic: string, partition: number) =>
    Effect.succeed({ startOffset: 0, durableEnd: this.#ends[partition]! })

  readonly read = (
    _topic: string,
    partition: number,
    { fromOffset }: { readonly fromOffset: number }
  ): Effect.Effect<readonly LogBatch[]> =>
    Effect.succeed(
      (this.#round[partition] ?? []).filter(({ endOffset }) => endOffset > fromOffset)
    )

  readonly changed = (listener: (watermark: Watermark) => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
