import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import * as Queue from 'effect/Queue'
import { expect, test, vi } from 'vitest'
import { LandingProgress } from '../../src/actors/lander/landing-progress.ts'
import { CurrentActor } from '../../src/actors/resource-registry.ts'
import { makeShared } from '../../src/actors/shared.ts'
import { telemetryProgram } from '../../src/actors/telemetry-actor.ts'
import { readConfig } from '../../src/adapters/config/config.ts'
import type { EmbeddedLog } from '../../src/adapters/log/embedded-log.ts'
import { makeTelemetry } from '../../src/adapters/telemetry/telemetry.ts'
import { emptyPartitionState } from '../../src/machines/partition-fold.ts'

test('the lag counts from where landing stood, also while the lander is restarted', async () => {
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined })
  const config = readConfig({}, [])
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const { topic, landing } = shared.trades
  const lag = async () => {
    const found = /^k2_landing_lag_records\{.*\} (\d+)$/m.exec((await telemetry.exposition()).body)
    return found === null ? undefined : Number(found[1])
  }
  const lagOf = (records: number) =>
    Effect.promise(() =>
      vi.waitUntil(async () => (await lag()) === records, { timeout: 60_000, interval: 50 })
    )
  let durableEnd = 1_000
  const log = {
    usage: () => ({ diskBytes: 0, pendingBytes: 0 }),
    watermarks: () => [{ topic, partition: 0, durableEnd }]
  }
  const program = Effect.gen(function* () {
    yield* shared.log.serve(log as unknown as EmbeddedLog)
    const commands = yield* Queue.unbounded<{ readonly type: string }>()
    yield* Effect.forkScoped(
      telemetryProgram(shared, '0')({
        input: undefined,
        path: 'telemetry',
        commands,
        notifyParent: () => undefined,
        ready: () => undefined,
        reportStatus: () => undefined
      })
    )
    const { counters } = emptyPartitionState()
    const positions = [{ partition: 0, offset: 900, counters }]
    const first = new LandingProgress()
    first.observe({ type: 'lander.started', positions }, 0)
    yield* Effect.scoped(Effect.andThen(landing.serve(first), lagOf(100)))
    durableEnd = 1_010
    yield* lagOf(110)
    yield* landing.serve(new LandingProgress())
    durableEnd = 1_020
    yield* lagOf(120)
  })
  await Effect.runPromise(
    Effect.scoped(program).pipe(
      Effect.provideService(CurrentActor, {
        path: 'telemetry',
        register: () => ({ release: () => undefined, leak: () => undefined })
      })
    )
  )
  expect(await lag()).toBe(120)
})
