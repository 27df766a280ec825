/** Spools for tests. */
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import {
  openSpool,
  type Spool,
  type SpoolEvent,
  type SpoolOptions
} from '../../../src/adapters/log/spool.ts'
import { topic } from './log-support.ts'

export interface OpenedSpool {
  readonly spool: Spool
  readonly events: SpoolEvent[]
  readonly close: () => Promise<void>
}

export const openTestSpool = async (
  directory: string,
  options: Partial<SpoolOptions> = {}
): Promise<OpenedSpool> => {
  const scope = Scope.makeUnsafe()
  const events: SpoolEvent[] = []
  const opening = openSpool({
    directory,
    files: nodeFiles,
    clock: systemClock,
    process: options.process ?? (await nodeProcess()),
    topics: new Map([[topic, 2]]),
    bytesMax: () => 1_000_000,
    limits: { flushDelayMs: 0, segmentBytes: 1_000, positionStepBytes: 1 },
    observe: (event) => events.push(event),
    ...options
  })
  const spool = await Effect.runPromise(Scope.provide(opening, scope))
  return { spool, events, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
