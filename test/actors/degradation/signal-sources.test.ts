import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { MemoryUse } from '../../../src/actors/degradation/memory-use.ts'
import { signalSources, signalsOf } from '../../../src/actors/degradation/signal-sources.ts'
import type { Gate } from '../../../src/actors/gate.ts'
import { LandingProgress } from '../../../src/actors/lander/landing-progress.ts'
import { makeShared, type Shared } from '../../../src/actors/shared.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import { nameOf } from '../../../src/machines/pressure-marks.ts'

const kafka = { K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1' }
const catalog = { K2_ICEBERG_CATALOG_URI: 'http://127.0.0.1:1' }
let scope: Scope.Closeable
let nowMs: number

beforeEach(() => {
  scope = Scope.makeUnsafe()
  nowMs = 100_000
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
})
afterEach(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  vi.restoreAllMocks()
})

const sharedOf = (settings: Record<string, string> = {}): Shared =>
  makeShared({
    config: readConfig({ K2_COMMIT_AGE: '5s', ...settings }, []),
    telemetry: makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined }),
    nowMs: Date.now,
    uuid: randomUUID
  })

const serve = <A>(gate: Gate<A>, service: unknown) =>
  Effect.runPromise(Scope.provide(gate.serve(service as A), scope))

const memory: MemoryUse = {
  inUse: Effect.succeed(undefined),
  resident: Effect.succeed({ value: 1, limit: 1, unit: 'bytes' }),
  everyMs: 0
}

const reader = (shared: Shared) => {
  const sources = signalSources(shared, { memory, loopDelay: { p99: () => undefined } })
  return (name: string) =>
    Effect.runPromise(sources.find((source) => nameOf(source) === name)!.read)
}

describe('what a process can measure goes by its roles', () => {
  const process = ['memory', 'resident', 'disk', 'loop_delay', 'injected']
  const lag = ['lag:trades', 'lag:quotes']
  const capture = [
    'in_flight:trades', 'circuit:trades', 'in_flight:quotes', 'circuit:quotes', 'spool'
  ]
  test.each([
    ['all roles', {}, [...process, ...lag, ...capture]],
    ['trades alone', { K2_DATA_TYPES: 'trades' }, [
      ...process, 'lag:trades', 'in_flight:trades', 'circuit:trades', 'spool'
    ]],
    ['on Kafka', kafka, [
      ...process, ...lag, 'retention:trades', 'retention:quotes', ...capture
    ]],
    ['who captures', { ...kafka, K2_ROLES: 'ingest' }, [...process, ...capture]],
    ['who lands', { ...kafka, K2_ROLES: 'land' }, [
      ...process, ...lag, 'retention:trades', 'retention:quotes'
    ]],
    ['who answers', { ...kafka, K2_ROLES: 'serve' }, process],
    ['who captures, beside a catalog of all', { ...kafka, ...catalog, K2_ROLES: 'ingest' }, [
      ...process, ...lag, 'retention:trades', 'retention:quotes', ...capture
    ]],
    ['who answers from a catalog of all', { ...kafka, ...catalog, K2_ROLES: 'serve' }, [
      ...process, ...lag, 'retention:trades', 'retention:quotes'
    ]]
  ])('%s', (_who, settings, names) => {
    expect(signalsOf(sharedOf(settings)).map(nameOf).sort()).toEqual(names.toSorted())
  })

  test('of what is away there is no measurement', async () => {
    const read = reader(sharedOf(kafka))
    for (const name of [...lag, 'spool', 'disk', 'in_flight:trades', 'retention:trades']) {
      expect(await read(name)).toBeUndefined()
    }
  })
})

describe('lag', () => {
  const lane = { drainedOffset: 0, records: 0 }
  let overdue: { records: number | undefined; atMs: number; ageMs: number }
  let shared: Shared
  let read: ReturnType<typeof reader>

  beforeEach(async () => {
    shared = sharedOf()
    read = reader(shared)
    Object.assign(lane, { drainedOffset: 0, records: 0 })
    overdue = { records: 700, atMs: nowMs - 50, ageMs: 20 }
    await serve(shared.lag, { overdueOf: () => overdue, retentionOf: () => undefined })
    await serve(shared.logTopics, new Map([[shared.trades.topic, 1]]))
    await serve(shared.spool, { lane: () => lane })
  })

  test('is what the log has overdue, at the age of its sample', async () => {
    expect(await read('lag:trades')).toMatchObject({
      value: 700, unit: 'records', limit: null, hasCaughtUp: false,
      atMs: performance.timeOrigin + nowMs - 70
    })
    overdue = { ...overdue, records: undefined }
    expect(await read('lag:trades')).toBeUndefined()
  })

  test('and what has waited in the spool for two commit ages', async () => {
    // Before there is a sample that is old enough, all of it may be from before the start.
    lane.records = 30
    expect(await read('lag:trades')).toMatchObject({ value: 730 })
    nowMs += 10_000
    lane.records = 50
    expect(await read('lag:trades')).toMatchObject({ value: 730 })
    // Ten of the thirty are in the log by now.
    Object.assign(lane, { drainedOffset: 10, records: 40 })
    expect(await read('lag:trades')).toMatchObject({ value: 720 })
    nowMs += 10_000
    expect(await read('lag:trades')).toMatchObject({ value: 740 })
  })

  test('has caught up once it was 0 since the lander was started', async () => {
    const progress = new LandingProgress()
    progress.observe({ type: 'lander.started', positions: [] }, 0)
    await serve(shared.trades.landing, progress)
    expect(await read('lag:trades')).toMatchObject({ hasCaughtUp: false })
    overdue = { ...overdue, records: 0 }
    expect(await read('lag:trades')).toMatchObject({ value: 0, hasCaughtUp: true })
    overdue = { ...overdue, records: 900 }
    expect(await read('lag:trades')).toMatchObject({ value: 900, hasCaughtUp: true })
    const next = new LandingProgress()
    await serve(shared.trades.landing, next)
    overdue = { ...overdue, records: 0 }
    // Not before it is started: until then nothing says that it lands.
    expect(await read('lag:trades')).toMatchObject({ hasCaughtUp: false })
    next.observe({ type: 'lander.started', positions: [] }, 0)
    expect(await read('lag:trades')).toMatchObject({ hasCaughtUp: true })
  })
})

test('bytes in flight and in the spool are measured against their budgets', async () => {
  const shared = sharedOf({ K2_PUBLISH_BYTES: '8MiB', K2_SPOOL_LIMIT: '64MiB' })
  const read = reader(shared)
  await serve(shared.trades.publisher, { pendingBytes: 2_048 })
  await serve(shared.spool, { usage: () => ({ bytes: 4_096, bytesMax: 1, records: 1 }) })
  expect(await read('in_flight:trades')).toEqual({
    value: 2_048, limit: 8 * 1_024 ** 2, unit: 'bytes'
  })
  expect(await read('spool')).toEqual({ value: 4_096, limit: 64 * 1_024 ** 2, unit: 'bytes' })
})

test('a circuit counts from its opening, at least a second, and closed not at all', async () => {
  const shared = sharedOf()
  const read = reader(shared)
  const value = async () => (await read('circuit:trades'))?.value
  expect(await value()).toBe(0)
  shared.trades.circuit.openedMs = performance.timeOrigin + nowMs
  expect(await value()).toBe(1)
  nowMs += 61_000
  expect(await value()).toBeCloseTo(61, 3)
})

test('retention is the age of the oldest record that has not landed, of what is kept', async () => {
  const shared = sharedOf(kafka)
  let use: { share: number; retentionMs: number | null; atMs: number } = {
    share: 0.5, retentionMs: 60_000, atMs: nowMs
  }
  await serve(shared.lag, { overdueOf: () => undefined, retentionOf: () => use })
  const read = reader(shared)
  expect(await read('retention:trades')).toMatchObject({ value: 30, limit: 60, unit: 'seconds' })
  use = { ...use, share: 0, retentionMs: null }
  expect(await read('retention:trades')).toMatchObject({ value: 0, limit: null })
})
