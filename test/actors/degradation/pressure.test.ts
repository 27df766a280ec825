/**
 * The group `degradation` as it runs: real sampler, real manager, real memory. Its roles leave out
 * what needs a log, so that nothing but what the test holds is measured.
 */
import { randomUUID } from 'node:crypto'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Layer from 'effect/Layer'
import * as ManagedRuntime from 'effect/ManagedRuntime'
import * as Scope from 'effect/Scope'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AnyActorRef, createActor } from 'xstate'
import { degradationChildren } from '../../../src/actors/degradation/degradation-group.ts'
import { inject } from '../../../src/actors/degradation/injection.ts'
import type { HoardRequest } from './hoarding-worker.ts'
import { makeFromEffect } from '../../../src/actors/effect-actor.ts'
import { makeInspector } from '../../../src/actors/inspector.ts'
import { makeKernel } from '../../../src/actors/kernel.ts'
import { makeShared, type Shared } from '../../../src/actors/shared.ts'
import { findActor, readStatus } from '../../../src/actors/status.ts'
import { steadyMs } from '../../../src/actors/steady-clock.ts'
import { supervisor } from '../../../src/actors/supervisor-actor.ts'
import type { MemorySampled } from '../../../src/actors/worker-memory.ts'
import { readConfig } from '../../../src/adapters/config/config.ts'
import { openWorkerThread } from '../../../src/adapters/thread/worker-thread.ts'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'
import type { Level } from '../../../src/machines/ingest-policy.ts'
import { unhurried } from '../../support/unhurried.ts'
import { until } from '../../support/until.ts'

vi.setConfig({ testTimeout: 120_000 })

const MiB = 1_024 ** 2
const ends: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const startGroup = async (memoryMiB: number) => {
  const config = readConfig(
    {
      K2_ROLES: 'serve',
      K2_KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1',
      K2_MEMORY_LIMIT: `${memoryMiB}MiB`,
      K2_DEGRADATION_INTERVAL: '100ms',
      K2_DEGRADATION_COOLDOWN: '300ms',
      ...unhurried
    },
    []
  )
  const telemetry = makeTelemetry({ level: 'error', nowMs: Date.now, write: () => undefined })
  const shared = makeShared({ config, telemetry, nowMs: Date.now, uuid: randomUUID })
  const scope = Scope.makeUnsafe()
  const disk = { bytes: 0, bytesMax: 1, spoolBytes: 0, get atMs() { return steadyMs() } }
  await Effect.runPromise(Scope.provide(shared.disk.serve(disk), scope))
  const kernel = makeKernel({ nowMs: Date.now, seed: 1 })
  const runtime = ManagedRuntime.make(Layer.empty)
  const fromEffect = makeFromEffect(runtime, { kernel, commandsMax: 64, releaseMsMax: 5_000 })
  const tree = supervisor(kernel, { id: 'root' }, [
    supervisor(
      kernel,
      { id: 'degradation' },
      degradationChildren({ kernel, fromEffect, shared })
    )
  ])
  const inspector = makeInspector({ nowMs: Date.now, transitionsMax: 1_000 })
  const root: AnyActorRef = createActor(tree.logic, { id: 'root', input: tree.spec.input })
  ends.push(async () => {
    root.send({ type: 'stop.requested' })
    await until(() => (root.getSnapshot().status === 'active' ? undefined : true), {
      what: 'the end of the group', msMax: 30_000
    })
    await runtime.dispose()
    await Effect.runPromise(Scope.close(scope, Exit.void))
    expect(kernel.registry.snapshot()).toEqual([])
  })
  root.start()
  const level = (): Level | undefined => shared.policy.current?.level
  return {
    shared,
    scope,
    root,
    level,
    restarts: (path: string) =>
      findActor(readStatus(root, { kernel, inspector }).root, path)!.restarts,
    reach: (what: string, ask: () => boolean) =>
      until(() => (ask() ? true : undefined), {
        what,
        msMax: 60_000,
        seen: () => JSON.stringify(shared.degradation.context?.readings)
      })
  }
}

const valueOf = ({ degradation }: Shared, signal: string): number =>
  degradation.context?.readings.find((it) => it.signal === signal)?.value ?? Number.NaN

const usedMiB = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / MiB
}

/** Holds what is to be measured; emptied, nothing refers to it any more. */
const hoard: Buffer[] = []

test('300 MiB of Buffers raise the level, the heap stays flat; released, it is back', async () => {
  const group = await startGroup(Math.ceil(usedMiB()) + 350)
  await group.reach('a first sample', () => group.level() !== undefined)
  expect(group.level()).toBe('normal')
  const heapBefore = process.memoryUsage().heapUsed
  for (let n = 0; n < 300; n++) hoard.push(Buffer.alloc(MiB, 1))
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(20 * MiB)
  await group.reach('a level above normal', () => group.level() !== 'normal')
  const [newest] = [...group.shared.degradation.history].reverse()
  expect(newest).toMatchObject({ from: 'normal', signal: 'memory', unit: 'bytes' })
  expect(newest!.value).toBeGreaterThanOrEqual(newest!.threshold!)
  hoard.length = 0
  // Nothing here collects garbage but the sampler itself.
  await group.reach('normal again', () => group.level() === 'normal')
  const path = group.shared.degradation.history.map(({ from, to }) => `${from} > ${to}`)
  expect(path[0]).toBe('soft > normal')
})

test('200 MiB held in a worker raise it, and are gone with the worker', async () => {
  const group = await startGroup(Math.ceil(usedMiB()) + 250)
  await group.reach('a first sample', () => group.level() !== undefined)
  const scope = Scope.makeUnsafe()
  const name = 'hoarder'
  const { thread } = await Effect.runPromise(
    Scope.provide(
      Effect.gen(function* () {
        const memory = yield* group.shared.memory.reporter(name)
        const thread = yield* openWorkerThread<null, HoardRequest, MemorySampled>({
          name,
          entry: new URL('./hoarding-worker.ts', import.meta.url),
          data: null,
          heapBytesMax: 64 * MiB,
          stopMsMax: 5_000,
          onMessage: memory.report
        })
        memory.collectBy(() => thread.post({ type: 'memory.collect_requested' }))
        return { thread }
      }),
      scope
    )
  )
  await group.reach('word of the worker', () => group.shared.memory.threads[0] !== undefined)
  const before = valueOf(group.shared, 'memory')
  expect(group.level()).toBe('normal')
  const main = process.memoryUsage().arrayBuffers
  thread.post({ type: 'hoard.requested', mebibytes: 200 })
  await group.reach('a level above normal', () => group.level() !== 'normal')
  expect(process.memoryUsage().arrayBuffers - main).toBeLessThan(50 * MiB)
  expect(valueOf(group.shared, 'memory') - before).toBeGreaterThan(150 * MiB)
  thread.post({ type: 'hoard.requested', mebibytes: 0 })
  await group.reach('normal again', () => group.level() === 'normal')
  await Effect.runPromise(Scope.close(scope, Exit.void))
  expect(group.shared.memory.threads).toEqual([])
})

describe('signals that are not of now', () => {
  test('a stale one freezes the level until it speaks again', async () => {
    const group = await startGroup(8_192)
    const silent = { bytes: 0, bytesMax: 1, spoolBytes: 0, atMs: steadyMs() - 3_600_000 }
    await group.reach('a first sample', () => group.level() !== undefined)
    const other = Scope.makeUnsafe()
    await Effect.runPromise(Scope.provide(group.shared.disk.serve(silent), other))
    inject(group.shared, { level: 'graceful', expiresSeconds: 1 })
    await group.reach('graceful', () => group.level() === 'graceful')
    const state = () =>
      group.shared.degradation.context!.readings.find(({ signal }) => signal === 'disk')!.state
    expect(state()).toBe('stale')
    await group.reach('the end of what was injected', () => {
      const { process, cooldownMs, readings } = group.shared.degradation.context!
      const injected = readings.find(({ signal }) => signal === 'injected')!
      return injected.value === 0 && steadyMs() - process.changedMs! > 3 * cooldownMs
    })
    expect(group.level()).toBe('graceful')
    silent.atMs = Infinity
    await group.reach('normal again', () => group.level() === 'normal')
    await Effect.runPromise(Scope.close(other, Exit.void))
  })
})

describe('restarts (R39)', () => {
  test('nothing is commanded before the first sample; then the policy is set', async () => {
    const heard: (Level | undefined)[] = []
    const group = await startGroup(8_192)
    heard.push(group.level())
    group.shared.policy.follow(({ level }) => heard.push(level))
    await group.reach('a first sample', () => group.level() !== undefined)
    expect(heard).toEqual([undefined, 'normal'])
  })

  test('a manager that crashes keeps what it commanded, and its history', async () => {
    const group = await startGroup(8_192)
    await group.reach('a first sample', () => group.level() !== undefined)
    inject(group.shared, { level: 'aggressive', expiresSeconds: 3_600 })
    await group.reach('aggressive', () => group.level() === 'aggressive')
    const { policy } = group.shared
    const heard: Level[] = []
    policy.follow(({ level }) => heard.push(level))
    vi.spyOn(group.shared.degradation, 'note').mockImplementationOnce(() => {
      throw new Error('the test says so')
    })
    await group.reach('a restart', () => group.restarts('root/degradation/manager') === 1)
    await group.reach('a sample', () => group.shared.degradation.context?.changes.length === 0)
    expect(new Set(heard)).toEqual(new Set(['aggressive']))
    expect(group.shared.degradation.history).toMatchObject([{ from: 'normal', to: 'aggressive' }])
    group.shared.degradation.clear()
    await group.reach('normal again', () => group.level() === 'normal')
    expect(group.shared.degradation.history.map(({ kind }) => kind)).toEqual([
      'recovered', 'recovered', 'recovered', 'escalated'
    ])
  })

  test('a follower that throws stops neither the manager nor the others', async () => {
    const group = await startGroup(8_192)
    const heard: Level[] = []
    group.shared.policy.follow(({ level }) => {
      if (level === 'soft') throw new Error('a follower that fails')
    })
    group.shared.policy.follow(({ level }) => heard.push(level))
    await group.reach('a first sample', () => group.level() !== undefined)
    inject(group.shared, { level: 'soft', expiresSeconds: 3_600 })
    await group.reach('soft', () => group.level() === 'soft')
    group.shared.degradation.clear()
    await group.reach('normal again', () => group.level() === 'normal')
    expect(heard).toEqual(['normal', 'soft', 'normal'])
    expect(group.restarts('root/degradation/manager')).toBe(0)
  })
})
