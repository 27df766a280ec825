import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LogUnavailable } from '../../../src/adapters/log/event-log.ts'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { trade } from '../../support/trades.ts'
import { FakeLog, ids, landerOf, makeWorld, type World } from './lander-world.ts'

const btc = partitionOf('BTCUSDT', 2)
const eth = partitionOf('ETHUSDT', 2)

const running = async (world: World, during: () => Promise<void>): Promise<void> => {
  const lander = landerOf(world, { commitAgeMs: 1 })
  const fiber = Effect.runFork(lander.run)
  await during()
  Effect.runSync(lander.finish)
  await Effect.runPromise(Fiber.join(fiber))
}

const started = (world: World) =>
  world.events.flatMap((event) =>
    event.type === 'lander.started' ? [event.positions.map(({ partition }) => partition)] : []
  )

test('the two symbols of these tests lie in different partitions', () => {
  expect(btc).not.toBe(eth)
})

test('lands what is assigned to it, and leaves the rest', async () => {
  const world = makeWorld()
  world.log.assign([btc])
  world.log.appendTrades([1, 2].flatMap((id) => [trade('BTCUSDT', id), trade('ETHUSDT', id)]))
  await running(world, () => Promise.resolve())
  expect(ids(world.table.landed)).toEqual(['BINANCE:BTCUSDT:1', 'BINANCE:BTCUSDT:2'])
  expect(started(world)).toEqual([[btc]])
})

test('an empty assignment waits for another one, and is no failure', async () => {
  const world = makeWorld()
  world.log.assign([])
  world.log.appendTrades([trade('BTCUSDT', 1)])
  await running(world, async () => {
    await expect.poll(() => started(world)).toEqual([[]])
    expect(world.table.landed).toEqual([])
    world.log.assign([0, 1])
    await expect.poll(() => world.table.landed.length).toBe(1)
  })
  expect(started(world)).toEqual([[], [0, 1]])
})

test('an empty assignment ends at once when it is asked to', async () => {
  const world = makeWorld()
  world.log.assign([])
  await running(world, () => Promise.resolve())
  expect(world.table.commits).toBe(0)
})

test('a commit that is on its way ends before the next session reads the table', async () => {
  const world = makeWorld()
  const gate = Deferred.makeUnsafe<void>()
  world.table.gate = Deferred.await(gate)
  world.log.appendTrades([trade('BTCUSDT', 1), trade('ETHUSDT', 1)])
  await running(world, async () => {
    await expect.poll(() => world.table.waiting).toBe(1)
    world.log.assign([eth])
    Effect.runSync(Deferred.succeed(gate, undefined))
    await expect.poll(() => started(world).length).toBe(2)
  })
  expect(world.table.fences).toBe(0)
  expect(started(world)).toEqual([[0, 1], [eth]])
  expect(ids(world.table.landed)).toEqual(['BINANCE:BTCUSDT:1', 'BINANCE:ETHUSDT:1'])
})

test('what may be of another log is not committed, nor set aside (R8)', async () => {
  const world = makeWorld()
  world.log.appendTrades([trade('BTCUSDT', 1)])
  world.log.append(btc, [{ key: 'BTCUSDT', value: Buffer.from('noise') }])
  const detail = 'the topic was made anew'
  world.log.confirm = () => Effect.fail(new LogUnavailable({ topicPartition: 't', detail }))
  const lander = landerOf(world)
  const exit = await Effect.runPromiseExit(Effect.andThen(lander.finish, lander.run))
  expect(exit).toMatchObject({ _tag: 'Failure' })
  expect([world.table.landed, world.letters, world.table.commits]).toEqual([[], [], 0])
})

test('the end that was asked for is where the log ended then', async () => {
  const world = makeWorld()
  world.log.appendTrades([trade('BTCUSDT', 1)])
  let id = 1
  // Others never stop writing: every read finds more.
  world.log.beforeRead = () => world.log.appendTrades([trade('BTCUSDT', ++id)])
  await running(world, () => Promise.resolve())
  expect(ids(world.table.landed)).toContain('BINANCE:BTCUSDT:1')
})

test('property: however partitions move between two landers, the log lands once', async () => {
  const count = fc.integer({ min: 1, max: 6 })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count }),
    fc.record({ kind: fc.constant('move' as const), to: fc.nat({ max: 3 }) }),
    fc.record({ kind: fc.constant('forget' as const), to: fc.nat({ max: 3 }) })
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const [one, other] = twoLanders()
      let id = 0
      await running(one, () =>
        running(other, async () => {
          for (const { kind, ...rest } of steps) {
            if ('count' in rest) {
              for (let left = rest.count; left > 0; left--) {
                one.log.appendTrades([trade('BTCUSDT', ++id), trade('ETHUSDT', id)])
              }
            } else {
              const mine = [0, 1].filter((partition) => (rest.to & (1 << partition)) !== 0)
              one.log.assign(mine)
              // A stale owner: it has not heard that a partition is somebody else's now.
              if (kind === 'move') other.log.assign([0, 1].filter((it) => !mine.includes(it)))
              else other.log.assign([0, 1])
            }
            await Effect.runPromise(Effect.yieldNow)
          }
          one.log.assign([0])
          other.log.assign([1])
        })
      )
      const expected = Array.from({ length: id }, (_, at) => at + 1).flatMap((number) => [
        `BINANCE:BTCUSDT:${number}`,
        `BINANCE:ETHUSDT:${number}`
      ])
      expect(ids(one.table.landed)).toEqual(expected.sort())
    }),
    { numRuns: 60 }
  )
})

/** Two members that read the same batches and land in the same table. */
const twoLanders = (): readonly [World, World] => {
  const one = makeWorld()
  const other = { ...makeWorld(), table: one.table, log: new FakeLog(one.log) }
  one.log.assign([0])
  other.log.assign([1])
  return [one, other]
}
