import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { partitionOf } from '../../../src/adapters/log/partitioner.ts'
import { trade } from '../../support/trades.ts'
import { codec, drain, type Fault, ids, landerOf, makeWorld, type World } from './lander-world.ts'

describe('lander', () => {
  test('lands what the log holds, with offsets and state, and nothing without news', async () => {
    const world = makeWorld()
    world.log.appendTrades([1, 2, 3].flatMap((id) => [trade('BTCUSDT', id), trade('ETHUSDT', id)]))
    await drain(world)
    expect(world.table.landed).toHaveLength(6)
    expect([0, 1].map((p) => world.table.recorded.get(p)?.offset ?? 0)).toEqual(
      [0, 1].map((p) => world.log.end(p))
    )
    const { commits } = world.table
    await drain(world)
    expect(world.table.commits).toBe(commits)
  })

  test('says how far the table is, for those who watch the log', async () => {
    const world = makeWorld()
    world.log.appendTrades([1, 2].flatMap((id) => [trade('BTCUSDT', id), trade('ETHUSDT', id)]))
    await drain(world)
    expect(new Map(world.log.noted)).toEqual(
      new Map([...world.table.recorded].map(([partition, { offset }]) => [partition, offset]))
    )
  })

  test('a batch of repeats adds no row and still moves the offset (R30)', async () => {
    const world = makeWorld()
    world.log.appendTrades([trade('BTCUSDT', 1)])
    await drain(world)
    world.log.appendTrades([trade('BTCUSDT', 1), trade('BTCUSDT', 1)])
    await drain(world)
    expect(world.table.landed).toHaveLength(1)
    expect(world.table.recorded.get(partitionOf('BTCUSDT', 2))!.offset).toBe(3)
  })

  test('bad records go to the dead letters with position and bytes, neighbours land', async () => {
    const world = makeWorld()
    const own = partitionOf('BTCUSDT', 2)
    const value = Uint8Array.from(codec.encode(trade('BTCUSDT', 1)))
    world.log.append(own, [
      { key: 'BTCUSDT', value: Buffer.from('noise') },
      { key: 'BTCUSDT', value },
      {
        key: 'BTCUSDT',
        value: Uint8Array.from(codec.encode({ ...trade('BTCUSDT', 2), price: 0n }))
      }
    ])
    world.log.append(1 - own, [{ key: 'BTCUSDT', value }])
    world.log.append(own, [{ key: 'BTCUSDT', value }], '0123456789abcdef')
    await drain(world)
    expect(ids(world.table.landed)).toEqual(['BINANCE:BTCUSDT:1'])
    expect(
      new Set(
        world.letters.map(
          ({ reason, position }) => `${reason} ${position!.partition} ${position!.offset}`
        )
      )
    ).toEqual(
      new Set([
        `undecodable ${own} 0`,
        `invalid_field ${own} 2`,
        `undecodable ${own} 3`,
        `wrong_partition ${1 - own} 0`
      ])
    )
    expect(world.letters).toHaveLength(4)
    expect(
      Buffer.from(
        world.letters.find(({ position }) => position!.offset === 0 && position!.partition === own)!
          .raw
      ).toString()
    ).toBe('noise')
  })

  test('a fence discards, re-reads the table and goes on (R19)', async () => {
    const world = makeWorld()
    world.log.appendTrades([1, 2, 3].map((id) => trade('BTCUSDT', id)))
    const partition = partitionOf('BTCUSDT', 2)
    const first = landerOf(world, { commitAgeMs: 1 })
    await Effect.runPromise(
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(first.run)
        while (world.table.commits === 0) yield* Effect.sleep(1)
        // Somebody sets the table back: its first row and offset only.
        world.table.landed.length = 0
        world.table.recorded.delete(partition)
        world.log.appendTrades([trade('BTCUSDT', 4)])
        yield* first.finish
        yield* Fiber.join(running)
      })
    )
    expect(world.table.fences).toBe(1)
    expect(ids(world.table.landed)).toEqual([1, 2, 3, 4].map((id) => `BINANCE:BTCUSDT:${id}`))
  })

  test.each([
    [
      'an offset below the log',
      (world: World) => {
        world.log.startOffset = 2
      },
      'begins at 2'
    ],
    [
      'an offset beyond the log',
      (world: World) => {
        world.log.batches[partitionOf('BTCUSDT', 2)] = []
      },
      'ends at 0'
    ],
    [
      'a missing state',
      (world: World) => {
        world.table.states.clear()
      },
      'cannot be read'
    ],
    [
      'another log',
      (world: World) => {
        world.table.recorded.clear()
        world.table.otherLogs = ['log-0']
      },
      'not from log-1'
    ]
  ])(
    '%s stops the partition by name and lands nothing of it (R8, R10)',
    async (_name, break_, detail) => {
      const world = makeWorld()
      world.log.appendTrades([trade('BTCUSDT', 1)])
      await drain(world)
      break_(world)
      const before = world.table.landed.length
      await drain(world)
      expect(world.table.landed).toHaveLength(before)
      expect(
        world.events
          .flatMap((event) => (event.type === 'partition.stopped' ? [event.detail] : []))
          .join()
      ).toContain(detail)
    }
  )

  test('property: with failures anywhere, the table is the log, once', async () => {
    const symbol = fc.constantFrom('BTCUSDT', 'ETHUSDT', 'DOGEUSDT')
    const fault = fc.constantFrom<Fault>('writeRows', 'writeState', 'commitBefore', 'commitAfter')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(symbol, fc.integer({ min: 1, max: 30 })), { maxLength: 30 }), {
          maxLength: 6
        }),
        fc.array(fault, { maxLength: 12 }),
        async (rounds, faults) => {
          const world = makeWorld()
          world.table.faults = [...faults]
          for (const round of rounds) {
            world.log.appendTrades(round.map(([name, id]) => trade(name, id)))
            await drain(world, { commitRowsMax: 4 })
          }
          const expected = new Set(rounds.flat().map(([name, id]) => `BINANCE:${name}:${id}`))
          expect(ids(world.table.landed)).toEqual([...expected].sort())
          const told = world.events.filter(({ type }) => type === 'commit.failed').length
          // Rows and state are written side by side: both may fail in one commit.
          const struck = faults.length - world.table.faults.length
          expect(told).toBeLessThanOrEqual(struck)
          expect(told > 0).toBe(struck > 0)
        }
      ),
      { numRuns: 60 }
    )
  })
})
