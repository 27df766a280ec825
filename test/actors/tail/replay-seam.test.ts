/**
 * A live replay over files and tail is the valid log, each trade once, whatever is appended,
 * committed, merged, restarted or let go while it runs, and however old its lease becomes.
 */
import { Deferred, Effect, Exit, Scope } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withTail } from '../../../src/actors/tail/with-tail.ts'
import { columnsOf } from '../../../src/adapters/duckdb/columns.ts'
import type { QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import { makeTailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { TradeColumns } from '../../../src/adapters/duckdb/trade-columns.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import {
  nothingBeyond,
  type RecordsLease,
  type ScanFile
} from '../../../src/adapters/query/query-ports.ts'
import { makeReplayQuery, type ReplayPart } from '../../../src/adapters/query/replay-query.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { trade } from '../../support/trades.ts'
import { openFixture, tradeFieldIds, type WriterFixture } from '../../adapters/duckdb/support.ts'
import { drain, ids, makeWorld, type Row, type World } from '../lander/lander-world.ts'
import { commitShare, jumpId, labelOf, readerOf, records, validLog } from './tail-world.ts'
import { poolOver } from '../../support/query-pool.ts'

const scope = Effect.runSync(Scope.make())
let pool: QueryPool
let fixture: WriterFixture
let made = 0

beforeAll(async () => {
  fixture = await openFixture()
  const opening = poolOver(fixture.directory, { connections: 2, deadlineMsMax: 60_000 })
  pool = await Effect.runPromise(opening.pipe(Scope.provide(scope)))
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await fixture.close()
})

interface File extends ScanFile {
  readonly rows: readonly Row[]
  readonly sequenceNumber: number
}

/** Files of what the lander has landed, as Parquet. */
class Files {
  readonly #world: World
  readonly #trades: ReadonlyMap<string, TradeV2>
  files: readonly File[] = []
  #written = 0
  #commits = 0

  constructor(world: World, trades: ReadonlyMap<string, TradeV2>) {
    this.#world = world
    this.#trades = trades
  }

  /** What has landed since. */
  async add(): Promise<void> {
    const rows = this.#world.table.landed.slice(this.#written)
    this.#written += rows.length
    this.#commits++
    if (rows.length > 0)
      this.files = [...this.files, ...(await this.#write(rows, this.#commits))]
  }

  async merge(): Promise<void> {
    this.#commits++
    if (this.files.length < 2) return
    const newest = Math.max(...this.files.map(({ sequenceNumber }) => sequenceNumber))
    this.files = await this.#write(this.files.flatMap(({ rows }) => rows), newest)
  }

  async #write(rows: readonly Row[], sequenceNumber: number): Promise<readonly File[]> {
    const columns = new TradeColumns()
    for (const [id, offset] of rows) {
      const record = this.#trades.get(id)!
      columns.push(record, labelOf(partitionOf(record.symbol, 2)), offset)
    }
    const name = `seam-${made++}`
    const written = await Effect.runPromise(
      fixture.writer.write({
        rows: columns,
        directory: fixture.directory,
        fileName: ({ index }) => `${name}-${index}.parquet`
      })
    )
    const timeId = tradeFieldIds['timestamp']
    return written.map((file) => {
      const time = file.columns.find(({ fieldId }) => fieldId === timeId)!
      return {
        path: file.path,
        recordCount: file.recordCount,
        timestampLowerUs: Number(time.min),
        timestampUpperUs: Number(time.max),
        sequenceNumber,
        rows
      }
    })
  }
}

type Step =
  | { readonly kind: 'append'; readonly records: readonly TradeV2[] }
  | { readonly kind: 'commit'; readonly share: readonly [number, number] }
  | { readonly kind: 'jump' | 'pass' | 'restart' | 'sleep' | 'merge' | 'age' | 'none' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: records.map((some) => ({ kind: 'append' as const, records: some })) },
  {
    weight: 9,
    arbitrary: fc
      .constantFrom('jump', 'jump', 'jump', 'pass', 'pass', 'merge', 'age', 'restart', 'none')
      .map((kind) => ({ kind }) as const)
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'sleep' }) },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(4), fc.nat(4)).map((share) => ({ kind: 'commit' as const, share }))
  }
)

interface Played {
  readonly before: readonly Step[]
  /** Once the tail has been brought up to date: the table may be ahead of it. */
  readonly ahead: readonly Step[]
  /** One at a time: while a part is taken, and between two looks of a live replay. */
  readonly during: readonly Step[]
}

const play = async ({ before, ahead, during }: Played): Promise<void> => {
  const world = makeWorld()
  const trades = new Map<string, TradeV2>()
  const files = new Files(world, trades)
  const store = makeTailStore(pool, { name: `seam_${made++}`, columns: columnsOf(tradeV2Schema) })
  let reader = readerOf(world, store)
  let jumps = 0
  let nowMs = 0
  const append = (some: readonly TradeV2[]) => {
    for (const one of some) trades.set(one.message_id, trades.get(one.message_id) ?? one)
    world.log.appendTrades(some)
  }
  const pass = () => Effect.runPromise(reader.bring)
  const take = async (taken: Step): Promise<void> => {
    switch (taken.kind) {
      case 'append':
        return append(taken.records)
      case 'jump':
        return append([trade('SOLUSDT', jumpId(jumps++))])
      case 'commit':
        await commitShare(world, taken.share)
        return files.add()
      case 'merge':
        return files.merge()
      case 'pass':
        await pass()
        return
      case 'age':
        nowMs += 31_000
        return
      case 'restart':
        reader = readerOf(world, store)
        return
      case 'sleep':
        reader.reset()
        return Effect.runPromise(store.clear)
      case 'none':
        return
      default:
        taken satisfies never
    }
  }
  const finish = async () => {
    await drain(world)
    await files.add()
    append([trade('BTCUSDT', 31), ...[0, 1, 2].map(() => trade('SOLUSDT', jumpId(jumps++)))])
    await pass()
  }
  for (const one of before) await take(one)
  await pass()
  for (const one of ahead.filter(({ kind }) => kind !== 'sleep')) await take(one)
  const left = [...during]
  let looks = 0
  const over = Effect.runSync(Deferred.make<void>())
  const next = Effect.promise(async () => {
    const taken = left.shift()
    if (taken !== undefined) return take(taken)
    if (looks++ === 0) return finish()
    if (looks > 3) Effect.runSync(Deferred.succeed(over, undefined))
  })
  const lease = Effect.sync((): RecordsLease<never> => {
    const floors = new Map(
      [...world.table.recorded].map(([partition, { offset }]) => [labelOf(partition), offset])
    )
    return {
      snapshotId: '1',
      facts: { manifestsConsidered: 0, manifestsPruned: 0, filesConsidered: 0, filesPruned: 0 },
      files: files.files,
      source: 'read_parquet($files)',
      read: (_, use) => use,
      beyond: { ...nothingBeyond, watermarks: floors, floors },
      point: () => Effect.succeed(undefined),
      release: () => undefined
    }
  })
  const hold = Effect.sync(() => ({ ...store.hold(), missing: [] }))
  const parts: ReplayPart[] = []
  const query = makeReplayQuery({
    planner: withTail({ acquire: () => lease }, { hold }),
    engine: pool,
    filesEngine: pool,
    fields: tradeV2Schema.fields,
    clock: {
      nowMs: () => nowMs,
      sleep: (ms) => (ms === 10_000 ? Effect.never : next)
    },
    blockBytesMax: 300
  })
  const request = {
    filter: {},
    fields: ['message_id', 'timestamp'],
    frame: { before: '', after: '\n' },
    isLive: true
  }
  const run = query.run(request, {
    opened: () => undefined,
    emit: (part) => {
      parts.push(part)
      return left.length > 0 ? next : Effect.void
    }
  })
  await Effect.runPromise(Effect.raceFirst(run, Deferred.await(over)))
  const ends = new Map([0, 1].map((partition) => [labelOf(partition), world.log.end(partition)]))
  expect(messageIds(parts).toSorted()).toEqual(ids(await validLog(world, ends)))
  const pinned = parts.slice(0, parts.findIndex(({ type }) => type === 'completed'))
  const times = rowsOf(pinned).map(({ timestamp }) => timestamp)
  expect(times).toEqual(times.toSorted())
  await Effect.runPromise(store.clear)
  await Effect.runPromise(store.trim(new Map()))
}

const rowsOf = (parts: readonly ReplayPart[]) =>
  parts.flatMap((part) =>
    part.type === 'rows'
      ? Buffer.from(part.bytes)
          .toString()
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as { message_id: string; timestamp: string })
      : []
  )

const messageIds = (parts: readonly ReplayPart[]) =>
  rowsOf(parts).map(({ message_id }) => message_id)

test('property: no gap and no repeat, at the seam and after it', async () => {
  const steps = fc.array(step, { maxLength: 12 })
  const ahead = fc.array(step, { maxLength: 5 })
  const played = fc.record({ before: steps, ahead, during: steps })
  // A tail that is let go while the rest of what it had is still to be sent.
  const letGo: Played = {
    before: [{ kind: 'append', records: [trade('BTCUSDT', 2)] }],
    ahead: [],
    during: [
      { kind: 'append', records: [trade('BTCUSDT', 5_000_000), trade('BTCUSDT', 1)] },
      { kind: 'commit', share: [2, 0] },
      { kind: 'append', records: [3, 4, 9].map((id) => trade('BTCUSDT', id)) },
      { kind: 'pass' },
      { kind: 'age' },
      { kind: 'sleep' }
    ]
  }
  await fc.assert(fc.asyncProperty(played, play), { numRuns: 120, examples: [[letGo]] })
}, 240_000)
