/** The real embedded log on disk, fsync on, and records for it, or for Kafka. */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { openEmbeddedLog } from '../src/adapters/log/embedded-log.ts'
import type { EventLogWriter } from '../src/adapters/log/event-log.ts'
import { nodeFiles, systemClock } from '../src/adapters/log/node-files.ts'
import { nodeProcess } from '../src/adapters/log/node-process.ts'
import type { Trade } from './hot-path.ts'
import { packRecords, partitionCount } from './market.ts'
import type { SentBySymbol } from './run-check.ts'

/** Opens a new log in `directory`, until the scope closes. */
export const openLog = Effect.fnUntraced(function* (directory: string, topic: string) {
  return yield* openEmbeddedLog({
    directory,
    files: nodeFiles,
    clock: systemClock,
    process: { ...(yield* Effect.promise(nodeProcess)), uniqueId: randomUUID },
    topics: { [topic]: partitionCount },
    neverBelow: [],
    observe: () => undefined
  })
})

/** Appends trades as the publisher does: one append outstanding per partition. */
export const appendTrades = (log: EventLogWriter, topic: string, trades: readonly Trade[]) =>
  Effect.forEach(
    packRecords(trades),
    (batches, partition) =>
      Effect.forEach(batches, (packed) => log.append(topic, partition, packed), { discard: true }),
    { concurrency: 'unbounded', discard: true }
  )

/** Counts trades by symbol, as the exchange counts what it sends. */
export class TradeCounts {
  readonly #bySymbol = new Map<string, { firstId: number; lastId: number; count: number }>()

  add(trades: readonly Trade[]): void {
    for (const { instrument, nativeId: id } of trades) {
      const { symbol } = instrument
      const counted = this.#bySymbol.get(symbol)
      if (counted === undefined) {
        this.#bySymbol.set(symbol, { firstId: id, lastId: id, count: 1 })
        continue
      }
      counted.lastId = Math.max(counted.lastId, id)
      counted.count += 1
    }
  }

  get bySymbol(): SentBySymbol {
    return Object.fromEntries(this.#bySymbol)
  }
}
