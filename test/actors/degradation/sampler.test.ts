import * as Effect from 'effect/Effect'
import { afterEach, expect, test, vi } from 'vitest'
import { makeSampler } from '../../../src/actors/degradation/sampler-actor.ts'
import type { Measured, SignalSource } from '../../../src/actors/degradation/signal-sources.ts'
import { steadyMs } from '../../../src/actors/steady-clock.ts'

afterEach(() => vi.restoreAllMocks())

const bytes = (value: number, atMs?: number): Measured => ({
  value,
  limit: 100,
  unit: 'bytes',
  ...(atMs === undefined ? {} : { atMs })
})

const source = (read: SignalSource['read'], everyMs?: number): SignalSource => ({
  signal: 'disk',
  read,
  ...(everyMs === undefined ? {} : { everyMs })
})

const sample = (sources: readonly SignalSource[], intervalMs = 1_000) =>
  Effect.runPromise(makeSampler(sources, { intervalMs, steadyMs }))

test('a measurement has value, limit, unit, age and state', async () => {
  const { readings, missed } = await sample([source(Effect.sync(() => bytes(40)))])
  expect(readings).toEqual([
    {
      signal: 'disk', value: 40, limit: 100, unit: 'bytes', ageMs: expect.any(Number),
      state: 'fresh'
    }
  ])
  expect(readings[0]!.ageMs).toBeLessThan(1_000)
  expect(missed).toBe(0)
})

test('what was never measured is unknown', async () => {
  const { readings } = await sample([source(Effect.succeed(undefined))])
  expect(readings).toMatchObject([{ value: null, ageMs: null, state: 'unknown' }])
})

test('older than three intervals is stale; three of its own, where those are longer', async () => {
  const old = (ageMs: number, everyMs?: number) =>
    source(Effect.sync(() => bytes(1, steadyMs() - ageMs)), everyMs)
  const { readings } = await sample([
    { ...old(2_000), dataType: 'trades' },
    { ...old(3_500), dataType: 'quotes' },
    { ...old(3_500, 10_000), signal: 'spool' },
    { ...old(30_500, 10_000), signal: 'lag' }
  ])
  expect(readings.map(({ state }) => state)).toEqual(['fresh', 'stale', 'fresh', 'stale'])
})

test('one that hangs costs its deadline and no other its measurement', async () => {
  const begunMs = performance.now()
  const { readings, missed } = await sample(
    [
      { ...source(Effect.never), signal: 'memory' },
      source(Effect.sync(() => bytes(40)))
    ],
    100
  )
  expect(performance.now() - begunMs).toBeGreaterThanOrEqual(50)
  expect(readings.map(({ signal, state }) => [signal, state])).toEqual([
    ['memory', 'unknown'],
    ['disk', 'fresh']
  ])
  expect(missed).toBe(1)
})

test('what says nothing any more keeps its last value, and grows old', async () => {
  let nowMs = 50_000
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
  let given: Measured | undefined = bytes(40)
  const sampler = makeSampler([source(Effect.sync(() => given))], { intervalMs: 1_000, steadyMs })
  const next = async () => (await Effect.runPromise(sampler)).readings
  expect(await next()).toMatchObject([{ state: 'fresh', ageMs: 0 }])
  given = undefined
  nowMs += 3_000
  expect(await next()).toMatchObject([{ value: 40, state: 'fresh', ageMs: 3_000 }])
  nowMs += 1
  expect(await next()).toMatchObject([{ value: 40, state: 'stale', ageMs: 3_001 }])
})
