/**
 * Claims and the gap ledger: the table of gaps, the publisher of claims, who offers them, and the
 * gap writer, over the same files, log and catalog as all else.
 */
import * as Effect from 'effect/Effect'
import { claimsProgram } from '../../src/actors/gaps/claims-actor.ts'
import { type GapWriterMachine, gapWriterProgram } from '../../src/actors/gaps/gap-writer-actor.ts'
import { localDataFiles } from '../../src/actors/lander/data-file-store.ts'
import { tableProgram } from '../../src/actors/storage/table-actor.ts'
import { worker } from '../../src/actors/supervisor-actor.ts'
import { GapColumns } from '../../src/adapters/duckdb/gap-columns.ts'
import { openLogReader } from '../../src/adapters/log/log-reader.ts'
import type { EventLogReader } from '../../src/adapters/log/event-log.ts'
import type { GapEventV1 } from '../../src/market/records/gap-event-v1.ts'
import type * as Scope from 'effect/Scope'
import type { Component, ComponentContext } from './component.ts'
import { publisherOf } from './publisher.ts'
import { rowWriter } from './rows.ts'

export interface GapsOptions {
  /** A reader of the broker's claims; undefined: the log is embedded. */
  readonly openReader:
    | ((process: ComponentContext['process']) => Effect.Effect<EventLogReader, never, Scope.Scope>)
    | undefined
}

const drainMsMax = 2_000
const writerDrainMsMax = 5_000
const startMsMax = 120_000
const onLimit = 'quarantine'

export const gaps = (options: GapsOptions): Component => ({
  name: 'gaps',
  children: (context) => {
    const { shared, fromEffect, limit } = context
    const table = fromEffect(tableProgram(shared, shared.gaps))
    const writer = fromEffect(gapWriterProgram(shared, machineOf(context, options)))
    return {
      storage: [worker({ id: 'gaps', drainMsMax, onLimit, limit, startMsMax }, table)],
      log: [publisherOf(context, shared.gaps)],
      landing: [
        worker(
          { id: 'gaps', onLimit, limit, ready: 'started', drainMsMax: writerDrainMsMax },
          writer
        ),
        worker({ id: 'claims', drainMsMax, onLimit, limit }, fromEffect(claimsProgram(shared)))
      ]
    }
  },
  check: () => undefined
})

/** An event of the ledger as a data file of its table holds it. */
export interface StoredEvent {
  readonly number: number
  readonly event: GapEventV1
}

/** The writer's own columns, and beside them the events as they can be read back. */
class GapRows extends GapColumns {
  readonly rows: StoredEvent[] = []

  override pushEvent(event: GapEventV1, partition: string, number: number): void {
    super.pushEvent(event, partition, number)
    this.rows.push({ number, event })
  }

  override clear(): void {
    super.clear()
    this.rows.length = 0
  }
}

const machineOf = (
  { process }: ComponentContext,
  { openReader }: GapsOptions
): GapWriterMachine => ({
  openLog: ({ folder }, log) =>
    openReader === undefined
      ? Effect.map(
          openLogReader({
            directory: folder.log,
            files: process.files,
            watermarks: log.watermarks()
          }),
          (reader) => ({ reader, advance: reader.advance })
        )
      : Effect.map(openReader(process), (reader) => ({ reader, advance: () => undefined })),
  openFiles: ({ gaps: table }) => {
    const writer = rowWriter(process.files)
    const dataFiles = localDataFiles(table, writer.sync)
    return Effect.tryPromise({
      try: async () => {
        await process.files.makeDirectory(dataFiles.folder)
        return { rows: new GapRows(), writer, dataFiles }
      },
      catch: (error) => ({ message: String(error) })
    })
  }
})
