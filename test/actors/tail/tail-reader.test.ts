/**
 * A read over "now" is what is in files and what is in the tail. Whatever comes between, it is the
 * valid log, each trade once, up to the watermarks that the read names (R6).
 */
import { Effect, Exit, Scope } from 'effect'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { columnsOf } from '../../../src/adapters/duckdb/columns.ts'
import { openQueryPool, type QueryPool } from '../../../src/adapters/duckdb/query-pool.ts'
import { makeTailStore, type TailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { LogUnavailable } from '../../../src/adapters/log/event-log.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import { trade } from '../../support/trades.ts'
import { drain, ids, makeWorld, type Row, type World } from '../lander/lander-world.ts'
import { commitShare, jumpId, labelOf, readerOf, records, validLog } from './tail-world.ts'

const scope = Effect.runSync(Scope.make())
let pool: QueryPool
let stores = 0

beforeAll(async () => {
  pool = await Effect.runPromise(
    openQueryPool({
      connections: 1,
      queueMax: 8,
      deadlineMsMax: 60_000,
      threads: 1,
      memoryBytesMax: 256 * 2 ** 20,
      directories: [],
      tempDirectory: ''
    }).pipe(Scope.provide(scope))
  )
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const newStore = (): TailStore =>
  makeTailStore(pool, { name: `test_${stores++}`, columns: columnsOf(tradeV2Schema) })

/** As a query takes it: what the tail has, over what is in files at that moment. */
const leaseOf = ({ table }: World, store: TailStore) => {
  const hold = store.hold()
  const floors = new Map(
    [...table.recorded].map(([partition, { offset }]) => [labelOf(partition), offset] as const)
  )
  return { hold, floors, files: [...table.landed] }
}

const rowsOf = async ({ hold, floors, files }: ReturnType<typeof leaseOf>): Promise<Row[]> => {
  const part = hold.partFrom(floors, {})
  if (part === undefined) return files
  const rows = await Effect.runPromise(
    pool.run({
      sql: `SELECT "message_id", "k2_offset" FROM (${part.sql})`,
      parameters: part.parameters
    })
  )
  expect(rows.length).toBeLessThanOrEqual(part.rowsMax)
  return [...files, ...rows.map(([id, offset]): Row => [String(id), Number(offset)])]
}

const watermarksOf = ({ hold, floors }: ReturnType<typeof leaseOf>) =>
  new Map(
    [0, 1].map((partition) => {
      const label = labelOf(partition)
      return [label, Math.max(hold.watermarks.get(label) ?? 0, floors.get(label) ?? 0)]
    })
  )

const expectExact = async (world: World, lease: ReturnType<typeof leaseOf>) => {
  const found = ids(await rowsOf(lease))
  expect(found).toEqual(ids(await validLog(world, watermarksOf(lease))))
}

type Step =
  | { readonly kind: 'append'; readonly records: readonly TradeV2[] }
  | { readonly kind: 'commit'; readonly share: readonly [number, number] }
  | { readonly kind: 'noise' | 'jump' | 'pass' | 'read' | 'restart' | 'sleep' | 'unavailable' }
  | { readonly kind: 'hold'; readonly for: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: records.map((some) => ({ kind: 'append' as const, records: some })) },
  {
    weight: 9,
    arbitrary: fc
      .constantFrom('noise', 'jump', 'jump', 'pass', 'pass', 'read', 'restart', 'unavailable')
      .map((kind) => ({ kind }))
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'sleep' }) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(4), fc.nat(4)).map((share) => ({ kind: 'commit' as const, share }))
  },
  { weight: 2, arbitrary: fc.nat(6).map((steps) => ({ kind: 'hold' as const, for: steps })) }
)

const play = async (steps: readonly Step[]): Promise<void> => {
  const world = makeWorld()
  const store = newStore()
  let reader = readerOf(world, store)
  let jumps = 0
  const held: { lease: ReturnType<typeof leaseOf>; left: number }[] = []
  const pass = () => Effect.runPromiseExit(reader.bring)
  for (const taken of steps) {
    switch (taken.kind) {
      case 'append':
        world.log.appendTrades(taken.records)
        break
      case 'noise':
        world.log.append(0, [{ key: 'BTCUSDT', value: Buffer.from('noise') }])
        break
      case 'jump':
        world.log.appendTrades([trade('SOLUSDT', jumpId(jumps++))])
        break
      case 'commit':
        await commitShare(world, taken.share)
        break
      case 'pass': {
        const exit = await pass()
        expect(exit).toMatchObject({ _tag: 'Success', value: { missing: [] } })
        const lease = leaseOf(world, store)
        expect(watermarksOf(lease)).toEqual(
          new Map([0, 1].map((partition) => [labelOf(partition), world.log.end(partition)]))
        )
        await expectExact(world, lease)
        lease.hold.release()
        break
      }
      case 'read': {
        const lease = leaseOf(world, store)
        await expectExact(world, lease)
        lease.hold.release()
        break
      }
      case 'restart':
        reader = readerOf(world, store)
        break
      case 'sleep':
        reader.reset()
        await Effect.runPromise(store.clear)
        break
      case 'unavailable': {
        let reads = 0
        const { read } = world.log
        world.log.read = (...asked) =>
          reads++ === 1
            ? Effect.fail(new LogUnavailable({ topicPartition: 't', detail: 'brokers are away' }))
            : read(...asked)
        await pass()
        world.log.read = read
        break
      }
      case 'hold':
        held.push({ lease: leaseOf(world, store), left: taken.for })
        break
      default:
        taken satisfies never
    }
    for (const it of held.filter(({ left }) => left <= 0)) {
      await expectExact(world, it.lease)
      it.lease.hold.release()
      held.splice(held.indexOf(it), 1)
    }
    for (const it of held) it.left--
  }
  for (const { lease } of held) {
    await expectExact(world, lease)
    lease.hold.release()
  }
  await Effect.runPromise(store.clear)
  await Effect.runPromise(store.trim(new Map()))
}

test('property: files and tail are the valid log, each trade once', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), play), { numRuns: 250 })
}, 120_000)

test('a record that was held back is in the tail once it is confirmed', async () => {
  const world = makeWorld()
  const store = newStore()
  const reader = readerOf(world, store)
  const jumps = [0, 1, 2, 3].map((number) => trade('SOLUSDT', jumpId(number)))
  world.log.appendTrades(jumps.slice(0, 3))
  await drain(world)
  await Effect.runPromise(reader.bring)
  const waiting = leaseOf(world, store)
  expect([...waiting.hold.undecided.values()]).toEqual([[1, 2]])
  waiting.hold.release()
  world.log.appendTrades(jumps.slice(3))
  expect(await Effect.runPromise(reader.bring)).toEqual({ missing: [] })
  const lease = leaseOf(world, store)
  expect(lease.hold.undecided).toEqual(new Map())
  const rows = await rowsOf(lease)
  expect(ids(rows)).toEqual(ids(jumps.map(({ message_id: id }, offset): Row => [id, offset])))
  lease.hold.release()
})

test('what is beyond its memory is named; once the table has it, the tail goes on', async () => {
  const world = makeWorld()
  const store = newStore()
  const reader = readerOf(world, store, 10 * 512)
  const append = (from: number) =>
    world.log.appendTrades(Array.from({ length: 30 }, (_, n) => trade('BTCUSDT', from + n)))
  append(1)
  const { missing } = await Effect.runPromise(reader.bring)
  expect(missing).toEqual([expect.stringMatching(/^\d+ records of .* from offset \d+ on: .*TAIL/)])
  const lease = leaseOf(world, store)
  await expectExact(world, lease)
  expect(lease.hold.watermarks.get(labelOf(partitionOf('BTCUSDT', 2)))).toBeLessThan(30)
  lease.hold.release()
  await drain(world)
  world.log.appendTrades([trade('BTCUSDT', 31)])
  expect(await Effect.runPromise(reader.bring)).toMatchObject({ missing: [] })
  const after = leaseOf(world, store)
  expect(await rowsOf(after)).toHaveLength(31)
  after.hold.release()
})
