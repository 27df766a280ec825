/**
 * Fakes of the iceberg ports, and batches for them: everything in memory, ids and clock counted.
 */
import { createHash } from 'node:crypto'
import * as Effect from 'effect/Effect'
import type { AppendRequest } from '../../../src/adapters/iceberg/append.ts'
import type { DataFile } from '../../../src/adapters/iceberg/data-file.ts'
import { makeEmbeddedCatalog } from '../../../src/adapters/iceberg/embedded-catalog.ts'
import { valueAt } from '../../../src/adapters/iceberg/k2-summary.ts'
import type { ManifestEntry } from '../../../src/adapters/iceberg/manifest.ts'
import type { Snapshot } from '../../../src/adapters/iceberg/metadata.ts'
import type {
  Catalog,
  FilesFault,
  IcebergEvent,
  IcebergPorts,
  PublishingFiles
} from '../../../src/adapters/iceberg/ports.ts'
import type { TablePointers } from '../../../src/adapters/iceberg/table-pointers.ts'
import {
  openOrCreateTable,
  readManifest,
  readManifestList,
  readRecordedState,
  type Table,
  type TableOptions
} from '../../../src/adapters/iceberg/table.ts'
import { tradeV2Schema } from '../../../src/market/records/trade-v2.ts'

export const warehouse = 'file:///warehouse'
const dataHome = `${warehouse}/market/trades/data`
export const identifier = { namespace: 'market', name: 'trades' }
export const pointerHome = `${warehouse}/_k2/catalog`
export const topic = 'market.crypto.trades.binance'
export const logIdentity = 'log-a'

/** Thrown by a fake to stop everything on that line, as SIGKILL does. */
export class Killed extends Error {}

export interface MemoryFiles extends PublishingFiles {
  readonly stored: Map<string, Uint8Array>
  /** Called before each durable step; may throw `Killed`, or return a fault. */
  before: (operation: string, location: string) => FilesFault | null
  /** The same after the step took effect. */
  after: (operation: string, location: string) => FilesFault | null
  /** How often a step lets other fibers run; 0 keeps everything synchronous. */
  yields: () => number
}

export const makeMemoryFiles = (): MemoryFiles => {
  const stored = new Map<string, Uint8Array>()
  const step = <A>(
    operation: string,
    location: string,
    act: () => A | FilesFault
  ): Effect.Effect<A, FilesFault> =>
    Effect.suspend(() => {
      const refused = files.before(operation, location)
      if (refused !== null) return Effect.fail(refused)
      const result = act()
      if (isFault(result)) return Effect.fail(result)
      const failed = files.after(operation, location)
      return failed === null ? Effect.succeed(result) : Effect.fail(failed)
    }).pipe(
      Effect.tap(() =>
        Effect.forEach(Array.from({ length: files.yields() }), () => Effect.yieldNow, {
          discard: true
        })
      )
    )
  const write = (location: string, bytes: Uint8Array) => {
    if (stored.has(location)) return fault('FileExists', location)
    stored.set(location, bytes)
    return undefined
  }
  const files: MemoryFiles = {
    stored,
    before: () => null,
    after: () => null,
    yields: () => 0,
    read: (location) =>
      step('read', location, () => stored.get(location) ?? fault('FileMissing', location)),
    writeNew: (location, bytes) =>
      step('writeNew', location, () => write(location, bytes)).pipe(Effect.asVoid),
    publish: (staged, location) =>
      step('publish', location, () => {
        const refused = write(location, stored.get(staged)!)
        if (refused === undefined) stored.delete(staged)
        return refused
      }).pipe(Effect.asVoid),
    remove: (location) => step('remove', location, () => void stored.delete(location)),
    list: (directory) =>
      step('list', directory, () =>
        [...stored.keys()]
          .filter(
            (it) => it.startsWith(`${directory}/`) && !it.slice(directory.length + 1).includes('/')
          )
          .map((it) => it.slice(directory.length + 1))
      ),
    size: (location) => step('size', location, () => stored.get(location)?.length ?? null)
  }
  return files
}

export const fault = (tag: FilesFault['_tag'], location: string): FilesFault => ({
  _tag: tag,
  location,
  message: `${tag}: ${location}`
})

const isFault = (value: unknown): value is FilesFault =>
  typeof value === 'object' && value !== null && '_tag' in value

/** A swap, prepared and made at once. */
export const swap = (pointers: TablePointers, expected: string, next: string) =>
  Effect.flatMap(pointers.prepareSwap(identifier, expected, next), (prepared) =>
    prepared === null ? Effect.succeed('conflict' as const) : prepared.swap
  )

/** Version 4 UUIDs that repeat with the seed. */
const countedUuids = (seed: string) => {
  let count = 0
  return () => {
    count += 1
    const hex = createHash('sha256').update(`${seed}:${count}`).digest('hex')
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`]
    return [...parts, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
  }
}

export interface World {
  readonly files: MemoryFiles
  readonly ports: IcebergPorts
  readonly events: IcebergEvent[]
  clockMs: number
}

/** One process: its own ports and catalog cache over shared files. */
export const makeWorld = (
  seed = 'world',
  files = makeMemoryFiles(),
  makeCatalog: (files: MemoryFiles) => Catalog = embedded
): World => {
  const events: IcebergEvent[] = []
  const world: World = {
    files,
    events,
    clockMs: 1_723_075_200_000,
    ports: {
      files,
      catalog: makeCatalog(files),
      ids: { uuid: countedUuids(seed) },
      clockMs: () => (world.clockMs += 1),
      observe: (event) => events.push(event)
    }
  }
  return world
}

const embedded = (files: MemoryFiles): Catalog =>
  makeEmbeddedCatalog({ files, pointerFiles: files, directory: pointerHome })

export const openTable = (
  world: World,
  properties: Readonly<Record<string, string>> = {},
  options: Partial<TableOptions> = {}
): Effect.Effect<Table, unknown> =>
  openOrCreateTable({
    ports: world.ports,
    warehouse,
    identifier,
    record: tradeV2Schema,
    properties,
    ...options
  })

/** 2024-08-08 as days since 1970. */
export const day0 = 19_943

export const dataFile = (location: string, recordCount = 10, day = day0): DataFile => ({
  location,
  recordCount,
  fileSizeBytes: recordCount * 20,
  partition: { exchange: 'BINANCE', timestamp_day: day },
  columns: [
    {
      fieldId: 3,
      sizeBytes: 40,
      valueCount: recordCount,
      nullCount: 0,
      min: 'BTCUSDT',
      max: 'ETHUSDT'
    },
    {
      fieldId: 6,
      sizeBytes: 80,
      valueCount: recordCount,
      nullCount: 0,
      min: BigInt(day) * 86_400_000_000n,
      max: BigInt(day) * 86_400_000_000n + 1_000n
    }
  ],
  sorted: true
})

/**
 * A batch of one partition; its data file is named by its offsets, so that a table can be read back
 * as offsets.
 */
export const batch = (
  commitId: string,
  [partition, fromOffset, nextOffset]: readonly [number, number | null, number],
  options: { readonly day?: number; readonly rows?: boolean; readonly logIdentity?: string } = {}
): AppendRequest => ({
  commitId,
  dataFiles:
    options.rows === false
      ? []
      : [
          dataFile(
            `${dataHome}/${partition}_${fromOffset ?? 0}_${nextOffset}_${commitId}.parquet`,
            nextOffset - (fromOffset ?? 0),
            options.day
          )
        ],
  advances: [
    {
      logIdentity: options.logIdentity ?? logIdentity,
      topic,
      partition,
      fromOffset,
      nextOffset,
      statePath: `state/${partition}-${nextOffset}.bin`
    }
  ]
})

export const liveEntries = (
  table: Table,
  snapshot: Snapshot
): Effect.Effect<readonly ManifestEntry[], unknown> =>
  Effect.gen(function* () {
    const entries: ManifestEntry[] = []
    for (const manifest of yield* readManifestList(table, snapshot)) {
      entries.push(...(yield* readManifest(table, manifest)).filter((it) => it.status !== 2))
    }
    return entries
  })

/** Offset ranges `partition:from-to` of the live files of the current snapshot, sorted. */
export const landedRanges = (table: Table): Effect.Effect<readonly string[], unknown> =>
  Effect.gen(function* () {
    yield* readRecordedState(table)
    const { metadata } = table.loaded
    const current = metadata.snapshots.find(
      (it) => it['snapshot-id'] === metadata['current-snapshot-id']
    )
    if (current === undefined) return []
    return (yield* liveEntries(table, current))
      .map((it) => {
        const [partition, from, to] = (it.data_file.file_path.split('/').at(-1) ?? '').split('_')
        return `${partition}:${from}-${to}`
      })
      .sort()
  })

export const recordedOffset = (
  table: Table,
  partition: number,
  log = logIdentity
): Effect.Effect<number | null, unknown> =>
  Effect.map(readRecordedState(table), (state) =>
    valueAt(state.offsets, { logIdentity: log, topic, partition })
  )
