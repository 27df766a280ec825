import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import * as TestClock from 'effect/testing/TestClock'
import { beforeEach, describe, expect, test } from 'vitest'
import { KeptIds, type KeptIdsPorts } from '../../../src/actors/ingest/kept-ids.ts'

let table: Map<string, number>
let reads: number
let unknown: string[]

beforeEach(() => {
  table = new Map([['BTCUSDT', 7]])
  reads = 0
  unknown = []
})

const keptIds = (read?: KeptIdsPorts['read']) =>
  new KeptIds({
    read:
      read ??
      Effect.sync(() => {
        reads++
        return new Map(table)
      }),
    onUnknown: (detail) => unknown.push(detail)
  })

describe('ids that an earlier process has left', () => {
  test('are those of the table, read once', async () => {
    const kept = keptIds()
    expect(kept.of('BTCUSDT')).toBeNull()
    await Effect.runPromise(kept.loaded)
    table.set('BTCUSDT', 9)
    await Effect.runPromise(kept.loaded)
    await Effect.runPromise(kept.lookedFor(['BTCUSDT']))
    expect([kept.of('BTCUSDT'), kept.of('ETHUSDT'), reads]).toEqual([7, null, 1])
  })

  test('of a symbol that has landed since are found when it is asked about', async () => {
    const kept = keptIds()
    await Effect.runPromise(kept.loaded)
    table.set('ETHUSDT', 3)
    await Effect.runPromise(kept.lookedFor(['BTCUSDT', 'ETHUSDT']))
    expect([kept.of('ETHUSDT'), reads]).toEqual([3, 2])
  })

  test('that cannot be read stay as they were, and it is said why', async () => {
    let isAway = false
    const away = { message: 'the catalog is away' }
    const kept = keptIds(
      Effect.suspend(() => (isAway ? Effect.fail(away) : Effect.succeed(new Map(table))))
    )
    await Effect.runPromise(kept.loaded)
    isAway = true
    await Effect.runPromise(kept.lookedFor(['ETHUSDT']))
    expect(kept.of('BTCUSDT')).toBe(7)
    expect(unknown).toEqual(['the catalog is away'])
  })

  test('are waited for five seconds, and no longer', async () => {
    const kept = keptIds(Effect.never)
    await Effect.runPromise(
      Effect.gen(function* () {
        const loading = yield* Effect.forkScoped(kept.loaded)
        yield* TestClock.adjust(4_999)
        expect(loading.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust(1)
        yield* Fiber.join(loading)
      }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
    )
    expect(unknown).toEqual(['not read within 5000 ms'])
  })
})
