/**
 * Entry of the lander's worker thread: opens its own readers and writers, lands, reports.
 *
 * 1. It ends by itself only after `lander.finished` or `lander.failed`; its actor decides what follows.
 * 2. Asked to stop, it interrupts what runs and releases DuckDB before the thread ends.
 */
import { randomUUID } from 'node:crypto'
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import { openDeadLetterLog } from '../../adapters/dead-letters/dead-letter-log.ts'
import { makeFolder, removeFile, syncToDisk } from '../../adapters/disk/folders.ts'
import { fieldIdsOf } from '../../adapters/duckdb/columns.ts'
import { openParquetWriter } from '../../adapters/duckdb/parquet-writer.ts'
import { tradeColumns, TradeColumns } from '../../adapters/duckdb/trade-columns.ts'
import { currentSchema } from '../../adapters/iceberg/metadata.ts'
import { openLogReader } from '../../adapters/log/log-reader.ts'
import { nodeFiles } from '../../adapters/log/node-files.ts'
import { partitionOf } from '../../adapters/log/partitioner.ts'
import { makeRecordCodec } from '../../adapters/schema/record-codec.ts'
import { workerLink } from '../../adapters/thread/worker-thread.ts'
import { type TradeV2, tradeV2Schema } from '../../market/records/trade-v2.ts'
import { dataFolderAt, openTradesTable } from '../storage/data-folder.ts'
import { deadLetterBytesMax, deadLetterFileBytesMax } from './dead-letter-limits.ts'
import { makeIcebergLandingTable } from './iceberg-landing-table.ts'
import { makeLander } from './lander.ts'
import { LandingFailed } from './lander-ports.ts'
import type { LanderAnswer, LanderRequest, LanderWorkerData } from './lander-protocol.ts'

const memorySampleMs = 1_000
/** Leaves the second core to the main thread. */
const duckdbThreads = 1

const link = workerLink<LanderWorkerData, LanderRequest, LanderAnswer>()

const openLander = (data: LanderWorkerData) =>
  Effect.gen(function* () {
    const folder = dataFolderAt(data.dataDir)
    yield* makeFolder(folder.temporary)
    const log =
      yield *
      openLogReader({ directory: folder.log, files: nodeFiles, watermarks: data.watermarks })
    const table = yield* openTradesTable({
      folder,
      snapshotsMax: data.snapshotsMax,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: () => undefined
    })
    const writer = yield* openParquetWriter({
      columns: tradeColumns,
      fieldIds: fieldIdsOf(currentSchema(table.loaded.metadata)),
      files: { syncFile: syncToDisk, syncDirectory: syncToDisk, remove: removeFile },
      threads: duckdbThreads,
      memoryBytesMax: data.duckdbBytesMax,
      tempDirectory: folder.temporary
    })
    const deadLetters = yield* openDeadLetterLog({
      folder: folder.deadLetters,
      name: 'lander',
      fileBytesMax: deadLetterFileBytesMax,
      bytesMax: deadLetterBytesMax
    })
    const { topic } = data.lander
    const lander = makeLander(data.lander, {
      log,
      table: makeIcebergLandingTable({
        table,
        writer,
        logIdentity: log.identity,
        topic,
        partitionCount: log.topics.get(topic) ?? 0,
        onRemoved: (files) => {
          if (files.length > 0)
            link.post({ type: 'files.removed', locations: files.map(({ location }) => location) })
        }
      }),
      rows: new TradeColumns(),
      codec: makeRecordCodec<TradeV2>(tradeV2Schema),
      deadLetters,
      partitionOf,
      nowMs: Date.now,
      uuid: randomUUID,
      observe: (event) => link.post({ type: 'lander.observed', event })
    })
    return { lander, log }
  })

const sampleMemory = Effect.sync(() => {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  link.post({ type: 'memory.sampled', heapUsedBytes: heapUsed, arrayBufferBytes: arrayBuffers })
}).pipe(Effect.andThen(Effect.sleep(memorySampleMs)), Effect.forever)

const program = Effect.gen(function* () {
  const { lander, log } = yield* openLander(link.data)
  link.listen(
    (request) => {
      if (request.type === 'log.advanced') log.advance(request.watermark)
      else Effect.runFork(lander.finish)
    },
    () => Effect.runFork(Fiber.interrupt(running))
  )
  yield* Effect.forkScoped(sampleMemory)
  yield* lander.run
}).pipe(Effect.scoped)

const answerOf = (exit: Exit.Exit<void, { readonly message: string }>): LanderAnswer => {
  if (Exit.isSuccess(exit)) return { type: 'lander.finished' }
  const error = Cause.squash(exit.cause)
  return {
    type: 'lander.failed',
    detail: error instanceof Error ? error.message : Cause.pretty(exit.cause),
    isDependency: error instanceof LandingFailed && error.isDependency
  }
}

const running = Effect.runFork(program)
running.addObserver((exit) => {
  link.post(answerOf(exit))
  link.close()
})
