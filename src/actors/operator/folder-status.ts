/**
 * What a data folder holds, and who has it open: by reading alone, whether or not K2 runs.
 *
 * 1. A table that is missing is none of what is listed; one that cannot be read is a fault by name.
 * 2. What waits in the log is what it holds beyond the offsets that the tables record.
 */
import * as Effect from 'effect/Effect'
import type { Config } from '../../adapters/config/config.ts'
import { folderBytes } from '../../adapters/disk/folders.ts'
import { recordedState } from '../../adapters/iceberg/k2-summary.ts'
import { currentSnapshot } from '../../adapters/iceberg/metadata.ts'
import { attempt } from '../../adapters/iceberg/table.ts'
import { unavailable } from '../../adapters/log/event-log.ts'
import type { PartitionSurvey } from '../../adapters/log/log-survey.ts'
import { nodeFiles } from '../../adapters/log/node-files.ts'
import { nodeProcess } from '../../adapters/log/node-process.ts'
import { writerOf } from '../../adapters/log/writer-lock.ts'
import { connectionOf } from '../log/kafka-settings.ts'
import { type DataFolder, dataFolderAt, openTableIn } from '../storage/data-folder.ts'
import { openStores, storageSettingsOf, type Stores } from '../storage/stores.ts'
import { kafkaLogFacts } from './kafka-facts.ts'
import { embeddedLogFacts } from './log-facts.ts'
import { type MaintainedTable, maintainedTables } from './maintain-tables.ts'
import { tableContextOf } from './table-context.ts'

export interface TableStatus {
  readonly table: string
  readonly rows: number
  readonly files: number
  readonly bytes: number
  readonly snapshots: number
  readonly snapshotId: string | null
  /** Of the newest snapshot. */
  readonly committedMs: number | null
}

export interface TopicStatus {
  readonly topic: string
  readonly partitions: number
  /** Records that the log has and the tables have not. */
  readonly waiting: number
}

export interface FolderStatus {
  readonly folder: string
  readonly bytes: number
  /** Process that writes to its log; null: none. */
  readonly pid: number | null
  readonly tables: readonly TableStatus[]
  readonly topics: readonly TopicStatus[]
  readonly faults: readonly string[]
}

export const folderStatus = (config: Config) =>
  Effect.gen(function* () {
    const folder = dataFolderAt(config.dataDir)
    const stores = yield* openStores(storageSettingsOf(config), folder, Date.now)
    const faults: string[] = []
    const landed = new Map<string, number>()
    const tables: TableStatus[] = []
    for (const name of Object.keys(maintainedTables) as MaintainedTable[]) {
      const status = yield* tableStatus(stores, config, name).pipe(
        Effect.catch(({ _tag, message }) => {
          if (_tag !== 'TableMissing') faults.push(message)
          return Effect.succeed(null)
        })
      )
      if (status === null) continue
      tables.push(status.table)
      for (const [place, offset] of status.landed) landed.set(place, offset)
    }
    const topics = new Set([...landed.keys()].map((place) => place.split('/')[1]!))
    const log = yield* logOf(config, folder, [...topics]).pipe(
      Effect.catch(({ message }) => {
        faults.push(message)
        return Effect.succeed(nothingLogged)
      })
    )
    const status: FolderStatus = {
      folder: folder.root,
      bytes: yield* folderBytes(folder.root),
      pid: yield* writerPid(folder.log),
      tables,
      topics: topicsOf(log, landed),
      faults
    }
    return status
  })

const tableStatus = (stores: Stores, config: Config, name: MaintainedTable) =>
  Effect.gen(function* () {
    const table = yield* openTableIn(stores, maintainedTables[name], {
      ...tableContextOf(config),
      mustExist: true
    })
    const { metadata } = table.loaded
    const current = currentSnapshot(metadata)
    const { offsets } = yield* attempt<
      ReturnType<typeof recordedState>,
      { readonly _tag: string; readonly message: string }
    >(() => recordedState(table.name, metadata))
    const total = (key: string): number => Number(current?.summary[key] ?? 0)
    const status: TableStatus = {
      table: name,
      rows: total('total-records'),
      files: total('total-data-files'),
      bytes: total('total-files-size'),
      snapshots: metadata.snapshots.length,
      snapshotId: current?.['snapshot-id'].toString() ?? null,
      committedMs: current?.['timestamp-ms'] ?? null
    }
    const landed = Object.entries(offsets).flatMap(([identity, topics]) =>
      Object.entries(topics).flatMap(([topic, partitions]) =>
        Object.entries(partitions).map(
          ([partition, offset]) => [placeOf(identity, topic, partition), offset] as const
        )
      )
    )
    return { table: status, landed }
  })

interface Log {
  readonly identityOf: (topic: string) => string | undefined
  readonly topics: ReadonlyMap<string, number>
  readonly partitions: readonly PartitionSurvey[]
}

const nothingLogged: Log = { identityOf: () => undefined, topics: new Map(), partitions: [] }

/** Of Kafka, the topics that have landed. */
const logOf = (
  config: Config,
  { log, loadLog }: DataFolder,
  topics: readonly string[]
): Effect.Effect<Log, { readonly message: string }> =>
  config.kafkaBootstrapServers === undefined
    ? Effect.map(Effect.scoped(embeddedLogFacts([log, loadLog])), (facts) =>
        'missing' in facts ? nothingLogged : facts
      )
    : kafkaLogFacts(connectionOf(config), topics)

const topicsOf = (
  { identityOf, topics, partitions: all }: Log,
  landed: ReadonlyMap<string, number>
): readonly TopicStatus[] =>
  [...topics].map(([topic, partitions]) => ({
    topic,
    partitions,
    waiting: all
      .filter((it) => it.topic === topic)
      .reduce((sum, { partition, startOffset, endOffset }) => {
        const at = landed.get(placeOf(identityOf(topic) ?? '', topic, partition)) ?? startOffset
        return sum + Math.max(0, endOffset - at)
      }, 0)
  }))

const placeOf = (identity: string, topic: string, partition: number | string): string =>
  `${identity}/${topic}/${partition}`

const writerPid = (directory: string) =>
  Effect.tryPromise({
    try: async () => (await writerOf(nodeFiles, await nodeProcess(), directory))?.pid ?? null,
    catch: (error) => unavailable(directory, error)
  })
