/** Batches and logs for the tests of the event log. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Scope from 'effect/Scope'
import { onTestFinished } from 'vitest'
import {
  type EmbeddedLog,
  type EmbeddedLogEvent,
  type EmbeddedLogOptions,
  openEmbeddedLog
} from '../../../src/adapters/log/embedded-log.ts'
import { nodeFiles, systemClock } from '../../../src/adapters/log/node-files.ts'
import { nodeProcess } from '../../../src/adapters/log/node-process.ts'
import {
  forEachRecord,
  type LogBatch,
  PackedRecordsBuilder,
  type PackedRecords
} from '../../../src/adapters/log/record-batch.ts'

const fingerprint = '0123456789abcdef'
export const topic = 'market.crypto.trades.test'

export const packed = (...values: readonly string[]): PackedRecords => {
  const builder = new PackedRecordsBuilder(256)
  for (const value of values) builder.add('BTCUSDT', Buffer.from(value))
  return builder.take(fingerprint)
}

/** `[offset, value]` of every record. */
export const recordsOf = (batches: readonly LogBatch[]): (readonly [number, string])[] =>
  batches.flatMap((batch) => {
    const found: (readonly [number, string])[] = []
    forEachRecord(batch, ({ offset, valueStart, valueEnd }) => {
      found.push([offset, Buffer.from(batch.bytes.subarray(valueStart, valueEnd)).toString()])
    })
    return found
  })

export const temporaryDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'k2-log-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export interface OpenedLog {
  readonly log: EmbeddedLog
  readonly events: EmbeddedLogEvent[]
  readonly close: () => Promise<void>
}

export const openLog = async (
  directory: string,
  options: Partial<EmbeddedLogOptions> = {}
): Promise<OpenedLog> => {
  const scope = Scope.makeUnsafe()
  const events: EmbeddedLogEvent[] = []
  const log = await Effect.runPromise(
    Scope.provide(
      openEmbeddedLog({
        directory,
        files: nodeFiles,
        clock: systemClock,
        process: options.process ?? (await nodeProcess()),
        topics: { [topic]: 1 },
        neverBelow: [],
        observe: (event) => events.push(event),
        ...options
      }),
      scope
    )
  )
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  return { log, events, close }
}

/** Everything that can be read from an offset on. */
export const readAll = async (
  log: Pick<EmbeddedLog, 'read' | 'bounds'>,
  fromOffset = 0,
  bytesMax = 64 * 1024
): Promise<(readonly [number, string])[]> => {
  const found: (readonly [number, string])[] = []
  for (let offset = fromOffset; ; ) {
    const batches = await Effect.runPromise(log.read(topic, 0, { fromOffset: offset, bytesMax }))
    // A batch that holds the offset in its middle is given whole.
    if (batches.length === 0) return found.filter(([at]) => at >= fromOffset)
    // The next read may use the memory of this one.
    found.push(...recordsOf(batches))
    offset = batches.at(-1)!.endOffset
  }
}
