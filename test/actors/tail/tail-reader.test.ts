/**
 * A read over "now" is what is in files and what is in the tail. Whatever comes between, it is the
 * valid log, each trade once, up to the watermarks that the read names (R6).
 */
import { Effect } from 'effect'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { columnsOf } from '../../../src/adapters/duckdb/columns.ts'
import { makeTailStore, type TailStore } from '../../../src/adapters/duckdb/tail-store.ts'
import { LogUnavailable } from '../../../src/adapters/log/event-log.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { type TradeV2, tradeV2Schema } from '../../../src/market/records/trade-v2.ts'
import type { ReadPoint } from '../../../src/adapters/query/read-point.ts'
import { poolInMemory } from '../../support/query-pool.ts'
import { trade } from '../../support/trades.ts'
import { drain, ids, makeWorld, type Row, type World } from '../lander/lander-world.ts'
import { commitShare, jumpId, labelOf, readerOf, records, validLog } from './tail-world.ts'
import { type Lease, leaseOf, rowsOf } from './world-leases.ts'

const pool = poolInMemory()
let stores = 0

const newStore = (): TailStore =>
  makeTailStore(pool(), { name: `test_${stores++}`, columns: columnsOf(tradeV2Schema) })

const idsOf = async (lease: Lease) => ids(await rowsOf(pool(), lease))

const expectExact = async (world: World, lease: Lease) => {
  expect(await idsOf(lease)).toEqual(ids(await validLog(world, lease.beyond.watermarks)))
}

interface Answered {
  readonly point: ReadPoint
  readonly found: ReturnType<typeof ids>
}

const answeredBy = async (lease: Lease): Promise<Answered> => ({
  point: lease.named,
  found: await idsOf(lease)
})

/** What was answered before is answered again, whatever came, landed or was restarted since. */
const expectAgain = async (world: World, store: TailStore, { point, found }: Answered) => {
  const lease = await leaseOf(world, store, { kind: 'point', point })
  expect(await idsOf(lease)).toEqual(found)
  lease.release()
}

type Step =
  | { readonly kind: 'append'; readonly records: readonly TradeV2[] }
  | { readonly kind: 'commit'; readonly share: readonly [number, number] }
  | { readonly kind: 'noise' | 'jump' | 'pass' | 'read' | 'restart' | 'sleep' | 'unavailable' }
  | { readonly kind: 'again' }
  | { readonly kind: 'hold'; readonly for: number }

const often = <const K>(kind: K, times: number) => Array<K>(times).fill(kind)
const others = ['noise', 'read', 'restart', 'unavailable'] as const
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: records.map((some) => ({ kind: 'append' as const, records: some })) },
  {
    weight: 11,
    arbitrary: fc
      .constantFrom(...often('jump', 4), ...often('pass', 2), ...others)
      .map((kind) => ({ kind }))
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'sleep' }) },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'again' }) },
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
  const held: { lease: Lease; left: number }[] = []
  const answered: Answered[] = []
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
        const lease = await leaseOf(world, store)
        expect(lease.beyond.watermarks).toEqual(
          new Map([0, 1].map((partition) => [labelOf(partition), world.log.end(partition)]))
        )
        await expectExact(world, lease)
        answered.push(await answeredBy(lease))
        lease.release()
        break
      }
      case 'read': {
        const lease = await leaseOf(world, store)
        await expectExact(world, lease)
        answered.push(await answeredBy(lease))
        lease.release()
        break
      }
      case 'again':
        expect((await pass())._tag).toBe('Success')
        for (const it of answered) await expectAgain(world, store, it)
        break
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
        held.push({ lease: await leaseOf(world, store), left: taken.for })
        break
      default:
        taken satisfies never
    }
    for (const it of held.filter(({ left }) => left <= 0)) {
      await expectExact(world, it.lease)
      it.lease.release()
      held.splice(held.indexOf(it), 1)
    }
    for (const it of held) it.left--
  }
  for (const { lease } of held) {
    await expectExact(world, lease)
    lease.release()
  }
  await drain(world)
  for (const it of answered) await expectAgain(world, store, it)
  await Effect.runPromise(store.clear)
  await Effect.runPromise(store.trim(new Map()))
}

test('property: files and tail are the valid log, now and when asked again', async () => {
  const steps = fc.array(step, { maxLength: 25, size: 'max' })
  await fc.assert(fc.asyncProperty(steps, play), { numRuns: 200 })
}, 120_000)

test('a record that was held back is in the tail once it is confirmed', async () => {
  const world = makeWorld()
  const store = newStore()
  const reader = readerOf(world, store)
  const jumps = [0, 1, 2, 3].map((number) => trade('SOLUSDT', jumpId(number)))
  world.log.appendTrades(jumps.slice(0, 3))
  await drain(world)
  await Effect.runPromise(reader.bring)
  const waiting = await leaseOf(world, store)
  expect([...waiting.named.undecided.values()]).toEqual([[1, 2]])
  waiting.release()
  world.log.appendTrades(jumps.slice(3))
  expect(await Effect.runPromise(reader.bring)).toEqual({ missing: [] })
  const lease = await leaseOf(world, store)
  expect(lease.named.undecided).toEqual(new Map())
  const rows = await rowsOf(pool(), lease)
  expect(ids(rows)).toEqual(ids(jumps.map(({ message_id: id }, offset): Row => [id, offset])))
  lease.release()
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
  const lease = await leaseOf(world, store)
  await expectExact(world, lease)
  expect(lease.beyond.watermarks.get(labelOf(partitionOf('BTCUSDT', 2)))).toBeLessThan(30)
  lease.release()
  await drain(world)
  world.log.appendTrades([trade('BTCUSDT', 31)])
  expect(await Effect.runPromise(reader.bring)).toMatchObject({ missing: [] })
  const after = await leaseOf(world, store)
  expect(await rowsOf(pool(), after)).toHaveLength(31)
  after.release()
})

test('what was held back at a point is not of it, once it has landed too', async () => {
  const world = makeWorld()
  const store = newStore()
  const reader = readerOf(world, store)
  const jumps = [0, 1, 2, 3, 4].map((number) => trade('SOLUSDT', jumpId(number)))
  world.log.appendTrades(jumps.slice(0, 3))
  await Effect.runPromise(reader.bring)
  const ofTail = await leaseOf(world, store)
  const first = await answeredBy(ofTail)
  ofTail.release()
  await drain(world)
  const ofTable = await leaseOf(world, newStore())
  const second = await answeredBy(ofTable)
  ofTable.release()
  expect([...first.point.undecided.values()]).toEqual([[1, 2]])
  expect(second.found).toEqual(first.found)
  expect(second.point.undecided).toEqual(first.point.undecided)
  world.log.appendTrades(jumps.slice(3))
  for (const it of [first, second]) {
    expect(it.found).toHaveLength(1)
    await Effect.runPromise(reader.bring)
    await expectAgain(world, store, it)
  }
  await drain(world)
  for (const it of [first, second]) await expectAgain(world, store, it)
})
