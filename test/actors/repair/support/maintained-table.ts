/**
 * A table in memory that landers, compaction, retention, expiry and orphan removal work on at the
 * same time, killed and lied to: the very modules of `src`, or of a copy of it with a bug planted.
 *
 * A row is one offset of one partition of the log; its time follows from its offset. Data files
 * hold their rows as JSON, so that what is live can be compared with what has landed.
 */
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import type * as Compaction from '../../../../src/actors/repair/compaction.ts'
import type { ParquetRewriter } from '../../../../src/adapters/duckdb/parquet-rewriter.ts'
import type * as Append from '../../../../src/adapters/iceberg/append.ts'
import type { LayoutLimits } from '../../../../src/adapters/iceberg/compaction-plan.ts'
import type { DataFile } from '../../../../src/adapters/iceberg/data-file.ts'
import type * as Summary from '../../../../src/adapters/iceberg/k2-summary.ts'
import type { Snapshot } from '../../../../src/adapters/iceberg/metadata.ts'
import type * as Orphans from '../../../../src/adapters/iceberg/orphans.ts'
import type * as Retention from '../../../../src/adapters/iceberg/retention.ts'
import type * as Tables from '../../../../src/adapters/iceberg/table.ts'
import { tradeV2Schema } from '../../../../src/market/records/trade-v2.ts'
import {
  fault,
  identifier,
  Killed,
  logIdentity,
  makeMemoryFiles,
  makeWorld,
  pointerHome,
  topic,
  warehouse
} from '../../../adapters/iceberg/support.ts'

/** Modules under test, of `src` or of a copy. */
export interface Modules {
  readonly append: typeof Append
  readonly summary: typeof Summary
  readonly retention: typeof Retention
  readonly orphans: typeof Orphans
  readonly tables: typeof Tables
  readonly compaction: typeof Compaction
}

export const loadModules = async (root: string): Promise<Modules> => {
  const load = async <A>(path: string) => (await import(/* @vite-ignore */ `${root}/${path}`)) as A
  return {
    append: await load('adapters/iceberg/append.ts'),
    summary: await load('adapters/iceberg/k2-summary.ts'),
    retention: await load('adapters/iceberg/retention.ts'),
    orphans: await load('adapters/iceberg/orphans.ts'),
    tables: await load('adapters/iceberg/table.ts'),
    compaction: await load('actors/repair/compaction.ts')
  }
}

/** A small generator of its own, so that a run is its seed. */
export const randomOf = (seed: number) => {
  let state = seed | 0
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (((state >>> 8) % below) + below) % below
  }
}

const dayUs = 86_400_000_000
const rowUs = 1_200_000_000
const startUs = 19_943 * dayUs
const timeOf = (offset: number): number => startUs + offset * rowUs
const dayOf = (timeUs: number): number => Math.floor(timeUs / dayUs)

const locationAt = (path: string): string => `file://${path}`

const partitions = [0, 1, 2]
const snapshotsMax = 8
export const ageMsMin = 1_000_000

const limits: LayoutLimits = {
  openRowsMax: 8,
  closedRowsMax: 12,
  openFilesMin: 3,
  groupRowsMax: 30,
  groupFilesMax: 8
}

/** `partition:offset` */
type Row = string
const offsetOf = (row: Row): number => Number(row.split(':')[1])

const durable = new Set(['writeNew', 'publish', 'remove'])

export interface Faults {
  readonly killEvery: number
  readonly loseEvery: number
}

export class MaintainedTable {
  readonly #modules: Modules
  readonly #random: (below: number) => number
  readonly files = makeMemoryFiles()
  readonly clock = { ms: 1_723_075_200_000 }
  readonly #writtenMs = new Map<string, number>()
  /** To be deleted when no query can read them any more. */
  readonly #removed = new Set<string>()
  readonly #offsets = new Map<number, number>()
  #keptDay = -Infinity
  #processes = 0
  compactions = 0
  abandoned = 0
  deletedOrphans = 0

  constructor(modules: Modules, seed: number) {
    this.#modules = modules
    this.#random = randomOf(seed)
  }

  /** A process with nothing in memory. */
  open(): Effect.Effect<Tables.Table, unknown> {
    this.#processes += 1
    const world = makeWorld(`process-${this.#processes}`, this.files)
    return this.#modules.tables.openOrCreateTable({
      ports: { ...world.ports, clockMs: () => this.clock.ms },
      warehouse,
      identifier,
      record: tradeV2Schema,
      properties: {
        'k2.snapshots-max': String(snapshotsMax),
        'commit.manifest.min-count-to-merge': '5'
      }
    })
  }

  break({ killEvery, loseEvery }: Faults): void {
    const lost = (operation: string, location: string) =>
      operation === 'publish' && this.#random(loseEvery) === 0
        ? fault('FileFailed', location)
        : null
    this.files.before = (operation, location) => {
      if (durable.has(operation) && this.#random(killEvery) === 0) throw new Killed()
      return lost(operation, location)
    }
    this.files.after = (operation, location) => {
      if (operation !== 'remove') this.#note(location)
      if (durable.has(operation) && this.#random(killEvery) === 0) throw new Killed()
      return lost(operation, location)
    }
    this.files.yields = () => this.#random(4)
  }

  heal(): void {
    this.files.before = () => null
    this.files.after = (operation, location) => {
      if (operation !== 'remove') this.#note(location)
      return null
    }
    this.files.yields = () => 0
  }

  #note(location: string): void {
    if (!this.#writtenMs.has(location)) this.#writtenMs.set(location, this.clock.ms)
  }

  #store(location: string, rows: readonly Row[]): DataFile {
    const bytes = Buffer.from(JSON.stringify(rows))
    this.files.stored.set(location, bytes)
    this.#note(location)
    const times = rows.map((row) => timeOf(offsetOf(row)))
    return {
      location,
      recordCount: rows.length,
      fileSizeBytes: bytes.length,
      partition: { exchange: 'BINANCE', timestamp_day: dayOf(times[0]!) },
      columns: [
        {
          fieldId: 6,
          sizeBytes: 1,
          valueCount: rows.length,
          nullCount: 0,
          min: BigInt(Math.min(...times)),
          max: BigInt(Math.max(...times))
        }
      ],
      sorted: true
    }
  }

  #rowsAt(location: string): readonly Row[] {
    const bytes = this.files.stored.get(location)
    expect(bytes, `${location} is there`).toBeDefined()
    return JSON.parse(Buffer.from(bytes!).toString('utf8')) as Row[]
  }

  /** An operation of a process that may be killed: then nothing of it is left but files. */
  async process(run: (table: Tables.Table) => Effect.Effect<unknown, unknown>): Promise<void> {
    const exit = await Effect.runPromiseExit(Effect.flatMap(this.open(), run))
    if (Exit.isSuccess(exit)) return
    const error = Cause.squash(exit.cause)
    const tag = (error as { readonly _tag?: string })._tag ?? ''
    const passing = ['CommitFailed', 'CommitUnknown', 'TableUnreadable', 'OutcomeUnclear']
    if (!(error instanceof Killed) && !passing.includes(tag)) throw error
  }

  /** Lands the next rows of a partition, of one day. */
  readonly land = (table: Tables.Table): Effect.Effect<unknown, unknown> => {
    const { append, summary, tables } = this.#modules
    const partition = partitions[this.#random(partitions.length)]!
    return Effect.gen({ self: this }, function* () {
      const state = yield* tables.readRecordedState(table)
      const from = summary.valueAt(state.offsets, { logIdentity, topic, partition })
      const wanted = (from ?? 0) + 1 + this.#random(6)
      const day = dayOf(timeOf(from ?? 0))
      let next = from ?? 0
      while (next < wanted && dayOf(timeOf(next)) === day) next += 1
      const rows = Array.from(
        { length: next - (from ?? 0) },
        (_, at) => `${partition}:${(from ?? 0) + at}`
      )
      const commitId = table.ports.ids.uuid()
      const statePath = yield* tables.writeState(table, `${topic}-${partition}`, Buffer.from('s'))
      const location = `${tables.dataDirectory(table, {})}/${commitId}-0.parquet`
      const request = {
        commitId,
        dataFiles: [this.#store(location, rows)],
        advances: [
          { logIdentity, topic, partition, fromOffset: from, nextOffset: next, statePath }
        ]
      }
      yield* append.commitAppend(table, request).pipe(
        Effect.map(({ removed }) => removed.forEach((it) => this.#removed.add(it.location))),
        Effect.catchTag('CommitUnknown', (unknown) => append.resolveUnknown(table, unknown)),
        Effect.catchTag('Fenced', () => Effect.void)
      )
    })
  }

  readonly compact = (table: Tables.Table): Effect.Effect<unknown, unknown> =>
    this.#modules.compaction.runCompaction(
      {
        table,
        rewriter: this.#rewriter,
        store: {
          folder: fileURLToPath(this.#modules.tables.dataDirectory(table, {})),
          locationOf: locationAt,
          persist: () => Effect.void,
          discard: (location) => Effect.ignore(table.ports.files.remove(location))
        },
        copies: { pathOf: fileURLToPath, readerOf: () => (_, use) => use },
        nowMs: () => timeOf(100_000) / 1_000,
        uuid: table.ports.ids.uuid,
        observe: (event) => {
          if (event.type === 'compaction.committed') this.compactions += 1
          else this.abandoned += 1
        },
        onRemoved: (locations) => locations.forEach((it) => this.#removed.add(it)),
        limits
      },
      8
    )

  /** Lets others go first, so that plans grow old before they are committed. */
  get #rewriter(): ParquetRewriter {
    const pause = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })
    return {
      sync: () => Effect.void,
      rewrite: ({ inputs, cut, pathOf }) =>
        Effect.gen({ self: this }, function* () {
          const rows = inputs.flatMap(({ path }) => this.#rowsAt(locationAt(path)))
          yield* pause(this.#random(200))
          const counts = new Map<number, number>()
          for (const row of rows) {
            const fromUs = timeOf(offsetOf(row))
            counts.set(fromUs, (counts.get(fromUs) ?? 0) + 1)
          }
          const buckets = [...counts].map(([fromUs, count]) => ({ fromUs, rows: count }))
          buckets.sort((left, right) => left.fromUs - right.fromUs)
          return cut(buckets).map((range, index) => {
            const its = rows.filter((row) => {
              const timeUs = timeOf(offsetOf(row))
              return timeUs >= range.fromUs && timeUs < range.toUs
            })
            const path = pathOf(index)
            const { recordCount, fileSizeBytes, columns } = this.#store(locationAt(path), its)
            return {
              path,
              recordCount,
              fileSizeBytes,
              splitOffsets: [4],
              columns: columns as never
            }
          })
        })
    }
  }

  readonly retain = (table: Tables.Table): Effect.Effect<unknown, unknown> => {
    const newest = Math.max(...this.#offsets.values(), 0)
    const beforeDay = dayOf(timeOf(newest)) - 1
    this.#keptDay = Math.max(this.#keptDay, beforeDay)
    return Effect.map(this.#modules.retention.removeDayPartitions(table, beforeDay), (committed) =>
      committed?.removed.forEach((it) => this.#removed.add(it.location))
    )
  }

  readonly removeOrphans = (table: Tables.Table): Effect.Effect<unknown, unknown> => {
    const { findOrphans } = this.#modules.orphans
    const list = (directory: string) =>
      Effect.sync(() =>
        [...this.files.stored]
          .filter(([location]) => location.startsWith(`${directory}/`))
          .map(([location, bytes]): Orphans.StoredFile => ({
            location,
            modifiedMs: this.#writtenMs.get(location) ?? this.clock.ms,
            bytes: bytes.length
          }))
      )
    return Effect.map(
      findOrphans(table, {
        list: (directory) => Effect.tap(list(directory), () => Effect.yieldNow),
        pointers: `${pointerHome}/${identifier.namespace}/${identifier.name}`,
        ageMsMin
      }),
      (orphans) => {
        this.deletedOrphans += orphans.length
        for (const { location } of orphans) this.#removed.add(location)
      }
    )
  }

  /** No query reads them any more. */
  deleteRemoved(): void {
    for (const location of this.#removed) this.files.stored.delete(location)
    this.#removed.clear()
  }

  /** Throws where the table is not what landed, or names what is not there. */
  async check(): Promise<void> {
    const table = await Effect.runPromise(this.open())
    const { metadata } = await Effect.runPromise(this.#modules.tables.refresh(table))
    const current = metadata.snapshots.find(
      (it) => it['snapshot-id'] === metadata['current-snapshot-id']
    )
    if (current === undefined) return
    const live = (await this.#filesOf(table, current)).flatMap((it) => this.#rowsAt(it)).sort()
    expect(new Set(live).size, 'no row twice').toBe(live.length)
    for (const partition of partitions) {
      const recorded = this.#recorded(current, partition)
      expect(recorded, 'offsets never go back').toBeGreaterThanOrEqual(
        this.#offsets.get(partition) ?? 0
      )
      this.#offsets.set(partition, recorded)
      const rows = live.filter((row) => row.startsWith(`${partition}:`)).map(offsetOf)
      const present = new Set(rows)
      for (let offset = 0; offset < recorded; offset += 1) {
        if (dayOf(timeOf(offset)) < this.#keptDay) continue
        expect(present.has(offset), `row ${partition}:${offset} is there`).toBe(true)
      }
      expect(Math.max(-1, ...rows), 'no row beyond the offset').toBeLessThan(Math.max(recorded, 1))
    }
    this.#checkLineage(metadata.snapshots)
    for (const snapshot of metadata.snapshots) {
      for (const location of await this.#filesOf(table, snapshot)) this.#rowsAt(location)
      for (const path of this.#modules.summary.statePathsOf(snapshot)) {
        const location = this.#modules.tables.stateLocation(table, path)
        expect(this.files.stored.has(location), `state ${location} is there`).toBe(true)
      }
    }
  }

  #recorded(snapshot: Snapshot, partition: number): number {
    const offsets = JSON.parse(snapshot.summary['k2.offsets'] ?? '{}') as Record<
      string,
      Record<string, Record<string, number>>
    >
    return offsets[logIdentity]?.[topic]?.[String(partition)] ?? 0
  }

  #checkLineage(snapshots: readonly Snapshot[]): void {
    const last = new Map<number, number>()
    for (const snapshot of snapshots) {
      for (const partition of partitions) {
        const recorded = this.#recorded(snapshot, partition)
        expect(recorded, 'no snapshot goes back').toBeGreaterThanOrEqual(last.get(partition) ?? 0)
        last.set(partition, recorded)
      }
    }
  }

  async #filesOf(table: Tables.Table, snapshot: Snapshot): Promise<readonly string[]> {
    const { readManifestList, readManifest } = this.#modules.tables
    return Effect.runPromise(
      Effect.gen(function* () {
        const locations: string[] = []
        for (const manifest of yield* readManifestList(table, snapshot)) {
          for (const { status, data_file: file } of yield* readManifest(table, manifest)) {
            if (status !== 2) locations.push(file.file_path)
          }
        }
        expect(new Set(locations).size, 'no file is live twice').toBe(locations.length)
        return locations
      })
    )
  }

  /** Files of data, metadata and states, and what commits have staged. */
  get storedFiles(): readonly string[] {
    return [...this.files.stored.keys()].filter(
      (it) => !it.startsWith(pointerHome) || it.endsWith('.tmp')
    )
  }
}
