import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import { afterAll, expect, test } from 'vitest'
import { deadLetterBytesMax } from '../../src/actors/lander/dead-letter-limits.ts'
import { type DataTypeSpec, quotesSpec, tradesSpec } from '../../src/actors/data-types.ts'
import { type LanderSetup, openLander } from '../../src/actors/lander/open-lander.ts'
import { dataFolderAt } from '../../src/actors/storage/data-folder.ts'
import { readConfig } from '../../src/adapters/config/config.ts'
import { openDeletionQueue } from '../../src/adapters/disk/deletion-queue.ts'
import { folderBytes } from '../../src/adapters/disk/folders.ts'
import { parseFrame } from '../../src/adapters/exchange/binance-frames.ts'
import { openEmbeddedLog } from '../../src/adapters/log/embedded-log.ts'
import { nodeFiles } from '../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../src/adapters/log/node-process.ts'
import { partitionOf } from '../../src/adapters/log/partitioner.ts'
import { PackedRecordsBuilder } from '../../src/adapters/log/record-batch.ts'
import { makeLocalFiles } from '../../src/adapters/object-store/local-files.ts'
import { makeGeneratorSource } from '../../src/adapters/simulator/generator-source.ts'
import type { SequencedRecord } from '../../src/machines/partition-fold.ts'
import type { Instrument } from '../../src/market/instrument.ts'
import { defaultSequenceLimits } from '../../src/market/sequence.ts'

const root = mkdtempSync(join(tmpdir(), 'k2-week-'))
afterAll(() => rmSync(root, { recursive: true }))

const topics = {
  trades: 'market.crypto.trades.simulated',
  quotes: 'market.crypto.quotes.simulated'
}
const weekMs = 7 * 86_400_000
const GiB = 1_024 ** 3
/**
 * From here on every metadata file that is kept names as many snapshots as are kept, and what was
 * removed before is deleted.
 */
const settledCommits = 230

/**
 * The real modules over a simulated clock: as many commits as show the steady state (snapshots
 * expire, files are deleted after their grace time), then what a week of them comes to. The parts
 * that do not grow by commits count with their limits.
 */
test('a week of npm start on defaults stays below 10 GiB (R53)', { timeout: 180_000 }, async () => {
  const config = readConfig({}, [])
  const folder = dataFolderAt(root)
  const source = makeGeneratorSource({ seed: config.simulatorSeed, rate: config.simulatorRate })
  const instruments = new Map(
    source.listing.map(({ symbol, baseAsset, quoteAsset }): [string, Instrument] => [
      symbol,
      { exchange: 'SIMULATED', symbol, assetClass: 'crypto', baseAsset, quoteAsset }
    ])
  )
  const clock = { nowMs: 1_767_225_600_000 }
  const nowMs = () => clock.nowMs
  const playback = source.play(clock.nowMs)
  playback.playQuotes?.(true)
  const trades = laneOf(topics.trades, tradesSpec, config.logPartitions)
  const quotes = laneOf(topics.quotes, quotesSpec, config.logPartitions)

  const program = Effect.gen(function* () {
    const log = yield* openEmbeddedLog({
      directory: folder.log,
      files: nodeFiles,
      clock: { nowMs, schedule: (_delayMs, run) => (setImmediate(run), () => undefined) },
      process: yield* Effect.promise(nodeProcess),
      topics: {
        [topics.trades]: config.logPartitions,
        [topics.quotes]: config.logPartitions
      },
      neverBelow: [],
      limits: { diskBytesMax: config.logDiskBytesMax },
      observe: () => undefined
    })
    const deletions = yield* openDeletionQueue({
      journal: join(root, 'expired.ndjson'),
      graceMs: config.queryTimeoutMs + 60_000,
      nowMs,
      remove: makeLocalFiles().remove,
      observe: () => undefined
    })
    let rows = 0
    const setup = (topic: string): LanderSetup => ({
      folder,
      log,
      lander: {
        topic,
        commitRowsMax: config.commitRowsMax,
        commitBytesMax: config.commitBytesMax,
        commitAgeMs: config.commitAgeMs,
        limits: defaultSequenceLimits,
        logFaults: new Map()
      },
      storage: {},
      snapshotsMax: config.snapshotsMax,
      duckdbBytesMax: config.duckdbBytesMax,
      nowMs,
      uuid: randomUUID,
      observe: (event) => {
        if (event.type === 'commit.landed') rows += event.rows
      },
      onRemoved: deletions.add
    })
    const landers = [
      yield* openLander(tradesSpec, setup(topics.trades)),
      yield* openLander(quotesSpec, setup(topics.quotes))
    ]

    const oneCommit = Effect.gen(function* () {
      clock.nowMs += config.commitAgeMs
      while (playback.advance(clock.nowMs)) {
        const { bytes } = playback.frame()
        const frame = {
          bytes,
          frameBytes: bytes.length,
          isBinary: false,
          receivedUs: clock.nowMs * 1_000
        }
        const parsed = parseFrame(frame, instruments)
        if (parsed.kind === 'trade') trades.add(parsed.trade)
        else if (parsed.kind === 'quote') quotes.add(parsed.quote)
        else throw new Error(`the exchange sent ${parsed.kind}`)
      }
      for (const { topic, take } of [trades, quotes]) {
        for (const [partition, packed] of take()) yield* log.append(topic, partition, packed)
      }
      for (const makeLander of landers) {
        const lander = makeLander()
        yield* lander.finish
        yield* lander.run
      }
      yield* deletions.sweep
    })

    const commits = settledCommits + 100
    const bytesAt = new Map<number, number>()
    for (let commit = 1; commit <= commits; commit++) {
      yield* oneCommit
      if (commit === settledCommits || commit === commits) {
        bytesAt.set(commit, yield* folderBytes(folder.warehouse))
      }
    }
    expect(rows).toBeGreaterThan(commits * config.simulatorRate)
    const growth =
      (bytesAt.get(commits)! - bytesAt.get(settledCommits)!) / (commits - settledCommits)
    const weekCommits = weekMs / config.commitAgeMs
    const week =
      bytesAt.get(commits)! +
      growth * (weekCommits - commits) +
      config.logDiskBytesMax +
      3 * deadLetterBytesMax
    expect(week).toBeLessThan(10 * GiB)
    expect(config.diskBytesMax).toBeLessThanOrEqual(10 * GiB)
    return { growth, week, rowsPerCommit: rows / commits }
  })
  const { growth, week, rowsPerCommit } = await Effect.runPromise(Effect.scoped(program))
  process.stdout.write(
    `${Math.round(growth)} bytes per commit of ${Math.round(rowsPerCommit)} rows, ` +
      `${(week / GiB).toFixed(1)} GiB a week with the log's limit\n`
  )
})

/** What is to be appended to a topic, by partition. */
const laneOf = <A extends SequencedRecord>(
  topic: string,
  spec: DataTypeSpec<A>,
  partitionCount: number
) => {
  const codec = spec.makeCodec()
  const builders = Array.from({ length: partitionCount }, () => new PackedRecordsBuilder())
  return {
    topic,
    add: (record: A) =>
      builders[partitionOf(record.symbol, partitionCount)]!.add(
        record.symbol,
        codec.encode(record)
      ),
    take: () =>
      [...builders.entries()].flatMap(([partition, builder]) =>
        builder.count === 0 ? [] : [[partition, builder.take(codec.fingerprint)] as const]
      )
  }
}
