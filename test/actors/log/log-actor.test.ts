import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import { afterEach, expect, test, vi } from 'vitest'
import { LandingProgress } from '../../../src/actors/lander/landing-progress.ts'
import { logProgram } from '../../../src/actors/log/log-actor.ts'
import { CurrentActor } from '../../../src/actors/resource-registry.ts'
import { makeShared } from '../../../src/actors/shared.ts'
import { openTable } from '../../../src/actors/storage/data-folder.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { systemClock } from '../../../src/adapters/log/node-files.ts'
import { PackedRecordsBuilder } from '../../../src/adapters/log/record-batch.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import { emptyPartitionState } from '../../../src/machines/partition-fold.ts'

const root = mkdtempSync(join(tmpdir(), 'k2-log-actor-'))
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(root, { recursive: true, force: true })
})

const batchBytes = 1_024 ** 2

/** The smallest limit that is allowed: there the log keeps its segments small (R53). */
test('what is landed and old leaves the log also when nothing lands any more', async () => {
  const config = readConfig(
    { K2_DATA_DIR: root, K2_LOG_PARTITIONS: '1', K2_LOG_DISK_LIMIT: '16MiB' },
    []
  )
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined })
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const { trades } = shared
  const program = Effect.gen(function* () {
    for (const { spec, table } of shared.pipelines) {
      const context = { ...shared, storage: {}, snapshotsMax: 10, observe: () => undefined }
      yield* table.serve(yield* openTable(spec, context))
    }
    const commands = yield* Queue.unbounded<{ readonly type: string }>()
    yield* Effect.forkScoped(
      logProgram(shared)({
        input: undefined,
        path: 'log',
        commands,
        notifyParent: () => undefined,
        ready: () => undefined,
        reportStatus: () => undefined
      })
    )
    const log = yield* shared.log.get
    for (let offset = 0; offset < 12; offset++) {
      const builder = new PackedRecordsBuilder()
      builder.add('BTCUSDT', Buffer.alloc(batchBytes))
      yield* log.append(trades.topic, 0, builder.take('0123456789abcdef'))
    }
    const before = log.usage().diskBytes
    expect(before).toBeGreaterThan(12 * batchBytes)
    const progress = new LandingProgress()
    const { counters } = emptyPartitionState()
    const positions = [{ partition: 0, offset: 12, counters }]
    progress.observe({ type: 'lander.started', positions }, 0)
    yield* trades.landing.serve(progress)
    vi.spyOn(systemClock, 'nowMs').mockImplementation(() => Date.now() + 2 * 3_600_000)
    yield* Effect.promise(() =>
      vi.waitUntil(() => log.usage().diskBytes <= 4 * batchBytes + 4_096, { timeout: 60_000 })
    )
  })
  await Effect.runPromise(
    Effect.scoped(program).pipe(
      Effect.provideService(CurrentActor, {
        path: 'log',
        register: () => ({ release: () => undefined, leak: () => undefined })
      })
    )
  )
})
