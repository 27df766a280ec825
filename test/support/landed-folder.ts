/**
 * A data folder with an embedded log and a table, filled by the real log and the real lander in the
 * test's own process, without feeds and actors.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { faultsOf } from '../../src/actors/lander/lander-actor.ts'
import type { LanderEvent } from '../../src/actors/lander/lander-ports.ts'
import { openLander } from '../../src/actors/lander/open-lander.ts'
import { tradesSpec } from '../../src/actors/data-types.ts'
import { dataFolderAt, openTable } from '../../src/actors/storage/data-folder.ts'
import { readRecordedState } from '../../src/adapters/iceberg/table.ts'
import { openEmbeddedLog } from '../../src/adapters/log/embedded-log.ts'
import { readDescription } from '../../src/adapters/log/log-directory.ts'
import { nodeFiles, systemClock } from '../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../src/adapters/log/node-process.ts'
import { partitionOf } from '../../src/adapters/log/partitioner.ts'
import { PackedRecordsBuilder } from '../../src/adapters/log/record-batch.ts'
import type { TradeV2 } from '../../src/market/records/trade-v2.ts'
import { defaultSequenceLimits } from '../../src/market/sequence.ts'

export const landedTopic = 'market.crypto.trades.binance'

export interface LandOptions {
  readonly partitions?: number
  /** Runs the lander over what the log has; else the trades wait in the log. */
  readonly isLanding?: boolean
  /** A log of its own, beside the folder's. */
  readonly logDirectory?: string
  readonly segmentBytes?: number
  /** Records per batch of the log. */
  readonly batchRecords?: number
}

const context = (root: string) => ({
  folder: dataFolderAt(root),
  storage: {},
  snapshotsMax: 100,
  nowMs: Date.now,
  uuid: randomUUID,
  observe: () => undefined
})

/** The folder's table, as K2 opens it. */
export const landedTable = (root: string) =>
  Effect.runPromise(openTable(tradesSpec, { ...context(root), mustExist: true }))

/** Appends the trades to the log and lands all that it has; what the lander had to say. */
export const land = (
  root: string,
  trades: readonly TradeV2[],
  options: LandOptions = {}
): Promise<readonly LanderEvent[]> => {
  const { partitions = 2, isLanding = true, segmentBytes = 1_024 ** 2 } = options
  const folder = dataFolderAt(root)
  const directory = options.logDirectory ?? folder.log
  const events: LanderEvent[] = []
  const program = Effect.gen(function* () {
    const table = yield* openTable(tradesSpec, context(root))
    const { offsets } = yield* readRecordedState(table)
    const known = yield* Effect.promise(() =>
      readDescription(nodeFiles, directory).catch(() => undefined)
    )
    const landed = Object.entries(offsets[known?.identity ?? '']?.[landedTopic] ?? {})
    const log = yield* openEmbeddedLog({
      directory,
      files: nodeFiles,
      clock: systemClock,
      process: yield* Effect.promise(nodeProcess),
      topics: { [landedTopic]: partitions },
      neverBelow: landed.map(([partition, offset]) => ({
        topic: landedTopic,
        partition: Number(partition),
        offset
      })),
      limits: { flushDelayMs: 0, segmentBytes, diskBytesMax: 64 * 1_024 ** 2 },
      observe: () => undefined
    })
    yield* append(log, trades, { partitions, records: options.batchRecords ?? 50 })
    if (!isLanding) return
    const makeLander = yield* openLander(tradesSpec, {
      ...context(root),
      folder: { ...folder, log: directory },
      log,
      lander: {
        topic: landedTopic,
        commitRowsMax: 1_000_000,
        commitBytesMax: 1_024 ** 3,
        commitAgeMs: 600_000,
        limits: defaultSequenceLimits,
        logFaults: faultsOf(landedTopic, log)
      },
      duckdbBytesMax: 128 * 1_024 ** 2,
      observe: (event) => events.push(event),
      onRemoved: () => undefined
    })
    const lander = makeLander()
    yield* lander.finish
    yield* lander.run
  })
  return Effect.runPromise(Effect.scoped(program)).then(() => events)
}

/** What stopped which partition. */
export const stops = (events: readonly LanderEvent[]): readonly string[] =>
  events.flatMap((event) =>
    event.type === 'partition.stopped' ? [`${event.partition}: ${event.detail}`] : []
  )

const append = (
  log: Effect.Success<ReturnType<typeof openEmbeddedLog>>,
  trades: readonly TradeV2[],
  { partitions, records }: { readonly partitions: number; readonly records: number }
) => {
  const codec = tradesSpec.makeCodec()
  const lanes = new Map<number, TradeV2[]>()
  for (const trade of trades) {
    const partition = partitionOf(trade.symbol, partitions)
    lanes.set(partition, [...(lanes.get(partition) ?? []), trade])
  }
  return Effect.forEach(lanes, ([partition, lane]) =>
    Effect.gen(function* () {
      for (let start = 0; start < lane.length; start += records) {
        const builder = new PackedRecordsBuilder()
        for (const trade of lane.slice(start, start + records))
          builder.add(trade.symbol, Uint8Array.from(codec.encode(trade)))
        yield* log.append(landedTopic, partition, builder.take(codec.fingerprint))
      }
    })
  )
}
