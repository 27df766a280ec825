/**
 * The real lander over a log in memory: decode, fold, columns, Parquet, state, commit, on real
 * files with fsync. Records come in rounds, of which the next is readable once the last is read.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../src/actors/data-types.ts'
import { openLander } from '../src/actors/lander/open-lander.ts'
import { dataFolderAt } from '../src/actors/storage/data-folder.ts'
import type { EventLogReader } from '../src/adapters/log/event-log.ts'
import type { LogBatch } from '../src/adapters/log/record-batch.ts'
import { topicName } from '../src/market/instrument.ts'
import { defaultSequenceLimits } from '../src/market/sequence.ts'
import { partitionCount } from './market.ts'

/** Batches by partition. */
export type Round = readonly (readonly LogBatch[])[]

export const topic = topicName('crypto', 'trades', 'BINANCE')
export const logIdentity = '00000000-0000-4000-8000-000000000000'
export const snapshotsMax = 100
export const duckdbBytesMax = 512 * 1_024 ** 2

export interface LandingRun {
  /** By commit, from its cut (where it asks for its id) to its snapshot, ms. */
  readonly commitMs: readonly number[]
  readonly rows: number
  readonly seconds: number
}

/** Lands all rounds into a new table in `folder`, commits of `commitRows`. */
export const landRounds = (
  folder: string,
  rounds: readonly Round[],
  commitRows: number
): Promise<LandingRun> =>
  Effect.runPromise(Effect.scoped(landAll(folder, rounds, commitRows)))

const landAll = Effect.fnUntraced(function* (
  folder: string,
  rounds: readonly Round[],
  commitRows: number
) {
  const commitMs: number[] = []
  let rows = 0
  let cutMs: number | undefined
  const faults: string[] = []
  const makeLander = yield* openLander(tradesSpec, {
    folder: dataFolderAt(folder),
    log: roundLog(rounds),
    lander: {
      topic,
      commitRowsMax: commitRows,
      commitBytesMax: Number.MAX_SAFE_INTEGER,
      commitAgeMs: 3_600_000,
      limits: defaultSequenceLimits,
      logFaults: new Map()
    },
    snapshotsMax,
    duckdbBytesMax,
    nowMs: Date.now,
    uuid: () => {
      cutMs ??= performance.now()
      return randomUUID()
    },
    onRemoved: () => undefined,
    observe: (event) => {
      if (event.type === 'commit.landed') {
        commitMs.push(performance.now() - cutMs!)
        rows += event.rows
      } else if (event.type !== 'lander.started') faults.push(event.type)
      cutMs = undefined
    }
  })
  const lander = makeLander()
  yield* lander.finish
  const startedMs = performance.now()
  cutMs = undefined
  yield* lander.run
  if (faults.length > 0) throw new Error(`landing had ${faults.join(', ')}`)
  return { commitMs, rows, seconds: (performance.now() - startedMs) / 1_000 }
})

const roundLog = (rounds: readonly Round[]): EventLogReader => {
  const positions = Array.from({ length: partitionCount }, () => 0)
  let roundIndex = 0
  const isRead = (round: Round) =>
    round.every((batches, partition) => (batches.at(-1)?.endOffset ?? 0) <= positions[partition]!)
  return {
    identity: logIdentity,
    topics: new Map([[topic, partitionCount]]),
    bounds: (_topic, partition) =>
      Effect.succeed({ startOffset: 0, durableEnd: endOf(rounds, partition) }),
    read: (_topic, partition, { fromOffset, bytesMax }) =>
      Effect.sync(() => {
        while (roundIndex < rounds.length - 1 && isRead(rounds[roundIndex]!)) roundIndex += 1
        const taken: LogBatch[] = []
        let bytes = 0
        for (const batch of rounds[roundIndex]![partition]!) {
          if (batch.endOffset <= fromOffset) continue
          if (taken.length > 0 && bytes + batch.bytes.length > bytesMax) break
          taken.push(batch)
          bytes += batch.bytes.length
        }
        positions[partition] = taken.at(-1)?.endOffset ?? positions[partition]!
        return taken
      }),
    changed: () => () => undefined
  }
}

const endOf = (rounds: readonly Round[], partition: number): number =>
  Math.max(0, ...rounds.map((round) => round[partition]!.at(-1)?.endOffset ?? 0))
