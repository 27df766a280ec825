/** Asks the probe in K2's process (`probe.mjs`). */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { requireEnough } from './statistics.ts'
import { projectRoot, type Running } from './workspace.ts'

const answerMsMax = 10_000

/** Arguments of `node` that load the probe. */
export const probeFlags: readonly string[] = [
  '--import',
  pathToFileURL(join(projectRoot, 'bench', 'probe.mjs')).href
]

/** Event-loop delay of the main thread; every value includes the monitor's resolution of 2 ms. */
export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** Intervals that it is of. */
  readonly count: number
}

/** From now on. */
export const restartLoopDelay = (running: Running): Promise<unknown> =>
  running.ask('loop.restart', answerMsMax)

/** @param share the furthest percentile that is to be told; @throws RangeError if it cannot be */
export const readLoopDelay = async (running: Running, share = 0.99): Promise<LoopDelay> => {
  const delay = await running.ask<LoopDelay>('loop.read', answerMsMax)
  requireEnough(delay.count, share)
  return delay
}

/** Attaches a watcher of the actor system that does nothing, or takes it away. */
export const setWatcher = (
  running: Running,
  isAttached: boolean
): Promise<{ readonly eventCount: number }> =>
  running.ask(isAttached ? 'watcher.attach' : 'watcher.detach', answerMsMax)
