/**
 * Landers and retention that share a table under crashes, lost answers and each other (R1, R9, R19,
 * R30, R32): the very code that runs in production, over fake files and any catalog. Whatever
 * happens, each offset of the log lands once, and no offset goes backwards.
 */
import * as fc from 'fast-check'
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import { expect } from 'vitest'
import {
  commitAppend,
  resolveUnknown,
  type AppendError,
  type AppendRequest
} from '../../../src/adapters/iceberg/append.ts'
import type { CommitUnknown } from '../../../src/adapters/iceberg/errors.ts'
import { removeDayPartitions } from '../../../src/adapters/iceberg/retention.ts'
import { commitIdKey, statePathsOf } from '../../../src/adapters/iceberg/k2-summary.ts'
import type { Committed } from '../../../src/adapters/iceberg/snapshot-commit.ts'
import { refresh, stateLocation, type Table } from '../../../src/adapters/iceberg/table.ts'
import {
  batch,
  day0,
  fault,
  Killed,
  landedRanges,
  liveEntries,
  makeMemoryFiles,
  makeWorld,
  openTable,
  recordedOffset,
  type MemoryFiles,
  type World
} from './support.ts'

const run = Effect.runPromise
const durable = new Set(['writeNew', 'publish', 'remove'])

/** Where partitions end, and how a run goes wrong. */
export interface Plan {
  readonly seed: number
  readonly killEvery: number
  readonly loseEvery: number
  readonly retention: boolean
}

const logEnd = 120
const stepsMax = 400
const snapshotsMax = 6
const dayOfOffset = (offset: number) => day0 + Math.floor(offset / 30)
const oldestKept = day0 + 2

/** Where landers meet: files and a catalog that they share. */
export interface Site {
  readonly files: MemoryFiles
  /** A process of its own at this site. */
  readonly world: (seed: string) => World
  /** Makes what is not a file fail at random. */
  readonly misbehave: (plan: Plan, random: (below: number) => number) => void
  readonly settle: () => void
}

export const embeddedSite = (): Site => {
  const files = makeMemoryFiles()
  return {
    files,
    world: (seed) => makeWorld(seed, files),
    misbehave: () => undefined,
    settle: () => undefined
  }
}

/** A small generator of its own, so that a run is its seed. */
const randomOf = (seed: number) => {
  let state = seed | 0
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (((state >>> 8) % below) + below) % below
  }
}

/** A lander: lands its partitions to the end of the log, whatever happens to it. */
class Lander {
  readonly #name: string
  readonly #site: Site
  readonly #partitions: readonly number[]
  readonly #random: (below: number) => number
  readonly removed: Committed['removed'][number][] = []
  readonly asked: AppendRequest[] = []
  /** Commits that were reported as done. */
  readonly acknowledged: AppendRequest[] = []
  #incarnation = 0
  #commits = 0

  constructor(
    name: string,
    site: Site,
    partitions: readonly number[],
    random: (below: number) => number
  ) {
    this.#name = name
    this.#site = site
    this.#partitions = partitions
    this.#random = random
  }

  async land(): Promise<void> {
    let table = await this.#restart()
    for (let step = 0; step < stepsMax; step += 1) {
      const exit = await Effect.runPromiseExit(this.#landOne(table))
      if (Exit.isFailure(exit)) {
        const error = Cause.squash(exit.cause)
        if (!(error instanceof Killed)) throw error
        table = await this.#restart()
      } else if (exit.value === 'done') return
    }
    throw new Error(`${this.#name} did not finish`)
  }

  async #restart(): Promise<Table> {
    this.#incarnation += 1
    const seed = `${this.#name}-${this.#incarnation}`
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const exit = await Effect.runPromiseExit(
        openTable(this.#site.world(`${seed}-${attempt}`), {
          'k2.snapshots-max': String(snapshotsMax),
          'commit.manifest.min-count-to-merge': '4'
        })
      )
      if (Exit.isSuccess(exit)) return exit.value
    }
    throw new Error(`${this.#name} cannot open the table`)
  }

  #landOne(table: Table) {
    return Effect.gen({ self: this }, function* () {
      const open: { readonly partition: number; readonly from: number | null }[] = []
      for (const partition of this.#partitions) {
        const from = yield* recordedOffset(table, partition)
        if ((from ?? 0) < logEnd) open.push({ partition, from })
      }
      const chosen = open[this.#random(Math.max(1, open.length))]
      if (chosen === undefined) return 'done' as const
      const { partition, from } = chosen
      const next = Math.min(logEnd, (from ?? 0) + 1 + this.#random(40))
      this.#commits += 1
      const request = batch(`${this.#name}-${this.#commits}`, [partition, from, next], {
        day: dayOfOffset(from ?? 0),
        rows: this.#random(8) > 0
      })
      this.asked.push(request)
      yield* this.#commit(table, request)
      return 'again' as const
    })
  }

  #commit(table: Table, request: AppendRequest): Effect.Effect<void, unknown> {
    return commitAppend(table, request).pipe(
      Effect.map((done) => {
        this.acknowledged.push(request)
        this.removed.push(...done.removed)
      }),
      Effect.catch((error: AppendError): Effect.Effect<void, unknown> => {
        if (error._tag === 'CommitUnknown') return this.#resolve(table, request, error)
        // Fenced: the next step starts from what the table says. Others: nothing took place.
        return error._tag === 'Fenced' || error._tag === 'CommitFailed'
          ? Effect.void
          : Effect.fail(error)
      })
    )
  }

  #resolve(
    table: Table,
    request: AppendRequest,
    error: CommitUnknown
  ): Effect.Effect<void, unknown> {
    return resolveUnknown(table, error).pipe(
      Effect.flatMap(({ outcome }) =>
        outcome === 'notLanded' ? this.#commit(table, request) : Effect.void
      )
    )
  }
}

/** Faults at random, by the plan. */
const breakThings = (files: MemoryFiles, plan: Plan, random: (below: number) => number): void => {
  const lost = (operation: string, location: string) =>
    operation === 'publish' && random(plan.loseEvery) === 0 ? fault('FileFailed', location) : null
  files.before = (operation, location) => {
    if (durable.has(operation) && random(plan.killEvery) === 0) throw new Killed()
    return lost(operation, location)
  }
  files.after = (operation, location) => {
    if (durable.has(operation) && random(plan.killEvery) === 0) throw new Killed()
    return lost(operation, location)
  }
  files.yields = () => random(4)
}

const retain = async (site: Site, name: string, times: number): Promise<Committed['removed']> => {
  const removed: Committed['removed'][number][] = []
  for (let time = 0; time < times; time += 1) {
    const exit = await Effect.runPromiseExit(
      Effect.gen(function* () {
        const table = yield* openTable(site.world(`${name}-${time}`))
        return yield* removeDayPartitions(table, oldestKept)
      })
    )
    if (Exit.isSuccess(exit)) removed.push(...(exit.value?.removed ?? []))
  }
  return removed
}

const settle = (files: MemoryFiles): void => {
  files.before = () => null
  files.after = () => null
  files.yields = () => 0
}

type Range = readonly [number, number]

/**
 * The landed ranges of a partition follow each other from 0 to the end; what lies between two of
 * them was asked for without rows, or with rows of a day that retention takes out.
 */
const checkTiling = async (
  table: Table,
  partition: number,
  asked: readonly AppendRequest[],
  retention: boolean
) => {
  const ranges = (await run(landedRanges(table)))
    .filter((it) => it.startsWith(`${partition}:`))
    .map((it) => it.slice(2).split('-').map(Number) as unknown as Range)
    .sort((left, right) => left[0] - right[0])
  if (retention)
    for (const [from] of ranges) expect(dayOfOffset(from)).toBeGreaterThanOrEqual(oldestKept)
  const rowless = asked.flatMap(({ dataFiles, advances: [advance] }): Range[] => {
    const from = advance?.fromOffset ?? 0
    const mayBeGone = dataFiles.length === 0 || (retention && dayOfOffset(from) < oldestKept)
    return advance?.partition === partition && mayBeGone ? [[from, advance.nextOffset]] : []
  })
  let position = 0
  for (const [from, next] of [...ranges, [logEnd, logEnd] as const]) {
    expect(reachable(position, rowless)).toContain(from)
    position = next
  }
  expect(await run(recordedOffset(table, partition))).toBe(logEnd)
}

const reachable = (start: number, ranges: readonly Range[]): ReadonlySet<number> => {
  const reached = new Set([start])
  for (const position of reached)
    for (const [from, next] of ranges) if (from === position) reached.add(next)
  return reached
}

/**
 * Commits in order of the lineage that the writers saw, oldest first, with the offsets that each
 * recorded.
 */
const checkOffsetsMonotonic = (table: Table): void => {
  const last: Record<string, number> = {}
  for (const snapshot of table.loaded.metadata.snapshots) {
    const offsets = JSON.parse(snapshot.summary['k2.offsets'] ?? '{}') as Record<
      string,
      Record<string, Record<string, number>>
    >
    const seen = Object.fromEntries(
      Object.values(offsets).flatMap((topics) =>
        Object.values(topics).flatMap((partitions) => Object.entries(partitions))
      )
    )
    for (const [partition, offset] of Object.entries(last))
      expect(seen[partition]).toBeGreaterThanOrEqual(offset)
    Object.assign(last, seen)
  }
}

const liveLocations = async (table: Table): Promise<readonly string[]> => {
  const current = table.loaded.metadata.snapshots.at(-1)
  if (current === undefined) return []
  return (await run(liveEntries(table, current))).map((it) => it.data_file.file_path)
}

export const planOf = fc.record({
  seed: fc.integer(),
  killEvery: fc.constantFrom(12, 40, 1_000_000),
  loseEvery: fc.constantFrom(4, 15, 1_000_000),
  retention: fc.boolean()
})

const play = async (plan: Plan, site: Site) => {
  const { files } = site
  const random = randomOf(plan.seed)
  const a = new Lander('a', site, [0, 1], random)
  // Partition 1 has two owners, as after a rebalance that one of them has not noticed.
  const b = new Lander('b', site, [1, 2], random)
  await run(
    openTable(site.world('first'), {
      'k2.snapshots-max': String(snapshotsMax),
      'commit.manifest.min-count-to-merge': '4'
    })
  )
  breakThings(files, plan, random)
  site.misbehave(plan, random)
  const [, , during] = await Promise.all([
    a.land(),
    b.land(),
    plan.retention ? retain(site, 'during', 5) : []
  ])
  settle(files)
  site.settle()
  const after = plan.retention ? await retain(site, 'after', 1) : []
  const acknowledged = [...a.acknowledged, ...b.acknowledged]
  const removed = [...a.removed, ...b.removed, ...during, ...after]
  return { removed, asked: [...a.asked, ...b.asked], acknowledged }
}

/** Plays it, and checks that each offset landed once and nothing went back. */
export const checkLanding = async (plan: Plan, site: Site): Promise<void> => {
  const { removed, asked, acknowledged } = await play(plan, site)
  for (const { location } of removed) site.files.stored.delete(location)
  const table = await run(openTable(site.world('check')))
  const { metadata } = await run(refresh(table))
  for (const partition of [0, 1, 2]) await checkTiling(table, partition, asked, plan.retention)
  checkOffsetsMonotonic(table)
  const landed = new Set(await liveLocations(table))
  for (const { dataFiles } of acknowledged) {
    for (const { location, partition } of dataFiles) {
      if (plan.retention && Number(partition['timestamp_day']) < oldestKept) continue
      expect(landed).toContain(location)
    }
  }
  // What was reported as removed is named by no snapshot, and all that they name is there.
  const gone = new Set(removed.map((it) => it.location))
  for (const snapshot of metadata.snapshots) {
    for (const entry of await run(liveEntries(table, snapshot)))
      expect(gone).not.toContain(entry.data_file.file_path)
    for (const path of statePathsOf(snapshot))
      expect(gone).not.toContain(stateLocation(table, path))
    expect(snapshot.summary[commitIdKey]).toBeDefined()
  }
}
