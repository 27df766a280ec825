import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Effect } from 'effect'
import { expect, onTestFinished, test } from 'vitest'
import type {
  LanderAnswer,
  LanderRequest,
  LanderWorkerData
} from '../../../src/actors/lander/lander-protocol.ts'
import { storageSettingsOf } from '../../../src/actors/storage/stores.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { openEmbeddedLog } from '../../../src/adapters/log/embedded-log.ts'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import { openWorkerThread } from '../../../src/adapters/thread/worker-thread.ts'
import { defaultSequenceLimits } from '../../../src/market/sequence.ts'
import { startFakeRestCatalog } from '../../support/fake-iceberg-rest.ts'

test('a worker whose catalog does not answer is not silent, and ends when asked to', async () => {
  const catalog = await startFakeRestCatalog()
  catalog.misbehave = () => ({ does: 'hang', when: 'before' })
  onTestFinished(() => catalog.close())
  const dataDir = await mkdtemp(join(tmpdir(), 'k2-worker-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  const config = readConfig({ K2_ICEBERG_CATALOG_URI: catalog.uri }, [])
  const topic = 'market.crypto.trades.binance'
  const data: LanderWorkerData = {
    dataType: 'trades',
    dataDir,
    kafka: undefined,
    storage: storageSettingsOf(config),
    keepsCopies: false,
    watermarks: [],
    lander: {
      topic,
      commitRowsMax: config.commitRowsMax,
      commitBytesMax: config.commitBytesMax,
      commitAgeMs: config.commitAgeMs,
      limits: { ...defaultSequenceLimits, jumpMax: config.sequenceJumpMax },
      logFaults: new Map()
    },
    snapshotsMax: config.snapshotsMax,
    duckdbBytesMax: 64 * 1_024 ** 2
  }
  const answers: LanderAnswer[] = []
  let detail = ''
  const use = Effect.gen(function* () {
    const log = yield* openEmbeddedLog({
      directory: join(dataDir, 'log'),
      files: nodeFiles,
      clock: systemClock,
      process: yield* Effect.promise(nodeProcess),
      topics: { [topic]: 1 },
      neverBelow: [],
      observe: () => undefined
    })
    const thread = yield* openWorkerThread<LanderWorkerData, LanderRequest, LanderAnswer>({
      name: 'lander:trades',
      entry: new URL('../../../src/actors/lander/lander-worker.ts', import.meta.url),
      data: { ...data, watermarks: log.watermarks() },
      heapBytesMax: 1_024 ** 3,
      stopMsMax: 60_000,
      onMessage: (answer) => answers.push(answer)
    })
    yield* Effect.forkScoped(
      Effect.match(thread.exited, {
        onFailure: (error) => void (detail = error.message),
        onSuccess: () => undefined
      })
    )
    yield* Effect.promise(async () => {
      await expect.poll(() => catalog.requests.length).toBeGreaterThan(0)
      const before = answers.length
      await expect.poll(() => answers.length).toBeGreaterThan(before + 1)
    })
    expect(new Set(answers.map(({ type }) => type))).toEqual(new Set(['memory.sampled']))
  }).pipe(Effect.scoped)
  await Effect.runPromise(use)
  expect(detail).not.toContain('uncaught')
})
