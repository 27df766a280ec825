/**
 * `k2 rebuild-state`: makes a sequence state anew that is missing or cannot be read (R10).
 *
 * 1. The commit is fenced by the offset: where a lander has moved on, which it can only with a
 *    state, nothing is changed.
 * 2. A state that can be read is left alone unless `isForced`.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { type IdRun, withParquetAudit } from '../../adapters/duckdb/parquet-audit.ts'
import { commitAppend } from '../../adapters/iceberg/append.ts'
import {
  operationKey,
  type RecordedState,
  recordedState,
  type StateError
} from '../../adapters/iceberg/k2-summary.ts'
import { attempt, readState, type Table, writeState } from '../../adapters/iceberg/table.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import { defaultSequenceLimits } from '../../market/sequence.ts'
import { parsePartitionState } from '../lander/landing-partition.ts'
import { Findings } from './doctor-report.ts'
import { temporaryFolder, withLocalCopy } from './local-copy.ts'
import { rebuildState } from './rebuilt-sequences.ts'
import { liveFiles, type TableView, viewTable } from './table-view.ts'

export interface RebuildRequest {
  readonly table: Table
  readonly isConsecutive: boolean
  /** One partition, or all of them. */
  readonly partition: number | undefined
  readonly isForced: boolean
}

export interface RebuiltPartition {
  readonly logIdentity: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Why it was rebuilt. */
  readonly reason: string
  readonly sequences: number
  readonly landedIds: number
  readonly missingIds: number
}

/** A state cannot be rebuilt. */
class RebuildRefused extends Schema.TaggedError<RebuildRefused>()('RebuildRefused', {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

const memoryBytesMax = 512 * 1_024 ** 2

/** What was rebuilt; nothing where no state is in need. */
export const rebuildStates = (request: RebuildRequest) =>
  Effect.gen(function* () {
    const { table } = request
    const unread = new Findings('unreadable')
    const view = yield* viewTable(table, { lists: unread, manifests: unread })
    const recorded = yield* attempt<RecordedState, StateError>(() =>
      recordedState(table.name, view.metadata)
    )
    const places = yield* placesInNeed(request, recorded)
    if (places.length === 0) return []
    const { count, examples } = unread.result(new Set(view.lists.keys()))
    if (count > 0)
      return yield* new RebuildRefused({ reason: `the table itself is damaged: ${examples[0]}` })
    const runs = yield* runsOfTable(view)
    const rebuilt = places.map((place) => rebuiltFrom(runs, place, { request, recorded }))
    const advances = yield* Effect.forEach(rebuilt, ({ place, state }) => {
      const { logIdentity, topic, partition, offset } = place
      const bytes = Buffer.from(JSON.stringify(state))
      return Effect.map(writeState(table, `${topic}-${partition}`, bytes), (statePath) => ({
        logIdentity,
        topic,
        partition,
        fromOffset: offset,
        nextOffset: offset,
        statePath
      }))
    })
    yield* commitAppend(table, {
      commitId: table.ports.ids.uuid(),
      dataFiles: [],
      advances,
      summaryExtra: { [operationKey]: 'rebuild-state' }
    })
    return rebuilt.map(({ place, state }): RebuiltPartition => ({
      ...place,
      sequences: Object.keys(state.sequences).length,
      landedIds: state.counters.landed,
      missingIds: state.counters.gapIds
    }))
  })

interface Place {
  readonly logIdentity: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly reason: string
}

const placesInNeed = (
  { table, partition: only, isForced }: RebuildRequest,
  { offsets, states }: RecordedState
) =>
  Effect.gen(function* () {
    const places: Place[] = []
    for (const [logIdentity, topics] of Object.entries(offsets)) {
      for (const [topic, partitions] of Object.entries(topics)) {
        for (const [text, offset] of Object.entries(partitions)) {
          const partition = Number(text)
          if (only !== undefined && partition !== only) continue
          const path = states[logIdentity]?.[topic]?.[partition]
          const fault = path === undefined ? 'none is recorded' : yield* faultOf(table, path)
          const reason = fault ?? (isForced ? 'asked for' : undefined)
          if (reason !== undefined) places.push({ logIdentity, topic, partition, offset, reason })
        }
      }
    }
    return places
  })

/** Why a state cannot be used; a store that is unavailable now is no reason to replace it. */
const faultOf = (table: Table, path: string) =>
  readState(table, path).pipe(
    Effect.map((bytes) => {
      try {
        parsePartitionState(bytes)
        return undefined
      } catch (error) {
        return `${path} does not decode: ${error instanceof Error ? error.message : String(error)}`
      }
    }),
    Effect.catchTag('TableUnreadable', (error) =>
      error.reason === 'missing' ? Effect.succeed(`${path} is missing`) : Effect.fail(error)
    )
  )

const runsMax = defaultSequenceLimits.holesMax + 1

/** Of the current snapshot. */
const runsOfTable = (view: TableView) =>
  withParquetAudit({ temporary: temporaryFolder, memoryBytesMax }, (audit) =>
    Effect.gen(function* () {
      const { current } = view
      const files = current === null ? [] : liveFiles(view, current['snapshot-id'])
      for (const { data_file: file } of files)
        yield* withLocalCopy(view.table, file.file_path, audit.gather)
      return yield* audit.runs(runsMax)
    })
  )

const rebuiltFrom = (
  runs: readonly IdRun[],
  place: Place,
  { request, recorded }: { readonly request: RebuildRequest; readonly recorded: RecordedState }
) => {
  const { logIdentity, topic, partition, offset } = place
  const count = recorded.partitionCounts[logIdentity]?.[topic] ?? 1
  // A topic is of one exchange, and a symbol of one partition, whichever log its rows came from.
  const own = runs.filter(
    ({ exchange, symbol }) =>
      topic.endsWith(`.${exchange.toLowerCase()}`) && partitionOf(symbol, count) === partition
  )
  const { isConsecutive } = request
  return { place, state: rebuildState(own, { offset, isConsecutive, runsMax }) }
}
