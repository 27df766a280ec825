/**
 * The real lander in this process: decode, fold, columns, Parquet, state, commit, on real files
 * with fsync; by default over a log in memory, whose records come in rounds, of which the next is
 * readable once the last is read.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import { tradesSpec } from '../src/actors/data-types.ts'
import { openLander } from '../src/actors/lander/open-lander.ts'
import type { LanderOptions } from '../src/actors/lander/lander-ports.ts'
import { dataFolderAt } from '../src/actors/storage/data-folder.ts'
import { readConfig } from '../src/adapters/config/config.ts'
import { type EventLogReader, wholeLog } from '../src/adapters/log/event-log.ts'
import type { LogBatch } from '../src/adapters/log/record-batch.ts'
import { topicName } from '../src/market/instrument.ts'
import { defaultSequenceLimits } from '../src/market/sequence.ts'
import { partitionCount } from './market.ts'

/** Batches by partition. */
export type Round = readonly (readonly LogBatch[])[]

export const topicOf = (exchange: string): string => topicName('crypto', 'trades', exchange)
export const topic = topicOf('BINANCE')
export const logIdentity = '00000000-0000-4000-8000-000000000000'
/** What K2 does unless it is told otherwise. */
export const defaults = readConfig({}, [])

/** Where a lander commits by default. */
export const landerOptions = (landedTopic: string): LanderOptions => ({
  topic: landedTopic,
  commitRowsMax: defaults.commitRowsMax,
  commitBytesMax: defaults.commitBytesMax,
  commitAgeMs: defaults.commitAgeMs,
  limits: defaultSequenceLimits,
  logFaults: new Map()
})

/** Rows alone make a commit due. */
const byRows = (commitRowsMax: number): Partial<LanderOptions> => ({
  commitRowsMax,
  commitBytesMax: Number.MAX_SAFE_INTEGER,
  commitAgeMs: 3_600_000
})

export interface LandingRun {
  /** By commit, from its cut (where it asks for its id) to its snapshot, ms. */
  readonly commitMs: readonly number[]
  readonly rows: number
  readonly seconds: number
}

interface LandingOptions {
  readonly folder: string
  readonly commitRows: number
  /** Runs, untimed, before the records of a round can be read; landing waits for it. */
  readonly beforeRound?: (round: number) => Promise<void>
}

/** Lands all rounds into a new table in `folder`. */
export const landRounds = (
  rounds: readonly Round[],
  options: LandingOptions
): Promise<LandingRun> => {
  const { beforeRound = () => Promise.resolve() } = options
  const landing = landOver(options, { topic, log: roundLog(rounds, beforeRound) })
  return Effect.runPromise(Effect.scoped(landing))
}

interface LandingSource {
  readonly topic: string
  readonly log: EventLogReader
  /** Ends after so many commits; without it, once what is in the log from the start has landed. */
  readonly commits?: number
  readonly onCommit?: () => void
  /** Files that no snapshot names any more; left alone by default. */
  readonly onRemoved?: (locations: readonly string[]) => void
}

export const landOver = Effect.fnUntraced(function* (
  { folder, commitRows }: LandingOptions,
  { topic, log, commits = 0, onCommit, onRemoved = () => undefined }: LandingSource
) {
  const commitMs: number[] = []
  let rows = 0
  let cutMs: number | undefined
  const faults: string[] = []
  const makeLander = yield* openLander(tradesSpec, {
    folder: dataFolderAt(folder),
    log,
    lander: { ...landerOptions(topic), ...byRows(commitRows) },
    storage: {},
    snapshotsMax: defaults.snapshotsMax,
    duckdbBytesMax: defaults.duckdbBytesMax,
    nowMs: Date.now,
    uuid: () => {
      cutMs ??= performance.now()
      return randomUUID()
    },
    onRemoved,
    observe: (event) => {
      if (event.type === 'commit.landed') {
        commitMs.push(performance.now() - cutMs!)
        rows += event.rows
        onCommit?.()
        if (commitMs.length === commits) Effect.runFork(lander.finish)
      } else if (event.type !== 'lander.started') faults.push(event.type)
      cutMs = undefined
    }
  })
  const lander = makeLander()
  if (commits === 0) yield* lander.finish
  const startedMs = performance.now()
  cutMs = undefined
  yield* lander.run
  if (faults.length > 0) throw new Error(`landing had ${faults.join(', ')}`)
  return { commitMs, rows, seconds: (performance.now() - startedMs) / 1_000 }
})

const roundLog = (
  rounds: readonly Round[],
  beforeRound: (round: number) => Promise<void>
): EventLogReader => {
  const positions = Array.from({ length: partitionCount }, () => 0)
  let roundIndex = -1
  const isRead = (round: Round | undefined) =>
    round?.every(
      (batches, partition) => (batches.at(-1)?.endOffset ?? 0) <= positions[partition]!
    ) ?? true
  const topics = new Map([[topic, partitionCount]])
  return {
    ...wholeLog(topics),
    identityOf: () => logIdentity,
    topics,
    bounds: (_topic, partition) =>
      Effect.succeed({ startOffset: 0, durableEnd: endOf(rounds, partition) }),
    read: (_topic, partition, { fromOffset, bytesMax }) =>
      Effect.promise(async () => {
        while (roundIndex < rounds.length - 1 && isRead(rounds[roundIndex])) {
          roundIndex += 1
          await beforeRound(roundIndex)
        }
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
