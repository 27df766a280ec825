/** What this process is measured by: its memory over all isolates (R13), and its event loop. */
import * as Effect from 'effect/Effect'
import { openHeapMonitor } from '../../adapters/telemetry/heap-monitor.ts'
import { openLoopDelay } from '../../adapters/telemetry/loop-delay.ts'
import { memoryBytesMax } from '../../adapters/telemetry/memory-limit.ts'
import { tracked } from '../resource-registry.ts'
import type { Shared } from '../shared.ts'
import { steadyMs } from '../steady-clock.ts'
import { makeMemoryUse } from './memory-use.ts'
import type { SamplerPorts } from './sampler-actor.ts'

const loopWindowMs = 10_000

export const openProcessMonitors = ({
  config,
  memory: board
}: Shared): SamplerPorts['openMonitors'] =>
  Effect.gen(function* () {
    const heap = yield* tracked('garbage observer', 'other')(openHeapMonitor)
    const loopDelay = yield* tracked('event-loop monitor', 'timer')(
      openLoopDelay(loopWindowMs, steadyMs)
    )
    const memory = makeMemoryUse({
      heap,
      board,
      bytesMax: memoryBytesMax(config.memoryBytesMax),
      collectFrom: config.memoryLeave[0] ?? null,
      sampleMs: config.degradationMs
    })
    return { memory, loopDelay }
  })
