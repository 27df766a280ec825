import * as Effect from 'effect/Effect'
import { expect, test } from 'vitest'
import { type HeapMonitor, openHeapMonitor } from '../../../src/adapters/telemetry/heap-monitor.ts'
import { until } from '../../support/until.ts'

const MiB = 1_024 ** 2

const withMonitor = (use: (monitor: HeapMonitor) => Promise<void>) =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(openHeapMonitor, (it) => Effect.promise(() => use(it))))
  )

test('buffers count as long as they are referred to, and go by a collection', () =>
  withMonitor(async ({ sample, collect }) => {
    // What others have left is gone: what a collection frees is freed when the next one begins.
    collect()
    collect()
    const before = sample().arrayBufferBytes
    const held = Array.from({ length: 64 }, () => Buffer.alloc(MiB, 1))
    expect(sample().arrayBufferBytes - before).toBeGreaterThan(48 * MiB)
    collect()
    expect(sample().arrayBufferBytes - before).toBeGreaterThan(48 * MiB)
    held.length = 0
    collect()
    await until(() => (sample().arrayBufferBytes - before < 16 * MiB ? true : undefined), {
      what: 'the release of the buffers', msMax: 30_000
    })
  }))

test('the heap counts as it was after the last major collection', () =>
  withMonitor(async ({ sample, collect }) => {
    collect()
    const { heapUsed } = process.memoryUsage()
    // Word of a collection comes later than the collection.
    await until(() => (sample().heapUsedBytes < heapUsed + 8 * MiB ? true : undefined), {
      what: 'word of the collection', msMax: 30_000
    })
    const live = sample().heapUsedBytes
    const garbage = Array.from({ length: 200_000 }, (_, n) => ({ n, text: `text ${n}` }))
    expect(process.memoryUsage().heapUsed - live).toBeGreaterThan(5 * MiB)
    collect()
    expect(garbage.length).toBe(200_000)
    await until(() => (sample().heapUsedBytes - live > 5 * MiB ? true : undefined), {
      what: 'what lives on', msMax: 30_000
    })
  }))
