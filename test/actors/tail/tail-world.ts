/** A log, a table and a tail over them, as the lander's world has the first two. */
import * as fc from 'fast-check'
import { makeTailReader, type TailReader } from '../../../src/actors/tail/tail-reader.ts'
import type { TailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { tradeRules } from '../../../src/machines/trade-rules.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'
import { trade } from '../../support/trades.ts'
import { codec, drain, FakeLog, makeWorld, type Row, type World } from '../lander/lander-world.ts'

let nowMs = 0

const topic = 'market.crypto.trades.binance'
const symbols = ['BTCUSDT', 'ETHUSDT']

export const readerOf = (
  { log, table }: World,
  store: TailStore,
  bytesMax = 64 * 2 ** 20
): TailReader =>
  makeTailReader(
    { topic, limits: defaultSequenceLimits, logFaults: new Map(), bytesMax },
    {
      log,
      table,
      store,
      makeRows: () => new TradeColumns(),
      codec,
      rules: tradeRules,
      partitionOf,
      nowMs: () => 0,
      // Every other time the catalog is not asked.
      monotonicMs: () => (nowMs += 600)
    }
  )

export const labelOf = (partition: number) => `log-1/${topic}/${partition}`

/** What a lander makes of the log up to some offsets, all of it at once. */
export const validLog = async (
  { log }: World,
  ends: ReadonlyMap<string, number>
): Promise<Row[]> => {
  const world = makeWorld()
  for (const [partition, batches] of log.batches.entries()) {
    const end = ends.get(labelOf(partition)) ?? 0
    world.log.batches[partition]!.push(...batches.filter(({ endOffset }) => endOffset <= end))
  }
  await drain(world)
  return world.table.landed
}

/** Lands so many quarters of what each partition has beyond the table. */
export const commitShare = async (
  world: World,
  share: readonly [number, number]
): Promise<void> => {
  const log = new FakeLog()
  for (const [partition, batches] of world.log.batches.entries()) {
    const landed = world.table.recorded.get(partition)?.offset ?? 0
    const before = batches.filter(({ endOffset }) => endOffset <= landed).length
    const more = Math.ceil(((batches.length - before) * share[partition]!) / 4)
    log.batches[partition]!.push(...batches.slice(0, before + more))
  }
  await drain({ ...world, log })
}

/** Each is far beyond the ones before it, until three in sequence have confirmed it. */
export const jumpId = (number: number): number =>
  1 + Math.floor((number + 2) / 3) * 10_000_000 + ((number + 2) % 3)

/** Ids in sequence mostly; some repeat, some are far ahead and held back until others follow. */
export const records = fc.array(
  fc
    .tuple(
      fc.constantFrom(...symbols),
      fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1, max: 30 }) },
        { weight: 2, arbitrary: fc.integer({ min: 5_000_000, max: 5_000_004 }) }
      )
    )
    .map(([symbol, id]) => trade(symbol, id)),
  { minLength: 1, maxLength: 6 }
)
